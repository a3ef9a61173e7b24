//! How long a handler may work.
//!
//! While it waits for its client's bytes the limits of the body hold. From the last byte that it took in on it has the
//! time that is configured, so that whoever asks is told within it that the store answers nothing. A route that waits
//! by its nature says so with [`waits_by_nature`].

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, sleep_until};

/// Lets a route take its time, up to the limit of every answer: it waits for something that is not the store.
pub async fn waits_by_nature(request: Request, next: Next) -> Response {
    if let Some(patience) = request.extensions().get::<Patience>() {
        patience.state().limit = None;
    }
    next.run(request).await
}

/// What is left of the patience with one request; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Patience(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// `None`: as long as it takes.
    limit: Option<Duration>,
    /// Since when it has not waited for its client.
    working_since: Instant,
    awaits_client: bool,
}

impl Patience {
    /// Counts from now on; the request carries it, so that its body and its route are heard.
    pub(super) fn with(request: Request, limit: Duration) -> (Self, Request) {
        let patience = Self(Arc::new(Mutex::new(State {
            limit: Some(limit),
            working_since: Instant::now(),
            awaits_client: false,
        })));
        let heard = patience.clone();
        let mut request = request.map(|body| Body::new(AwaitedBody { body, heard }));
        request.extensions_mut().insert(patience.clone());
        (patience, request)
    }

    /// Resolves when the handler has worked for too long.
    pub(super) async fn is_over(&self) {
        while let Some(until) = self.holds_until() {
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
        std::future::pending::<()>().await;
    }

    /// No sooner than this is it over. `None`: never.
    fn holds_until(&self) -> Option<Instant> {
        let state = self.state();
        let since = if state.awaits_client {
            Instant::now()
        } else {
            state.working_since
        };
        Some(since + state.limit?)
    }

    fn awaits_client(&self, awaits: bool) {
        let mut state = self.state();
        state.awaits_client = awaits;
        state.working_since = Instant::now();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request's body; whoever polls it in vain waits for the client.
struct AwaitedBody {
    body: Body,
    heard: Patience,
}

impl HttpBody for AwaitedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.heard.awaits_client(polled.is_pending());
        Poll::Ready(ready!(polled))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for AwaitedBody {
    fn drop(&mut self) {
        // Whoever gave the body up does not wait for it any more.
        self.heard.awaits_client(false);
    }
}
