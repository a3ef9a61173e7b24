//! The other side of an exchange, for tests: a listener on a real socket, driven line by line.

use std::io::ErrorKind;
use std::time::Duration;

use reqwest::{Method, Request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{
    AddressGuard, GateRefused, GatedBody, OutboundClient, OutboundClients, OutboundOptions,
};

/// Longer than anything here takes, on a busy machine too.
pub(super) const AMPLE: Duration = Duration::from_secs(20);

/// Runs both sides until both are done, and fails where one waits for what the other never does.
pub(super) async fn together<A, B>(
    ours: impl Future<Output = A>,
    theirs: impl Future<Output = B>,
) -> (A, B) {
    let both = async { tokio::join!(ours, theirs) };
    let ended = tokio::time::timeout(AMPLE * 2, both).await;
    ended.expect("both sides come to an end")
}

pub(super) const OK_EMPTY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

pub(super) fn loopback_guard() -> AddressGuard {
    AddressGuard::new(vec!["127.0.0.0/8".parse().unwrap()])
}

pub(super) fn loopback_clients() -> OutboundClients {
    OutboundClients::new(loopback_guard(), OutboundOptions::default()).unwrap()
}

pub(super) fn loopback_client() -> OutboundClient {
    loopback_clients().client()
}

pub(super) fn open_gate(bytes: &'static [u8]) -> GatedBody {
    GatedBody::new(bytes.into(), Box::pin(async { Ok(()) }))
}

pub(super) fn closed_gate(bytes: &'static [u8]) -> GatedBody {
    GatedBody::new(bytes.into(), Box::pin(async { Err(GateRefused) }))
}

pub(super) fn stuck_gate(bytes: &'static [u8]) -> GatedBody {
    GatedBody::new(bytes.into(), Box::pin(std::future::pending()))
}

pub(super) fn post(url: &str, body: impl Into<reqwest::Body>) -> Request {
    let mut request = Request::new(Method::POST, url.parse().unwrap());
    *request.body_mut() = Some(body.into());
    request
}

/// A server that does only what a test tells it to.
pub(super) struct Peer {
    listener: TcpListener,
}

impl Peer {
    pub(super) async fn bind() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hook", self.listener.local_addr().unwrap())
    }

    pub(super) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    pub(super) async fn accept(&self) -> Connection {
        let (stream, _) = self.listener.accept().await.unwrap();
        Connection { stream }
    }

    /// Whether nobody has connected since the last accept.
    pub(super) fn was_left_alone(&self) -> bool {
        use futures_util::FutureExt as _;
        self.listener.accept().now_or_never().is_none()
    }
}

/// A request as it came over the socket.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Received {
    /// Every value of a header, by its lower-case name.
    pub(super) fn header(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1);
        lines
            .filter_map(|line| line.split_once(": "))
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }
}

pub(super) struct Connection {
    stream: TcpStream,
}

impl Connection {
    /// Reads one request with a `Content-Length`.
    pub(super) async fn read_request(&mut self) -> Received {
        let mut received = self.read_head().await;
        let length: usize = received.header("content-length")[0].parse().unwrap();
        received.body = vec![0; length];
        self.stream.read_exact(&mut received.body).await.unwrap();
        received
    }

    /// Reads up to the empty line and not a byte more.
    pub(super) async fn read_head(&mut self) -> Received {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.unwrap());
        }
        Received {
            head: String::from_utf8(head).unwrap(),
            body: Vec::new(),
        }
    }

    /// Reads what still comes until the other side closes.
    pub(super) async fn read_to_end(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest).await {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
        rest
    }

    pub(super) async fn write(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// Answers every request with the same text until the other side closes.
    pub(super) async fn answer_until_closed(&mut self, text: &str) {
        while matches!(self.stream.peek(&mut [0]).await, Ok(1)) {
            self.read_request().await;
            self.write(text).await;
        }
    }

    /// Writes the same bytes until the other side closes, and answers how many went out.
    pub(super) async fn write_for_ever(&mut self, bytes: &[u8], pause: Option<Duration>) -> usize {
        let mut written = 0;
        while self.stream.write_all(bytes).await.is_ok() {
            written += bytes.len();
            if let Some(pause) = pause {
                tokio::time::sleep(pause).await;
            }
        }
        written
    }
}
