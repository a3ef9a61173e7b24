use std::net::SocketAddr;
use std::time::Instant;

use axum::routing::{get, post};
use bytes::Bytes;
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::*;
use crate::platform::http::middleware::{RequestLimits, around};
use crate::platform::http::{RawBody, envelope};

const SOON: Duration = Duration::from_millis(500);
const LATE: Duration = Duration::from_mins(1);
/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);

const GET: &[u8] = b"GET /done HTTP/1.1\r\nhost: gateway\r\n\r\n";

/// More bytes than the buffers of a connection hold.
const LONG: usize = 32 * 1024 * 1024;

/// A gateway on a real socket.
struct Gateway {
    address: SocketAddr,
    lifecycle: Lifecycle,
    /// Told when the handler of `/waits` is in.
    entered: Arc<Notify>,
    /// Lets it go.
    leave: Arc<Notify>,
}

impl Gateway {
    async fn start(limits: ServeLimits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = Self {
            address: listener.local_addr().unwrap(),
            lifecycle: Lifecycle::new(),
            entered: Arc::default(),
            leave: Arc::default(),
        };
        let (entered, leave) = (gateway.entered.clone(), gateway.leave.clone());
        let waits = async move || {
            entered.notify_one();
            leave.notified().await;
            envelope::done()
        };
        let router = Router::new()
            .route("/done", get(async || envelope::done()))
            .route(
                "/raw",
                post(async |RawBody(body): RawBody| envelope::ok(body.len())),
            )
            .route("/long", get(async || vec![b'a'; LONG]))
            .route("/endless", get(endless))
            .route("/waits", get(waits))
            .route(
                "/caller",
                get(async |caller: CallerAddress| envelope::ok(caller.to_string())),
            );
        let router = around(router, RequestLimits::default(), &gateway.lifecycle);
        let trusted = TrustedHops(1);
        let serving = serve(listener, router, limits, trusted, gateway.lifecycle.clone());
        gateway.lifecycle.spawn_until_stop("listener", serving);
        gateway
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Every connection has ended.
    async fn ended(&self) {
        let ended = timeout(PATIENCE, self.lifecycle.wait_all()).await;
        ended.expect("a connection is still open");
    }
}

fn limits(header_timeout: Duration, idle_timeout: Duration) -> ServeLimits {
    ServeLimits {
        header_timeout,
        idle_timeout,
        ..ServeLimits::default()
    }
}

async fn endless() -> Body {
    let chunk = Bytes::from(vec![b'a'; 64 * 1024]);
    Body::from_stream(stream::repeat_with(move || {
        Ok::<_, io::Error>(chunk.clone())
    }))
}

/// Everything until the gateway closes the connection.
async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let read = timeout(PATIENCE, stream.read_to_string(&mut text)).await;
    read.expect("the connection is still open").unwrap();
    text
}

/// One answer, whose body ends with `}`.
async fn read_answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"}") {
        let read = timeout(PATIENCE, stream.read_buf(&mut bytes)).await;
        assert_ne!(
            read.unwrap().unwrap(),
            0,
            "closed after {}",
            String::from_utf8_lossy(&bytes)
        );
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_connection_that_sends_nothing_is_closed() {
    let gateway = Gateway::start(limits(SOON, LATE)).await;
    let began = Instant::now();
    assert_eq!(read_to_end(&mut gateway.connect().await).await, "");
    assert!(began.elapsed() >= SOON);
}

#[tokio::test]
async fn a_connection_that_sends_half_a_head_is_closed_however_slowly_it_goes_on() {
    let gateway = Gateway::start(limits(SOON, LATE)).await;
    let mut stream = gateway.connect().await;
    stream
        .write_all(b"GET /done HTTP/1.1\r\nhost: ")
        .await
        .unwrap();
    let (mut reading, mut writing) = stream.split();
    let dribble = async {
        let mut pause = tokio::time::interval(SOON / 10);
        while writing.write_all(b"a").await.is_ok() {
            pause.tick().await;
        }
        std::future::pending::<()>().await;
    };
    let mut rest = Vec::new();
    tokio::select! {
        () = dribble => {}
        read = timeout(PATIENCE, reading.read_to_end(&mut rest)) => {
            // A byte that came after the end resets the connection.
            let _ = read.expect("the connection is still open");
        }
    }
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn a_connection_may_idle_longer_than_half_a_head_may_wait() {
    let gateway = Gateway::start(limits(SOON, LATE)).await;
    let mut idle = gateway.connect().await;
    idle.write_all(GET).await.unwrap();
    read_answer(&mut idle).await;
    // A connection that sends nothing shows that the time for a head has passed.
    read_to_end(&mut gateway.connect().await).await;
    idle.write_all(GET).await.unwrap();
    assert!(read_answer(&mut idle).await.starts_with("HTTP/1.1 200"));

    idle.write_all(b"GET /do").await.unwrap();
    assert_eq!(
        read_to_end(&mut idle).await,
        "",
        "half of a further head is closed too"
    );
}

#[tokio::test]
async fn a_connection_that_idles_too_long_is_closed() {
    let gateway = Gateway::start(limits(LATE, SOON)).await;
    let mut idle = gateway.connect().await;
    idle.write_all(GET).await.unwrap();
    read_answer(&mut idle).await;
    assert_eq!(read_to_end(&mut idle).await, "");
}

#[tokio::test]
async fn a_request_that_takes_its_time_is_not_closed() {
    let gateway = Gateway::start(limits(SOON, SOON)).await;
    let mut slow = gateway.connect().await;
    slow.write_all(b"GET /waits HTTP/1.1\r\nhost: gateway\r\n\r\n")
        .await
        .unwrap();
    gateway.entered.notified().await;
    read_to_end(&mut gateway.connect().await).await;
    gateway.leave.notify_one();
    assert!(read_answer(&mut slow).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_client_that_takes_no_byte_of_its_answer_is_cut() {
    for path in ["/long", "/endless"] {
        let gateway = Gateway::start(limits(LATE, SOON)).await;
        let mut stream = gateway.connect().await;
        let head = format!("GET {path} HTTP/1.1\r\nhost: gateway\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.readable().await.unwrap();
        gateway.lifecycle.close_listeners();
        gateway.ended().await;
    }
}

#[tokio::test]
async fn a_client_that_takes_its_answer_slowly_gets_all_of_it() {
    let gateway = Gateway::start(limits(LATE, SOON)).await;
    let mut stream = gateway.connect().await;
    let head = b"GET /long HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let began = Instant::now();
    let mut pace = tokio::time::interval(SOON / 20);
    let (mut taken, mut part) = (0, vec![0; 512 * 1024]);
    loop {
        pace.tick().await;
        match timeout(PATIENCE, stream.read(&mut part)).await.unwrap() {
            Ok(0) => break,
            length => taken += length.unwrap(),
        }
    }
    assert!(taken > LONG, "{taken} bytes");
    assert!(began.elapsed() > SOON);
}

#[tokio::test]
async fn a_client_that_sends_too_much_reads_413_nonetheless() {
    let gateway = Gateway::start(ServeLimits::default()).await;
    for framing in ["content-length: 8388608", "transfer-encoding: chunked"] {
        let mut stream = gateway.connect().await;
        let head = format!("POST /raw HTTP/1.1\r\nhost: gateway\r\n{framing}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
        for _ in 0..120 {
            stream.write_all(chunk.as_bytes()).await.unwrap();
        }
        stream.shutdown().await.unwrap();
        let answer = read_to_end(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{framing}: {answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
        assert!(answer.contains(r#"{"status":{"code":413,"#), "{answer}");
    }
}

#[tokio::test]
async fn while_draining_connections_are_still_accepted_and_told_to_close() {
    let gateway = Gateway::start(ServeLimits::default()).await;
    let mut kept = gateway.connect().await;
    kept.write_all(GET).await.unwrap();
    assert!(!read_answer(&mut kept).await.contains("connection: close"));

    gateway.lifecycle.drain();
    for stream in [&mut kept, &mut gateway.connect().await] {
        stream.write_all(GET).await.unwrap();
        let answer = read_to_end(stream).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn when_listeners_close_open_requests_are_answered_and_idle_connections_end() {
    let gateway = Gateway::start(ServeLimits::default()).await;
    let mut idle = gateway.connect().await;
    idle.write_all(GET).await.unwrap();
    read_answer(&mut idle).await;
    let mut open = gateway.connect().await;
    open.write_all(b"GET /waits HTTP/1.1\r\nhost: gateway\r\n\r\n")
        .await
        .unwrap();
    gateway.entered.notified().await;

    gateway.lifecycle.drain();
    gateway.lifecycle.close_listeners();
    assert_eq!(read_to_end(&mut idle).await, "");
    assert!(
        TcpStream::connect(gateway.address).await.is_err(),
        "nothing listens there"
    );
    gateway.leave.notify_one();
    assert!(read_to_end(&mut open).await.starts_with("HTTP/1.1 200"));
    gateway.ended().await;
}

#[tokio::test]
async fn at_the_cut_what_is_open_is_dropped() {
    let gateway = Gateway::start(ServeLimits::default()).await;
    let mut open = gateway.connect().await;
    open.write_all(b"GET /waits HTTP/1.1\r\nhost: gateway\r\n\r\n")
        .await
        .unwrap();
    gateway.entered.notified().await;
    gateway.lifecycle.cut_now();
    assert_eq!(read_to_end(&mut open).await, "");
    gateway.ended().await;
}

#[tokio::test]
async fn a_connection_beyond_the_limit_is_answered_503_and_the_others_go_on() {
    let limits = ServeLimits {
        connections_max: 1,
        ..ServeLimits::default()
    };
    let gateway = Gateway::start(limits).await;
    let mut first = gateway.connect().await;
    first.write_all(GET).await.unwrap();
    read_answer(&mut first).await;

    let answer = read_to_end(&mut gateway.connect().await).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    assert!(
        answer.contains(&format!("content-length: {}\r\n", body.len())),
        "{answer}"
    );
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(body).unwrap()["status"]["code"],
        503
    );

    first.write_all(GET).await.unwrap();
    assert!(read_answer(&mut first).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_handler_is_told_the_address_that_the_balancer_saw() {
    let gateway = Gateway::start(ServeLimits::default()).await;
    for (header, expected) in [
        ("", "127.0.0.1"),
        ("x-forwarded-for: 198.51.100.1\r\n", "198.51.100.1"),
        (
            "x-forwarded-for: 6.6.6.6\r\nX-Forwarded-For: 198.51.100.1\r\n",
            "198.51.100.1",
        ),
    ] {
        let mut stream = gateway.connect().await;
        let request =
            format!("GET /caller HTTP/1.1\r\nhost: gateway\r\n{header}connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = read_to_end(&mut stream).await;
        assert!(
            answer.contains(&format!("\"data\":\"{expected}\"")),
            "{header:?}: {answer}"
        );
    }
}
