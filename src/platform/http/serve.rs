//! The accept loop. Every connection has deadlines for what its client does, and their number is bounded; what a
//! handler does has limits of its own (see [`super::middleware`]).

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::Service;
use tracing::{debug, warn};

use super::activity::{Activity, AnswerBody, Deadlines, RequestBody, TrackedStream};
use super::address::{CallerAddress, TrustedHops};
use crate::platform::lifecycle::Lifecycle;
use crate::platform::telemetry::metric;

/// The most that the head of a request and what is read ahead of its body may take, in bytes.
const READ_BUFFER_BYTES_MAX: usize = 64 * 1024;

/// How long the loop waits after the system had no room for a further connection.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(100);

/// What a connection beyond the limit gets. It is written without reading or waiting.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/json\r\n\
    x-content-type-options: nosniff\r\n\
    retry-after: 1\r\n\
    connection: close\r\n\
    content-length: 82\r\n\
    \r\n\
    {\"status\":{\"code\":503,\"message\":\"too many connections are open; try again later\"}}";

/// What clients of a listener may take from the process.
#[derive(Debug, Clone, Copy)]
pub struct ServeLimits {
    /// From the connection's beginning, or the first byte of a further request, to the end of the head.
    pub header_timeout: Duration,
    /// From the end of an answer to the first byte of a further request; also how long a client may refuse to take a
    /// byte of its answer.
    pub idle_timeout: Duration,
    /// Open connections; one beyond them is answered 503 and closed.
    pub connections_max: usize,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            connections_max: 4_096,
        }
    }
}

/// Answers the connections of a listener with `router`. Every request is told its [`CallerAddress`].
///
/// It accepts until [`Lifecycle::listeners_closed`]; then connections end after the answer that they are at, and at
/// [`Lifecycle::cut`] at once. Returns when the last has ended.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ServeLimits,
    trusted: TrustedHops,
    lifecycle: Lifecycle,
) {
    let (closed, cut) = (lifecycle.listeners_closed(), lifecycle.cut());
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = closed.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() >= limits.connections_max => refuse(&stream),
                Ok((stream, peer)) => {
                    let origin = (peer.ip(), trusted);
                    connections.spawn(answer((stream, origin), router.clone(), limits, closed.clone()));
                }
                Err(fault) => pause_after(&fault).await,
            },
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    tokio::select! {
        () = ended => {}
        // Dropping the set ends what is in it.
        () = cut.cancelled() => {}
    }
}

fn refuse(stream: &TcpStream) {
    metrics::counter!(metric::HTTP_SHED).increment(1);
    // The buffer of a fresh connection is empty. A client that does not get this finds its connection closed.
    let _ = stream.try_write(TOO_MANY);
}

async fn pause_after(fault: &io::Error) {
    let is_the_clients = matches!(
        fault.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    );
    if !is_the_clients {
        warn!(error.cause = %fault, "A connection could not be accepted");
        tokio::time::sleep(NO_ROOM_PAUSE).await;
    }
}

/// Answers the requests of one connection.
async fn answer(
    (stream, (peer, trusted)): (TcpStream, (IpAddr, TrustedHops)),
    router: Router,
    limits: ServeLimits,
    closed: CancellationToken,
) {
    let _open = OpenConnection::count();
    // Only a connection that is gone already refuses this; the next read says so.
    let _ = stream.set_nodelay(true);
    let activity = Arc::new(Activity::new());
    let stream = TokioIo::new(TrackedStream::new(stream, Arc::clone(&activity)));
    let tracked = Arc::clone(&activity);
    let service = service_fn(move |request: Request<Incoming>| {
        tracked.request_began();
        let tracked = Arc::clone(&tracked);
        let caller = CallerAddress::of(peer, request.headers(), trusted);
        let mut request =
            request.map(|body| Body::new(RequestBody::new(body, Arc::clone(&tracked))));
        request.extensions_mut().insert(caller);
        let answer = router.clone().call(request);
        async move {
            let response: Response<Body> = answer.await?;
            Ok::<_, Infallible>(response.map(|body| AnswerBody::new(body, tracked)))
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_buf_size(READ_BUFFER_BYTES_MAX)
            .serve_connection(stream, service)
    );
    let mut closing = pin!(closed.cancelled_owned());
    let mut is_closing = false;
    let mut deadlines = pin!(Deadlines::new(activity, limits));
    poll_fn(|context| {
        if !is_closing && closing.as_mut().poll(context).is_ready() {
            is_closing = true;
            connection.as_mut().graceful_shutdown();
        }
        if let Poll::Ready(ended) = connection.as_mut().poll(context) {
            if let Err(fault) = ended {
                debug!(error.cause = %fault, "A connection ended early");
            }
            return Poll::Ready(());
        }
        // Whatever the connection has done just now counts for its deadline.
        deadlines.as_mut().poll_passed(context)
    })
    .await;
}

/// One connection in the metrics, as long as this lives.
struct OpenConnection;

impl OpenConnection {
    fn count() -> Self {
        metrics::gauge!(metric::HTTP_CONNECTIONS).increment(1.0);
        Self
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        metrics::gauge!(metric::HTTP_CONNECTIONS).decrement(1.0);
    }
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
