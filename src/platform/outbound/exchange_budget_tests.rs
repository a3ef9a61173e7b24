//! One budget covers every phase. Each test is a peer that would hold an exchange for ever.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::{TcpSocket, TcpStream};

use super::super::GatedBody;
use super::super::testing::{Peer, loopback_client, open_gate, post, stuck_gate, together};
use super::*;

const MESSAGE: &[u8] = br#"{"type":"Text","text":"Hi"}"#;
const BUDGET: Duration = Duration::from_millis(300);
const DRIP: Option<Duration> = Some(Duration::from_millis(20));

fn timed_out(phase: TimeoutPhase, body_started: bool) -> Result<Answer, ExchangeFailed> {
    Err(ExchangeFailed {
        kind: FailureKind::Timeout(phase),
        body_started,
    })
}

#[tokio::test]
async fn it_ends_a_connection_that_is_never_made_before_the_gate_is_asked() {
    // A listener with a full queue: further connections are neither made nor refused.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(BUDGET, TcpStream::connect(address)).await {
        queued.push(stream);
    }

    let asked = Arc::new(AtomicBool::new(false));
    let gate = {
        let asked = Arc::clone(&asked);
        Box::pin(async move {
            asked.store(true, Ordering::SeqCst);
            Ok(())
        })
    };
    let body = GatedBody::new(Bytes::from_static(MESSAGE), gate);
    let request = post(&format!("http://{address}/"), body);
    let outcome = exchange(&loopback_client(), request, BUDGET).await;
    assert_eq!(outcome, timed_out(TimeoutPhase::Connecting, false));
    assert!(!asked.load(Ordering::SeqCst));
}

#[tokio::test]
async fn it_ends_a_handshake_that_is_never_answered() {
    let peer = Peer::bind().await;
    let client = loopback_client();
    let url = format!("https://127.0.0.1:{}/", peer.port());
    let (outcome, _) = together(
        exchange(&client, post(&url, open_gate(MESSAGE)), BUDGET),
        async {
            let mut connection = peer.accept().await;
            connection.read_to_end().await
        },
    )
    .await;
    assert_eq!(outcome, timed_out(TimeoutPhase::Connecting, false));
}

#[tokio::test]
async fn it_ends_a_gate_that_never_decides_and_no_byte_of_the_body_left() {
    let peer = Peer::bind().await;
    let client = loopback_client();
    let (outcome, rest) = together(
        exchange(&client, post(&peer.url(), stuck_gate(MESSAGE)), BUDGET),
        async {
            let mut connection = peer.accept().await;
            connection.read_head().await;
            connection.read_to_end().await
        },
    )
    .await;
    assert_eq!(outcome, timed_out(TimeoutPhase::Gate, false));
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn it_ends_a_silent_peer_and_closes_the_connection() {
    let peer = Peer::bind().await;
    let client = loopback_client();
    let (outcome, rest) = together(
        exchange(&client, post(&peer.url(), open_gate(MESSAGE)), BUDGET),
        async {
            let mut connection = peer.accept().await;
            connection.read_request().await;
            connection.read_to_end().await
        },
    )
    .await;
    assert_eq!(outcome, timed_out(TimeoutPhase::Answer, true));
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn it_ends_an_answer_whose_head_never_ends() {
    let peer = Peer::bind().await;
    let client = loopback_client();
    let (outcome, _) = together(
        exchange(&client, post(&peer.url(), open_gate(MESSAGE)), BUDGET),
        async {
            let mut connection = peer.accept().await;
            connection.read_request().await;
            connection.write("HTTP/1.1 200 OK\r\nx-drip: ").await;
            connection.write_for_ever(b"x", DRIP).await
        },
    )
    .await;
    assert_eq!(outcome, timed_out(TimeoutPhase::Answer, true));
}

#[tokio::test]
async fn it_ends_an_answer_whose_body_never_ends() {
    let peer = Peer::bind().await;
    let client = loopback_client();
    let (outcome, _) = together(
        exchange(&client, post(&peer.url(), open_gate(MESSAGE)), BUDGET),
        async {
            let mut connection = peer.accept().await;
            connection.read_request().await;
            connection
                .write("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
                .await;
            connection.write_for_ever(b"x", DRIP).await
        },
    )
    .await;
    assert_eq!(outcome, timed_out(TimeoutPhase::AnswerBody, true));
}

#[tokio::test]
async fn it_ends_a_peer_that_does_not_take_the_request() {
    let peer = Peer::bind().await;
    let client = loopback_client();
    // More than the sockets between us hold.
    let large = Body::from(vec![b'x'; 64 << 20]);
    let (outcome, ()) = together(exchange(&client, post(&peer.url(), large), BUDGET), async {
        let mut connection = peer.accept().await;
        connection.read_head().await;
        tokio::time::sleep(BUDGET * 2).await;
    })
    .await;
    assert_eq!(outcome, timed_out(TimeoutPhase::Answer, true));
}
