use std::process::Command;

use reqwest::header::{CONTENT_LENGTH, HeaderValue, RETRY_AFTER};

use super::super::testing::{
    AMPLE, OK_EMPTY, Peer, closed_gate, loopback_client, loopback_clients, open_gate, post,
    together,
};
use super::super::{AddressGuard, OutboundClients, OutboundOptions};
use super::*;

const MESSAGE: &[u8] = br#"{"type":"Text","text":"Hi"}"#;

fn failed(kind: FailureKind, body_started: bool) -> Result<Answer, ExchangeFailed> {
    Err(ExchangeFailed { kind, body_started })
}

#[tokio::test]
async fn a_request_arrives_whole_and_its_answer_comes_back() {
    let peer = Peer::bind().await;
    let client = loopback_client();
    let (answer, received) = together(
        exchange(&client, post(&peer.url(), open_gate(MESSAGE)), AMPLE),
        async {
            let mut connection = peer.accept().await;
            let received = connection.read_request().await;
            let answer = "HTTP/1.1 200 OK\r\nretry-after: 7\r\ncontent-length: 17\r\n\r\n{\"messageId\":\"a\"}";
            connection.write(answer).await;
            received
        }
    ).await;
    let expected = Answer {
        status: 200,
        headers: HeaderMap::from_iter([
            (RETRY_AFTER, HeaderValue::from_static("7")),
            (CONTENT_LENGTH, HeaderValue::from_static("17")),
        ]),
        body: Bytes::from_static(br#"{"messageId":"a"}"#),
        truncated: false,
    };
    assert_eq!(answer, Ok(expected));
    assert!(received.head.starts_with("POST /hook HTTP/1.1\r\n"));
    assert_eq!(received.body, MESSAGE);
    let user_agent = concat!("nexus-gateway/", env!("CARGO_PKG_VERSION"));
    assert_eq!(received.header("user-agent"), [user_agent]);
    assert_eq!(received.header("accept-encoding"), [""; 0]);
}

#[tokio::test]
async fn a_gated_body_announces_its_exact_length() {
    let peer = Peer::bind().await;
    let client = loopback_client();
    let (_, received) = together(
        exchange(&client, post(&peer.url(), open_gate(MESSAGE)), AMPLE),
        async {
            let mut connection = peer.accept().await;
            let received = connection.read_request().await;
            connection.write(OK_EMPTY).await;
            received
        },
    )
    .await;
    assert_eq!(
        received.header("content-length"),
        [MESSAGE.len().to_string()]
    );
    assert_eq!(received.header("transfer-encoding"), [""; 0]);
}

#[tokio::test]
async fn a_closed_gate_lets_no_byte_of_the_body_out_and_closes_the_connection() {
    let peer = Peer::bind().await;
    let client = loopback_client();
    let (outcome, rest) = together(
        exchange(&client, post(&peer.url(), closed_gate(MESSAGE)), AMPLE),
        async {
            let mut connection = peer.accept().await;
            connection.read_to_end().await
        },
    )
    .await;
    assert_eq!(outcome, failed(FailureKind::GateRefused, false));
    // The head may or may not have been written; what follows it never is.
    let rest = String::from_utf8(rest).unwrap();
    assert!(rest.is_empty() || rest.ends_with("\r\n\r\n"), "{rest}");
    assert!(!rest.contains("Text"));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let (peer, elsewhere) = (Peer::bind().await, Peer::bind().await);
    let client = loopback_client();
    for status in [301, 302, 303, 307, 308] {
        let (answer, ()) = together(
            exchange(&client, post(&peer.url(), MESSAGE), AMPLE),
            async {
                let mut connection = peer.accept().await;
                connection.read_request().await;
                let location = elsewhere.url();
                let head = format!("HTTP/1.1 {status} Moved\r\nlocation: {location}\r\n");
                let rest = "content-length: 0\r\nconnection: close\r\n\r\n";
                connection.write(&(head + rest)).await;
            },
        )
        .await;
        assert_eq!(answer.unwrap().status, status);
    }
    assert!(elsewhere.was_left_alone());
}

#[test]
fn a_proxy_of_the_environment_is_ignored() {
    // An exchange in a process of its own, whose environment names a proxy that does not answer.
    let exchange =
        "platform::outbound::exchange::tests::a_request_arrives_whole_and_its_answer_comes_back";
    let nowhere = "http://127.0.0.1:1";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", exchange])
        .env("http_proxy", nowhere)
        .env("HTTP_PROXY", nowhere)
        .env("https_proxy", nowhere)
        .env("all_proxy", nowhere)
        .env("ALL_PROXY", nowhere)
        .env_remove("no_proxy")
        .env_remove("NO_PROXY")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("1 passed"), "{printed}");
}

#[tokio::test]
async fn an_endless_answer_is_cut_and_its_connection_is_not_used_again() {
    let peer = Peer::bind().await;
    let client = loopback_client();
    let (answer, written) = together(
        exchange(&client, post(&peer.url(), MESSAGE), AMPLE),
        async {
            let mut connection = peer.accept().await;
            connection.read_request().await;
            connection
                .write("HTTP/1.1 200 OK\r\nconnection: keep-alive\r\n\r\n")
                .await;
            connection.write_for_ever(&[b'x'; 10_000], None).await
        },
    )
    .await;
    let answer = answer.unwrap();
    assert!(answer.truncated);
    assert_eq!(answer.body, vec![b'x'; 64 * 1024]);
    assert!(written >= answer.body.len());

    let (answer, ()) = together(
        exchange(&client, post(&peer.url(), MESSAGE), AMPLE),
        async {
            let mut connection = peer.accept().await;
            connection.read_request().await;
            connection.write(OK_EMPTY).await;
        },
    )
    .await;
    assert!(answer.is_ok());
}

#[tokio::test]
async fn an_answer_of_exactly_the_limit_is_whole() {
    let peer = Peer::bind().await;
    let client = loopback_client();
    let (answer, ()) = together(
        exchange(&client, post(&peer.url(), MESSAGE), AMPLE),
        async {
            let mut connection = peer.accept().await;
            connection.read_request().await;
            let body = "x".repeat(65_536);
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 65536\r\n\r\n";
            connection.write(&format!("{head}{body}")).await;
        },
    )
    .await;
    let answer = answer.unwrap();
    assert!(!answer.truncated);
    assert_eq!(answer.body.len(), 65_536);
}

#[tokio::test]
async fn a_connection_whose_answer_was_read_is_used_again() {
    let peer = Peer::bind().await;
    let clients = loopback_clients();
    let requests = async {
        for _ in 0..3 {
            let request = post(&peer.url(), open_gate(MESSAGE));
            let answer = exchange(&clients.client(), request, AMPLE).await;
            assert_eq!(answer.unwrap().status, 200);
        }
    };
    let ((), ()) = together(requests, async {
        let mut connection = peer.accept().await;
        for _ in 0..3 {
            connection.read_request().await;
            connection.write(OK_EMPTY).await;
        }
    })
    .await;
    assert!(peer.was_left_alone());
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_replaced_without_a_failure() {
    let peer = Peer::bind().await;
    let client = loopback_client();
    for _ in 0..3 {
        let (answer, ()) = together(
            exchange(&client, post(&peer.url(), open_gate(MESSAGE)), AMPLE),
            async {
                let mut connection = peer.accept().await;
                connection.read_request().await;
                connection.write(OK_EMPTY).await;
            },
        )
        .await;
        assert_eq!(answer.unwrap().status, 200);
    }
}

#[tokio::test]
async fn a_literal_address_that_is_refused_is_never_connected_to() {
    let peer = Peer::bind().await;
    let public_only = AddressGuard::new(Vec::new());
    let clients = OutboundClients::new(public_only, OutboundOptions::default()).unwrap();
    let port = peer.port();
    for host in [
        "127.0.0.1",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "localhost",
        "a.localhost",
    ] {
        let request = post(&format!("http://{host}:{port}/"), open_gate(MESSAGE));
        let outcome = exchange(&clients.client(), request, AMPLE).await;
        assert_eq!(
            outcome,
            failed(FailureKind::AddressRefused, false),
            "{host}"
        );
    }
    assert!(peer.was_left_alone());
}

#[tokio::test]
async fn plain_http_is_not_spoken_where_only_https_is_allowed() {
    let peer = Peer::bind().await;
    let options = OutboundOptions {
        https_only: true,
        ..OutboundOptions::default()
    };
    let clients = OutboundClients::new(super::super::testing::loopback_guard(), options).unwrap();
    let outcome = exchange(&clients.client(), post(&peer.url(), MESSAGE), AMPLE).await;
    assert_eq!(outcome, failed(FailureKind::AddressRefused, false));
    assert!(peer.was_left_alone());
}

#[tokio::test]
async fn localhost_leads_to_this_machine_where_that_is_allowed() {
    let peer = Peer::bind().await;
    let client = loopback_client();
    let url = format!("http://simulator.localhost:{}/", peer.port());
    let (answer, received) = together(exchange(&client, post(&url, MESSAGE), AMPLE), async {
        let mut connection = peer.accept().await;
        let received = connection.read_request().await;
        connection.write(OK_EMPTY).await;
        received
    })
    .await;
    assert_eq!(answer.unwrap().status, 200);
    let host = format!("simulator.localhost:{}", peer.port());
    assert_eq!(received.header("host"), [host]);
}

#[tokio::test]
async fn a_refused_connection_is_told_from_a_failed_handshake() {
    let client = loopback_client();
    let peer = Peer::bind().await;
    let port = peer.port();

    let not_tls = format!("https://127.0.0.1:{port}/");
    let (outcome, ()) = together(
        exchange(&client, post(&not_tls, open_gate(MESSAGE)), AMPLE),
        async {
            let mut connection = peer.accept().await;
            connection.write("HTTP/1.1 400 Bad Request\r\n\r\n").await;
        },
    )
    .await;
    assert_eq!(outcome, failed(FailureKind::Tls(TlsFault::Other), false));

    let (outcome, ()) = together(
        exchange(&client, post(&not_tls, open_gate(MESSAGE)), AMPLE),
        async { drop(peer.accept().await) },
    )
    .await;
    assert_eq!(outcome, failed(FailureKind::Tls(TlsFault::Other), false));

    let url = peer.url();
    drop(peer);
    let outcome = exchange(&client, post(&url, open_gate(MESSAGE)), AMPLE).await;
    assert_eq!(outcome, failed(FailureKind::Connect, false));
}

#[tokio::test]
async fn a_connection_that_ends_before_the_answer_is_lost_with_the_body_on_its_way() {
    let peer = Peer::bind().await;
    let client = loopback_client();
    let half_answers = [
        "",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
    ];
    for half in half_answers {
        let (outcome, ()) = together(
            exchange(&client, post(&peer.url(), open_gate(MESSAGE)), AMPLE),
            async {
                let mut connection = peer.accept().await;
                connection.read_request().await;
                connection.write(half).await;
            },
        )
        .await;
        assert_eq!(outcome, failed(FailureKind::ConnectionLost, true), "{half}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_a_bad_answer() {
    let peer = Peer::bind().await;
    let client = loopback_client();
    for garbage in [
        "220 mail.example.com ESMTP\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
    ] {
        let (outcome, ()) = together(
            exchange(&client, post(&peer.url(), open_gate(MESSAGE)), AMPLE),
            async {
                let mut connection = peer.accept().await;
                connection.read_request().await;
                connection.write(garbage).await;
            },
        )
        .await;
        assert_eq!(outcome, failed(FailureKind::BadAnswer, true), "{garbage}");
    }
}

#[tokio::test]
async fn an_answer_before_the_gate_opens_ends_the_body() {
    let peer = Peer::bind().await;
    let client = loopback_client();
    let (open, opened) = tokio::sync::oneshot::channel();
    let gate = Box::pin(async { opened.await.map_err(|_| super::super::GateRefused) });
    let body = super::super::GatedBody::new(Bytes::from_static(MESSAGE), gate);
    let mut connection = None;
    let (answer, ()) = together(exchange(&client, post(&peer.url(), body), AMPLE), async {
        let accepted = connection.insert(peer.accept().await);
        accepted.read_head().await;
        accepted
            .write("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n")
            .await;
    })
    .await;
    assert_eq!(answer.unwrap().status, 410);
    // The exchange is over, so the gate's word comes too late.
    let _ = open.send(());
    assert_eq!(connection.unwrap().read_to_end().await, b"");
}
