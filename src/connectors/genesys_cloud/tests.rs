use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;
use crate::connectors::outcome::{AttemptError, Outcome};
use crate::platform::clock::Clock;
use crate::platform::outbound::{AddressGuard, Answer, OutboundClients, OutboundOptions};
use crate::values::Secret;

const BUDGET: Duration = Duration::from_secs(20);

/// A login host and an API in one, which answer each request as a function of its number and its head.
struct Host {
    url: String,
    asked: Arc<AtomicUsize>,
    _server: JoinSet<()>,
}

type Says = fn(usize, &str) -> (u16, String);

impl Host {
    async fn that(says: Says) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(answer_all(stream, Arc::clone(&counted), says));
            }
        });
        Self {
            url,
            asked,
            _server: server,
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn client(&self, secret: &str) -> ClientCredentials {
        ClientCredentials {
            login_url: self.url.parse().unwrap(),
            client_id: Secret::new("4da40a9d".to_owned()),
            client_secret: Secret::new(secret.to_owned()),
        }
    }

    fn call(&self) -> Request {
        Request::new(Method::GET, format!("{}/api", self.url).parse().unwrap())
    }
}

async fn answer_all(mut stream: TcpStream, asked: Arc<AtomicUsize>, says: Says) {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else {
                return;
            };
            head.push(byte);
        }
        let head = String::from_utf8(head).unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let number = asked.fetch_add(1, Ordering::SeqCst) + 1;
        // So that whoever asks at the same time does so while this one waits.
        tokio::task::yield_now().await;
        let (status, text) = says(number, &(head + str::from_utf8(&body).unwrap()));
        let length = text.len();
        let answer = format!("HTTP/1.1 {status} Said\r\ncontent-length: {length}\r\n\r\n{text}");
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

fn granted(number: usize, seconds: u64) -> (u16, String) {
    let body = serde_json::json!({
        "access_token": format!("token-{number}"), "token_type": "bearer", "expires_in": seconds,
    });
    (200, body.to_string())
}

fn tokens() -> (Tokens, Clock) {
    let clock = Clock::system();
    (Tokens::new(clock.clone(), clients()), clock)
}

fn clients() -> OutboundClients {
    let guard = AddressGuard::new(vec!["127.0.0.0/8".parse().unwrap()]);
    OutboundClients::new(guard, OutboundOptions::default()).unwrap()
}

fn text(token: &Token) -> String {
    token.header().to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_login_host_is_asked_with_basic_for_the_clients_own_grant() {
    let host = Host::that(|_, request| {
        assert!(
            request.starts_with("POST /oauth/token HTTP/1.1\r\n"),
            "{request}"
        );
        assert!(request.contains("authorization: Basic NGRhNDBhOWQ6cmlnaHQ=\r\n"));
        assert!(request.ends_with("\r\n\r\ngrant_type=client_credentials"));
        granted(1, 86_399)
    })
    .await;
    let (tokens, _) = tokens();
    let token = tokens.get(&host.client("right")).await.unwrap();
    assert_eq!(text(&token), "Bearer token-1");
}

#[tokio::test]
async fn fifty_who_want_a_token_at_once_get_one() {
    let host = Host::that(|number, _| granted(number, 86_399)).await;
    let (tokens, _) = tokens();
    let client = host.client("right");
    let all = join_all((0..50).map(|_| tokens.get(&client))).await;
    assert!(
        all.iter()
            .all(|token| text(token.as_ref().unwrap()) == "Bearer token-1")
    );
    assert_eq!(host.asked(), 1);
}

#[tokio::test]
async fn fifty_who_wait_for_a_refusal_all_hear_it_and_the_next_one_asks_anew() {
    let host = Host::that(|number, _| match number {
        1 => (503, String::new()),
        _ => granted(number, 86_399),
    })
    .await;
    let (tokens, _) = tokens();
    let client = host.client("right");
    let all = join_all((0..50).map(|_| tokens.get(&client))).await;
    let unavailable = NoToken::Unavailable {
        reason: AttemptError::HttpStatus(503),
        after: None,
    };
    assert!(
        all.into_iter()
            .all(|token| token.unwrap_err() == unavailable)
    );
    assert_eq!(host.asked(), 1);
    assert!(tokens.get(&client).await.is_ok());
}

#[tokio::test]
async fn whoever_waits_goes_on_when_the_one_who_asked_is_gone() {
    let host = Host::that(|number, _| granted(number, 86_399)).await;
    let (tokens, _) = tokens();
    let client = host.client("right");
    let mut first = Box::pin(tokens.get(&client));
    assert!(futures_util::poll!(&mut first).is_pending());
    let mut second = Box::pin(tokens.get(&client));
    assert!(futures_util::poll!(&mut second).is_pending());
    drop(first);
    assert!(second.await.is_ok());
    assert_eq!(host.asked(), 1);
}

#[tokio::test]
async fn a_token_is_renewed_five_minutes_before_its_end_or_a_quarter_of_its_life() {
    for (life, renewed_after) in [(86_400, 86_100), (1_200, 900), (300, 225), (4, 3)] {
        let host = Host::that(match life {
            86_400 => |number, _| granted(number, 86_400),
            1_200 => |number, _| granted(number, 1_200),
            300 => |number, _| granted(number, 300),
            _ => |number, _| granted(number, 4),
        })
        .await;
        let (tokens, clock) = tokens();
        let client = host.client("right");
        tokens.get(&client).await.unwrap();
        clock.advance(Duration::from_millis(renewed_after * 1_000 - 900));
        let token = tokens.get(&client).await.unwrap();
        assert_eq!(text(&token), "Bearer token-1", "{life} s");
        clock.advance(Duration::from_millis(900));
        let token = tokens.get(&client).await.unwrap();
        assert_eq!(text(&token), "Bearer token-2", "{life} s");
    }
}

#[tokio::test]
async fn a_token_is_used_to_its_end_while_there_is_no_other() {
    let host = Host::that(|number, _| match number {
        1 => granted(1, 1_200),
        _ => (500, String::new()),
    })
    .await;
    let (tokens, clock) = tokens();
    let client = host.client("right");
    tokens.get(&client).await.unwrap();
    clock.advance(Duration::from_secs(901));
    for _ in 0..3 {
        let token = tokens.get(&client).await.unwrap();
        assert_eq!(text(&token), "Bearer token-1");
    }
    assert_eq!(host.asked(), 2, "it is not asked again for every message");
    clock.advance(Duration::from_secs(11));
    tokens.get(&client).await.unwrap();
    assert_eq!(host.asked(), 3);
    clock.advance(Duration::from_mins(5));
    assert!(tokens.get(&client).await.is_err());
}

#[tokio::test]
async fn another_secret_is_in_force_at_once_and_gets_no_token_of_the_one_before() {
    let host = Host::that(|number, request| {
        // "4da40a9d:right"
        if request.contains("Basic NGRhNDBhOWQ6cmlnaHQ=") {
            granted(number, 86_399)
        } else {
            (400, r#"{"error":"invalid_client"}"#.to_owned())
        }
    })
    .await;
    let (tokens, _) = tokens();
    tokens.get(&host.client("right")).await.unwrap();
    let wrong = tokens.get(&host.client("wrong")).await;
    assert_eq!(wrong.unwrap_err(), NoToken::Credentials);
    tokens.get(&host.client("right")).await.unwrap();
    assert_eq!(host.asked(), 2, "the right one is still known");
}

/// Answers of the API depend on the token, and the login host counts tokens by the requests before.
fn api_that_takes(token: &str, number: usize, request: &str) -> (u16, String) {
    if request.starts_with("POST") {
        granted(number, 86_399)
    } else if request.contains(&format!("authorization: Bearer {token}\r\n")) {
        (200, "taken".to_owned())
    } else {
        (401, r#"{"code":"bad.credentials"}"#.to_owned())
    }
}

#[tokio::test]
async fn a_token_that_the_api_does_not_take_is_renewed_once() {
    // The first token is the first request's, the second the third's.
    let host = Host::that(|number, request| api_that_takes("token-3", number, request)).await;
    let (tokens, _) = tokens();
    let client = host.client("right");
    let answer = call(&tokens, &client, &clients(), BUDGET, || Some(host.call())).await;
    assert_eq!(answer.unwrap().unwrap().status, 200);
    assert_eq!(host.asked(), 4);
    let again = call(&tokens, &client, &clients(), BUDGET, || Some(host.call())).await;
    assert_eq!(again.unwrap().unwrap().status, 200);
    assert_eq!(host.asked(), 5, "the new token is kept");
}

#[tokio::test]
async fn a_second_refusal_is_the_answer() {
    let host = Host::that(|number, request| api_that_takes("none", number, request)).await;
    let (tokens, _) = tokens();
    let client = host.client("right");
    let answer = call(&tokens, &client, &clients(), BUDGET, || Some(host.call())).await;
    assert_eq!(answer.unwrap().unwrap().status, 401);
    assert_eq!(host.asked(), 4);
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let host = Host::that(|_, _| (401, String::new())).await;
    let (tokens, _) = tokens();
    let client = host.client("wrong");
    let answer = call(&tokens, &client, &clients(), BUDGET, || Some(host.call())).await;
    assert_eq!(
        answer.unwrap_err(),
        NotCalled::NoToken(NoToken::Credentials)
    );
    assert_eq!(host.asked(), 1);
}

#[tokio::test]
async fn a_login_host_that_cannot_be_reached_or_is_refused_leaves_the_lane_waiting() {
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    for (host, reason) in [
        (nobody.as_str(), AttemptError::Connect),
        ("10.0.0.1:1", AttemptError::AddressRefused),
    ] {
        let (tokens, _) = tokens();
        let client = ClientCredentials {
            login_url: format!("http://{host}").parse().unwrap(),
            client_id: Secret::new("a".to_owned()),
            client_secret: Secret::new("b".to_owned()),
        };
        let why = tokens.get(&client).await.unwrap_err();
        let barred = Outcome::Barred {
            reason,
            until: None,
        };
        assert_eq!(why.outcome(0), barred);
    }
}

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        headers: HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("7"))]),
        body: bytes::Bytes::copy_from_slice(body.as_bytes()),
        truncated: false,
    }
}

#[test]
fn answers_of_the_login_host_are_read_or_say_why_there_is_no_token() {
    let unavailable = |reason| NoToken::Unavailable {
        reason,
        after: Some(Duration::from_secs(7)),
    };
    for status in [400, 401] {
        let refused = read_grant(&answer(status, ""), 0).unwrap_err();
        assert_eq!(refused, NoToken::Credentials);
    }
    for status in [201, 302, 403, 404, 429, 500] {
        let refused = read_grant(&answer(status, ""), 0).unwrap_err();
        assert_eq!(refused, unavailable(AttemptError::HttpStatus(status)));
    }
    for body in [
        "",
        "{}",
        r#"{"access_token":""}"#,
        r#"{"access_token":"a b"}"#,
        r#"{"access_token":"a\r\nx: y"}"#,
        r#"{"access_token":"a","expires_in":"soon"}"#,
        r#"{"access_token":"a","expires_in":-1}"#,
    ] {
        let refused = read_grant(&answer(200, body), 0).unwrap_err();
        assert_eq!(refused, unavailable(AttemptError::BadAnswer), "{body}");
    }
    assert!(read_grant(&answer(200, r#"{"access_token":"a"}"#), 0).is_ok());
}

#[test]
fn a_token_is_never_shown() {
    let token = Token::new("hunter2", 0, Duration::from_mins(1)).unwrap();
    assert_eq!(format!("{token:?}"), "Token(********)");
    assert_eq!(format!("{:?}", token.header()), "Sensitive");
}
