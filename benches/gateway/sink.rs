//! The third party of the benchmark: takes every webhook, counts them, and sees how long each was on its way.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
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

/// Stands before the number of microseconds at which a message was due.
const MARK: &str = "due-at-";

/// Webhooks to this path hang and are not counted.
const HANGS: &str = "/hangs";

/// Makes a request of a third party about 400 bytes long.
const TEXT: &str = "Your parcel waits for you at the counter of the shop round the corner until tomorrow evening. \
    Please bring this message and something that shows who you are; whoever comes in your place needs a line from you.";

/// A text that says when it was due.
pub fn marked_text(due: Instant) -> String {
    let due = due.saturating_duration_since(beginning()).as_micros();
    format!("{TEXT} {MARK}{due}.")
}

/// All times of one process are counted from here.
fn beginning() -> Instant {
    static BEGINNING: OnceLock<Instant> = OnceLock::new();
    *BEGINNING.get_or_init(Instant::now)
}

/// What has arrived.
#[derive(Debug, Default, Clone)]
pub struct Delivered {
    /// Of each message that came for the first time, from the moment it was due.
    pub latencies: Vec<Duration>,
    /// Webhooks of a message that had come already.
    pub repeats: usize,
    /// From the first to the last one.
    pub time: Duration,
}

#[derive(Debug, Default)]
struct Seen {
    /// Hashes of the messages' ids.
    ids: HashSet<u64>,
    delivered: Delivered,
    first: Option<Instant>,
    /// Open now, and at most, of each path.
    open: HashMap<String, (usize, usize)>,
    /// How long an answer takes.
    latency: Duration,
}

#[derive(Debug)]
pub struct Sink {
    seen: Arc<Mutex<Seen>>,
    port: u16,
}

impl Sink {
    /// Serves on a thread of its own until the process ends.
    pub fn start(hang: Duration) -> io::Result<Self> {
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
        std::thread::spawn(move || LocalSet::new().block_on(&runtime, serve(listener, seen, hang)));
        Ok(sink)
    }

    /// Host and port.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// An address whose webhooks are counted. All of them are; it is for telling lanes apart.
    pub fn webhook(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/webhook/{name}", self.port)
    }

    /// An address that answers late.
    pub fn hanging_webhook(&self) -> String {
        format!("http://127.0.0.1:{}{HANGS}", self.port)
    }

    pub fn set_latency(&self, latency: Duration) {
        lock(&self.seen).latency = latency;
    }

    /// Forgets what has come.
    pub fn reset(&self) {
        let mut seen = lock(&self.seen);
        *seen = Seen {
            latency: seen.latency,
            ..Seen::default()
        };
    }

    /// The most webhooks of one address that were open at once.
    pub fn open_max(&self) -> usize {
        let most = lock(&self.seen).open.values().map(|(_, most)| *most).max();
        most.unwrap_or_default()
    }

    /// Waits until so many messages have come, or none for `silence_max`.
    pub async fn wait_for(&self, messages: usize, silence_max: Duration) -> Delivered {
        let mut last = (0, Instant::now());
        loop {
            let count = lock(&self.seen).ids.len();
            if count >= messages || last.1.elapsed() > silence_max {
                return lock(&self.seen).delivered.clone();
            }
            if count > last.0 {
                last = (count, Instant::now());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, seen: Arc<Mutex<Seen>>, hang: Duration) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let seen = Arc::clone(&seen);
        tokio::task::spawn_local(async move {
            let service = service_fn(move |request| take(request, Arc::clone(&seen), hang));
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
    hang: Duration,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    if path == HANGS {
        tokio::time::sleep(hang).await;
    } else if let Ok(body) = request.into_body().collect().await {
        let latency = lock(&seen).begin(&path, &body.to_bytes());
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        lock(&seen).end(&path);
    }
    Ok(Response::new(Full::new(Bytes::from_static(b"{}"))))
}

impl Seen {
    /// Counts a webhook and says how long its answer takes.
    fn begin(&mut self, path: &str, body: &[u8]) -> Duration {
        self.note(body);
        if let Some((open, most)) = self.open.get_mut(path) {
            *open += 1;
            *most = (*most).max(*open);
        } else {
            self.open.insert(path.to_owned(), (1, 1));
        }
        self.latency
    }

    fn end(&mut self, path: &str) {
        // A reset may have come between.
        if let Some((open, _most)) = self.open.get_mut(path) {
            *open = open.saturating_sub(1);
        }
    }

    fn note(&mut self, body: &[u8]) {
        let now = Instant::now();
        let body = String::from_utf8_lossy(body);
        let (Some(id), Some(due)) = (
            between(&body, "\"messageId\":\"", '"'),
            between(&body, MARK, '.').and_then(|micros| micros.parse().ok()),
        ) else {
            return;
        };
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        if !self.ids.insert(hasher.finish()) {
            self.delivered.repeats += 1;
            return;
        }
        let due = beginning() + Duration::from_micros(due);
        self.delivered
            .latencies
            .push(now.saturating_duration_since(due));
        self.delivered.time = now - *self.first.get_or_insert(now);
    }
}

fn between<'a>(text: &'a str, start: &str, end: char) -> Option<&'a str> {
    let (_before, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(value, _after)| value)
}
