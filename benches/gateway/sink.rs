//! The third party of the benchmark: accepts every webhook at once, counts them, and sees how long each was on its way.

use std::collections::HashSet;
use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::task::LocalSet;

/// Stands before the number of microseconds at which a message was made.
const MARK: &str = "made-at-";

/// A text of usual length that says when it was made.
pub fn marked_text() -> String {
    let made = beginning().elapsed().as_micros();
    format!(
        "Your parcel waits for you at the counter of the shop round the corner until tomorrow evening. {MARK}{made}."
    )
}

/// All times of one process are counted from here.
fn beginning() -> Instant {
    static BEGINNING: OnceLock<Instant> = OnceLock::new();
    *BEGINNING.get_or_init(Instant::now)
}

/// What has arrived.
#[derive(Debug, Default, Clone)]
pub struct Delivered {
    /// Of each message that came for the first time, from the moment it was made.
    pub latencies: Vec<Duration>,
    /// Webhooks of a message that had come already.
    pub repeats: usize,
    /// From the first to the last one.
    pub time: Duration,
}

#[derive(Debug, Default)]
struct Seen {
    ids: HashSet<String>,
    delivered: Delivered,
    first: Option<Instant>,
}

#[derive(Debug)]
pub struct Sink {
    seen: Arc<Mutex<Seen>>,
    port: u16,
}

impl Sink {
    /// Serves on a thread of its own until the process ends.
    pub fn start() -> io::Result<Self> {
        beginning();
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let sink = Self {
            port: listener.local_addr()?.port(),
            seen: Arc::default(),
        };
        let seen = Arc::clone(&sink.seen);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        std::thread::spawn(move || LocalSet::new().block_on(&runtime, serve(listener, seen)));
        Ok(sink)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn reset(&self) {
        *lock(&self.seen) = Seen::default();
    }

    /// Waits until so many messages have come, or none for `silence_max`.
    pub fn wait_for(&self, messages: usize, silence_max: Duration) -> Delivered {
        let mut last = (0, Instant::now());
        loop {
            let count = lock(&self.seen).ids.len();
            if count >= messages || last.1.elapsed() > silence_max {
                return lock(&self.seen).delivered.clone();
            }
            if count > last.0 {
                last = (count, Instant::now());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, seen: Arc<Mutex<Seen>>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let seen = Arc::clone(&seen);
        tokio::task::spawn_local(async move {
            let service = service_fn(move |request| take(request, Arc::clone(&seen)));
            // A connection that breaks is the gateway's to notice.
            let _ended = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn take(
    request: Request<Incoming>,
    seen: Arc<Mutex<Seen>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if let Ok(body) = request.into_body().collect().await {
        lock(&seen).note(&body.to_bytes());
    }
    Ok(Response::new(Full::new(Bytes::from_static(b"{}"))))
}

impl Seen {
    fn note(&mut self, body: &[u8]) {
        let now = Instant::now();
        let body = String::from_utf8_lossy(body);
        let (Some(id), Some(made)) = (
            between(&body, "\"messageId\":\"", '"'),
            between(&body, MARK, '.').and_then(|micros| micros.parse().ok()),
        ) else {
            return;
        };
        if !self.ids.insert(id.to_owned()) {
            self.delivered.repeats += 1;
            return;
        }
        let made = beginning() + Duration::from_micros(made);
        self.delivered.latencies.push(now - made);
        self.delivered.time = now - *self.first.get_or_insert(now);
    }
}

fn between<'a>(text: &'a str, start: &str, end: char) -> Option<&'a str> {
    let (_before, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(value, _after)| value)
}
