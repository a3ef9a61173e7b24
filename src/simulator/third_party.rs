//! The simulated third party: an HTTP server on a real socket that takes webhooks as the vendor's contract asks, and
//! answers as it was told.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::answer::{Answer, AnsweredId, Rule, Rules};
use super::callback::{ConsumerText, Taken};
use super::caller::{self, CallbackRules, Caller, CannotCall, Made};
use super::control;
use super::dialect::{Dialect, Envelope};
use super::genesys_cloud::GenesysCloud;
use super::received::{Log, Received, Room, Signature};
use super::respond::render_within;
use crate::platform::clock::Clock;
use crate::values::Secret;

/// No webhook is longer; a longer body is answered with 413.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// What a simulated third party is started with.
#[derive(Debug)]
pub struct ThirdPartyOptions {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whose wire format it speaks.
    pub dialect: Dialect,
    /// The webhook secrets it accepts signatures of. With none, signatures are not checked.
    pub secrets: Vec<Secret>,
    /// Says which signatures are too old.
    pub clock: Clock,
    /// How many requests are kept; older ones are dropped.
    pub requests_max: usize,
    /// How many bytes the kept requests may take together.
    pub bytes_max: usize,
    /// How long `wait_for` and `find` wait at most.
    pub patience: Duration,
}

impl Default for ThirdPartyOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            dialect: Dialect::Webhook,
            secrets: Vec::new(),
            clock: Clock::system(),
            requests_max: 10_000,
            bytes_max: 64 * 1024 * 1024,
            patience: Duration::from_secs(10),
        }
    }
}

impl ThirdPartyOptions {
    /// On a free loopback port, with one webhook secret.
    pub fn with_secret(secret: Secret) -> Self {
        Self {
            secrets: vec![secret],
            ..Self::default()
        }
    }
}

/// A running third party. It and all its connections end when this is dropped.
#[derive(Debug)]
pub struct ThirdParty {
    address: SocketAddr,
    patience: Duration,
    desk: Arc<Desk>,
    _server: JoinSet<()>,
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) log: Log,
    pub(super) started: Instant,
    pub(super) dialect: Dialect,
    rules: Mutex<Rules>,
    pub(super) caller: Arc<Caller>,
    secrets: Vec<Secret>,
    clock: Clock,
    /// Messages that were taken.
    taken: AtomicU64,
}

impl Desk {
    /// Hands in what a consumer wrote.
    pub(super) fn hand_in(&self, text: &ConsumerText) -> Result<(), CannotCall> {
        self.caller.hand_in((&self.dialect, &self.secrets), text)
    }

    /// Takes a message: gives it an id, and has it told what becomes of it.
    fn take(&self, id: AnsweredId, envelope: &Envelope) -> Option<String> {
        let number = self.taken.fetch_add(1, Ordering::Relaxed) + 1;
        let id = self.dialect.id(id, envelope, number);
        if let Some(id) = &id {
            let taken = Taken {
                id: id.clone(),
                our_id: envelope.message_id.clone(),
                sender: envelope.sender.clone().unwrap_or_default(),
                recipient: envelope.recipient.clone().unwrap_or_default(),
            };
            self.caller.tell((&self.dialect, &self.secrets), &taken);
        }
        id
    }

    pub(super) fn answer_with(&self, rules: impl IntoIterator<Item = Rule>) {
        *self.rules.lock().unwrap_or_else(PoisonError::into_inner) = Rules::new(rules);
    }

    fn answer_to(&self, recipient: Option<&str>) -> (Answer, Duration) {
        self.rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .answer_to(recipient)
    }
}

impl ThirdParty {
    /// # Errors
    ///
    /// The address cannot be listened on.
    pub async fn start(options: ThirdPartyOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let room = Room {
            requests_max: options.requests_max,
            bytes_max: options.bytes_max,
        };
        let (caller, ordered) = Caller::new();
        let desk = Arc::new(Desk {
            log: Log::new(room),
            started: Instant::now(),
            rules: Mutex::default(),
            caller: Arc::clone(&caller),
            dialect: options.dialect,
            secrets: options.secrets,
            clock: options.clock,
            taken: AtomicU64::new(0),
        });
        let mut server = JoinSet::new();
        server.spawn(caller::run(caller, ordered));
        server.spawn(accept(listener, Arc::clone(&desk)));
        Ok(Self {
            address,
            patience: options.patience,
            desk,
            _server: server,
        })
    }

    /// The organization of Genesys Cloud, where that is played.
    pub fn genesys_cloud(&self) -> Option<&GenesysCloud> {
        self.desk.dialect.genesys_cloud()
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where a provider's API is, without a path.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where webhooks are to be sent.
    pub fn url(&self) -> String {
        format!("http://{}/webhook", self.address)
    }

    /// Answers every request from now on by these rules; with none of them, everything is accepted.
    pub fn answer_with<Answers>(&self, answers: Answers)
    where
        Answers: IntoIterator,
        Answers::Item: Into<Rule>,
    {
        self.desk.answer_with(answers.into_iter().map(Into::into));
    }

    /// The kept requests, oldest first.
    pub fn requests(&self) -> Vec<Received> {
        self.desk.log.after(0, usize::MAX)
    }

    /// How many requests came since the start or the last reset, kept or not.
    pub fn count(&self) -> u64 {
        self.desk.log.count()
    }

    /// Forgets all requests, rules and calls.
    pub fn reset(&self) {
        self.desk.answer_with([]);
        self.desk.log.clear();
        self.desk.caller.reset();
    }

    /// Calls back by these rules from now on.
    pub fn call_back(&self, rules: CallbackRules) {
        self.desk.caller.follow(rules);
    }

    /// Hands in what a consumer wrote.
    ///
    /// # Errors
    ///
    /// Nobody has said whom to call, or the provider hands in no texts.
    pub fn hand_in(&self, text: &ConsumerText) -> Result<(), CannotCall> {
        self.desk.hand_in(text)
    }

    /// Waits until so many calls were made, and returns what is kept of them.
    pub async fn wait_for_calls(&self, count: u64) -> Vec<Made> {
        self.desk.caller.wait_for(count, self.patience).await
    }

    /// Waits until `count` requests have come, and returns what is kept then: fewer than `count` only where the
    /// deadline passed or there was no room for all.
    pub async fn wait_for(&self, count: u64) -> Vec<Received> {
        self.desk.log.wait_for(count, self.patience).await
    }

    /// Waits for a request that is wanted; `None` at the deadline.
    pub async fn find(&self, is_wanted: impl Fn(&Received) -> bool) -> Option<Received> {
        self.desk.log.find(0, is_wanted, self.patience).await
    }

    /// The first kept request after this number, whenever it comes within the deadline.
    pub async fn next_after(&self, number: u64) -> Option<Received> {
        self.desk.log.find(number, |_| true, self.patience).await
    }
}

async fn accept(listener: TcpListener, desk: Arc<Desk>) {
    let mut connections = JoinSet::new();
    loop {
        select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(serve(stream, Arc::clone(&desk)))),
                // Out of file descriptors, say: the next connection gets its chance a moment later.
                Err(_) => sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, desk: Arc<Desk>) {
    // Answers are small and awaited: they must not wait for more.
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(Notify::new());
    let answering = {
        let reset = Arc::clone(&reset);
        service_fn(move |request| answer(request, Arc::clone(&desk), Arc::clone(&reset)))
    };
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answering);
    select! {
        // A client that breaks off is part of the game.
        _ = &mut connection => {}
        () = reset.notified() => {
            let stream = connection.into_parts().io.into_inner();
            // Closing with nothing to linger for makes the system send a reset.
            let _ = stream.set_zero_linger();
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    desk: Arc<Desk>,
    reset: Arc<Notify>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_BYTES_MAX).collect().await else {
        return Ok(json(
            StatusCode::PAYLOAD_TOO_LARGE,
            r#"{"error":"the body is too large or broke off"}"#,
        ));
    };
    let body = body.to_bytes();
    if head.uri.path().starts_with(control::PREFIX) {
        return Ok(control::answer(&head.method, &head.uri, &body, &desk));
    }
    let now_ms = desk.clock.now_ms();
    let place = (&head.method, &head.uri);
    if let Some(answer) = desk.dialect.besides(place, &head.headers, &body, now_ms) {
        return Ok(answer);
    }
    let keys = (desk.secrets.as_slice(), now_ms);
    let counted = desk.dialect.counted(&head.headers, now_ms);
    let signature = desk.dialect.check(keys, &head.headers, &body);
    let envelope = desk.dialect.envelope(&body);
    let (answer, delay) = desk.answer_to(envelope.recipient.as_deref());
    let is_good = signature != Signature::Refused;
    let id = is_good.then(|| given(&desk, &answer, &envelope)).flatten();
    desk.log.add(Received {
        number: 0,
        at: Instant::now(),
        method: head.method,
        uri: head.uri,
        headers: head.headers,
        body: body.clone(),
        signature,
        envelope: envelope.clone(),
    });
    if !delay.is_zero() {
        sleep(delay).await;
    }
    if !is_good {
        return Ok(desk.dialect.refused());
    }
    match answer {
        Answer::Hang => pending().await,
        Answer::Reset | Answer::AcceptAndReset => {
            reset.notify_one();
            pending().await
        }
        answered @ (Answer::Accept { .. }
        | Answer::Status { .. }
        | Answer::Redirect { .. }
        | Answer::Oversize { .. }
        | Answer::Body { .. }
        | Answer::Json { .. }
        | Answer::Unauthorized
        | Answer::Quota) => {
            let message = (&envelope, id.as_deref(), &*body);
            Ok(render_within(counted, answered, &desk.dialect, message))
        }
    }
}

/// The id of a message that is taken by this answer.
fn given(desk: &Desk, answer: &Answer, envelope: &Envelope) -> Option<String> {
    match answer {
        Answer::Accept { id } => desk.take(id.clone(), envelope),
        Answer::AcceptAndReset => desk.take(AnsweredId::Same, envelope),
        Answer::Status { .. }
        | Answer::Redirect { .. }
        | Answer::Oversize { .. }
        | Answer::Body { .. }
        | Answer::Json { .. }
        | Answer::Hang
        | Answer::Reset
        | Answer::Unauthorized
        | Answer::Quota => None,
    }
}

pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
