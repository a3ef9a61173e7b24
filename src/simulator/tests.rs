//! The simulated third party over its socket, as the gateway and other processes meet it.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::*;
use crate::auth::signature;
use crate::values::Secret;

const SECRET: &str = "test-webhook-secret";

async fn third_party() -> ThirdParty {
    let secret = Secret::new(SECRET.to_owned());
    ThirdParty::start(ThirdPartyOptions::with_secret(secret))
        .await
        .unwrap()
}

fn webhook(message_id: &str) -> Bytes {
    let body = json!({
        "channel": { "to": { "id": "16505550199" }, "messageId": message_id },
        "type": "Text",
        "text": "Good day",
    });
    Bytes::from(body.to_string())
}

fn signed(body: &[u8], secret: &str) -> HeaderMap {
    let value = signature::sign_sha1(secret.as_bytes(), body);
    HeaderMap::from_iter([(
        "x-hub-signature".parse().unwrap(),
        HeaderValue::try_from(value).unwrap(),
    )])
}

async fn send(third_party: &ThirdParty, message_id: &str) -> Result<Reply, WireError> {
    let body = webhook(message_id);
    let headers = signed(&body, SECRET);
    WireClient::new()
        .unwrap()
        .send(Method::POST, &third_party.url(), headers, body)
        .await
}

async fn control(third_party: &ThirdParty, method: Method, path: &str, body: &Value) -> Reply {
    let url = format!("http://{}{path}", third_party.address());
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    WireClient::new()
        .unwrap()
        .send(method, &url, HeaderMap::new(), body)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_signed_webhook_is_recorded_byte_for_byte_and_answered_with_its_own_id() {
    let third_party = third_party().await;

    let reply = send(&third_party, "1613474523265-0").await.unwrap();

    assert_eq!(
        (reply.status, reply.json()),
        (200, json!({ "messageId": "1613474523265-0" }))
    );
    let requests = third_party.wait_for(1).await;
    assert_eq!(requests[0].body, webhook("1613474523265-0"));
    assert_eq!(requests[0].signature, Signature::Good);
    assert_eq!(requests[0].number, 1);
}

#[tokio::test]
async fn a_body_signed_with_another_secret_or_not_at_all_is_refused_and_recorded() {
    let third_party = third_party().await;
    let client = WireClient::new().unwrap();
    let body = webhook("1-0");

    for headers in [
        signed(&body, "another secret"),
        signed(b"another body", SECRET),
        HeaderMap::new(),
    ] {
        let reply = client
            .send(Method::POST, &third_party.url(), headers, body.clone())
            .await
            .unwrap();
        assert_eq!(reply.status, 401);
    }

    let requests = third_party.wait_for(3).await;
    assert_eq!(requests.len(), 3);
    assert!(
        requests
            .iter()
            .all(|request| request.signature == Signature::Refused)
    );
}

#[tokio::test]
async fn it_answers_with_the_id_it_was_told_or_with_none() {
    let third_party = third_party().await;
    third_party.answer_with([
        Rule::new(Answer::accept_as_own()).times(1),
        Rule::new(Answer::accept_as("abc")).times(1),
        Rule::new(Answer::accept_without_id()).times(1),
    ]);

    assert_eq!(
        send(&third_party, "1-0").await.unwrap().json(),
        json!({ "messageId": "third-party-1-0" })
    );
    assert_eq!(
        send(&third_party, "1-0").await.unwrap().json(),
        json!({ "messageId": "abc" })
    );
    assert_eq!(send(&third_party, "1-0").await.unwrap().json(), json!({}));
    assert_eq!(
        send(&third_party, "1-0").await.unwrap().json(),
        json!({ "messageId": "1-0" })
    );
}

#[tokio::test]
async fn it_throttles_redirects_and_rambles_when_told() {
    let third_party = third_party().await;
    let redirect = Answer::Redirect {
        status: 307,
        location: "http://127.0.0.1:1/".to_owned(),
    };
    third_party.answer_with([
        Rule::new(Answer::retry_after(429, "7")).times(1),
        Rule::new(redirect).times(1),
        Rule::new(Answer::Oversize { bytes: 200_000 }).times(1),
        Rule::new(Answer::Body {
            text: "thank you".to_owned(),
        })
        .times(1),
    ]);

    let throttled = send(&third_party, "1-0").await.unwrap();
    assert_eq!(
        (throttled.status, throttled.header("retry-after")),
        (429, Some("7"))
    );
    let redirected = send(&third_party, "1-0").await.unwrap();
    assert_eq!(
        (redirected.status, redirected.header("location")),
        (307, Some("http://127.0.0.1:1/"))
    );
    assert!(send(&third_party, "1-0").await.unwrap().body.len() > 200_000);
    assert_eq!(send(&third_party, "1-0").await.unwrap().body, "thank you");
}

#[tokio::test]
async fn a_reset_breaks_the_connection_off_and_the_request_is_recorded() {
    let third_party = third_party().await;
    third_party.answer_with([Answer::Reset]);

    let failed = send(&third_party, "1-0").await;

    assert!(
        matches!(failed, Err(WireError::NoAnswer { .. })),
        "{failed:?}"
    );
    assert_eq!(third_party.count(), 1);
}

#[tokio::test]
async fn a_hanging_answer_never_comes_while_others_are_served() {
    let third_party = third_party().await;
    third_party.answer_with([Rule::new(Answer::Hang).times(1)]);

    let mut hanging = Box::pin(send(&third_party, "1-0"));
    assert!(tokio::select! {
        requests = third_party.wait_for(1) => requests.len() == 1,
        _ = &mut hanging => false,
    });
    assert_eq!(send(&third_party, "2-0").await.unwrap().status, 200);
    let waited = tokio::time::timeout(Duration::from_millis(20), hanging).await;
    assert!(
        waited.is_err(),
        "the hanging request was answered: {waited:?}"
    );
}

#[tokio::test]
async fn a_delayed_answer_is_held_back() {
    let third_party = third_party().await;
    let delay = Duration::from_millis(40);
    third_party.answer_with([Rule::new(Answer::accept()).delayed(delay)]);

    let started = std::time::Instant::now();
    send(&third_party, "1-0").await.unwrap();

    assert!(started.elapsed() >= delay);
}

#[tokio::test]
async fn another_process_programs_reads_and_resets_it_over_http() {
    let third_party = third_party().await;
    let rules = json!({ "rules": [{ "answer": { "kind": "status", "status": 503 }, "times": 1 }] });
    assert_eq!(
        control(&third_party, Method::POST, "/__answers", &rules)
            .await
            .status,
        200
    );

    assert_eq!(send(&third_party, "1-0").await.unwrap().status, 503);
    assert_eq!(send(&third_party, "1-0").await.unwrap().status, 200);

    let shown = control(
        &third_party,
        Method::GET,
        "/__requests?after=1",
        &Value::Null,
    )
    .await
    .json();
    assert_eq!(shown["count"], 2);
    assert_eq!(shown["requests"].as_array().unwrap().len(), 1);
    assert_eq!(shown["requests"][0]["number"], 2);
    assert_eq!(shown["requests"][0]["signature"], "good");
    assert_eq!(
        shown["requests"][0]["body"],
        String::from_utf8(webhook("1-0").to_vec()).unwrap()
    );

    assert_eq!(
        control(&third_party, Method::POST, "/__reset", &Value::Null)
            .await
            .status,
        200
    );
    assert_eq!(third_party.count(), 0);
}

#[tokio::test]
async fn a_mistyped_switch_is_refused_with_its_reason() {
    let third_party = third_party().await;
    let rules = json!({ "rules": [{ "answer": { "kind": "hang" }, "tims": 1 }] });

    let refused = control(&third_party, Method::POST, "/__answers", &rules).await;

    assert_eq!(refused.status, 422);
    assert!(refused.json()["error"].as_str().unwrap().contains("tims"));
    assert_eq!(
        control(
            &third_party,
            Method::GET,
            "/__requests?limt=1",
            &Value::Null
        )
        .await
        .status,
        422
    );
    assert_eq!(
        control(&third_party, Method::GET, "/__anything", &Value::Null)
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn it_signs_messages_and_receipts_as_the_vendor_documents() {
    // The simulator serves as the far side here: it verifies and records whatever is posted to it.
    let gateway = ThirdParty::start(ThirdPartyOptions::with_secret(Secret::new(
        "test-api-secret".to_owned(),
    )));
    let gateway = gateway.await.unwrap();
    let base_url = format!("http://{}", gateway.address());
    let client = SignedClient::new(
        base_url,
        "0ff723ff-6c6f-44e0-9ce3-ce579337eadd",
        "0123456789",
        "test-api-secret",
    );
    let client = client.unwrap();

    client
        .send_text("16504661149", "0123456789", "m-1", "Hi")
        .await
        .unwrap();
    let reasons = [ReceiptReason {
        code: 350,
        message: Some("Message not allowed."),
    }];
    let receipt = ReceiptToSend {
        from: "0123456789",
        to: "16504661149",
        message_id: "r-1",
        status: "Failed",
        reasons: &reasons,
    };
    client.send_receipt(&receipt).await.unwrap();

    let requests = gateway.wait_for(2).await;
    assert!(
        requests
            .iter()
            .all(|request| request.signature == Signature::Good)
    );
    assert!(
        requests
            .iter()
            .all(|request| request.uri.path() == "/nexus/v3/channels/0123456789/messages")
    );
    assert_eq!(
        requests[0].header("x-ccid"),
        Some("0ff723ff-6c6f-44e0-9ce3-ce579337eadd")
    );
    assert_eq!(requests[0].json()["messages"][0]["type"], "Text");
    assert_eq!(
        requests[1].json()["messages"][0],
        json!({
            "channel": { "from": { "id": "0123456789" }, "to": { "id": "16504661149" }, "messageId": "r-1" },
            "type": "Receipt",
            "status": "Failed",
            "reasons": [{ "code": 350, "message": "Message not allowed." }],
        })
    );
}

#[test]
fn the_signature_is_the_one_that_openssl_computes() {
    // printf '%s' "$body" | openssl dgst -sha1 -hmac test-api-secret
    let body = br#"{"messages":[{"channel":{"from":{"id":"16504661149"},"to":{"id":"0123456789"},"messageId":"m-1"},"type":"Text","text":"Hi"}]}"#;
    let client = SignedClient::new("http://gateway", "c", "0123456789", "test-api-secret").unwrap();

    let headers = client.signed_headers(body);

    assert_eq!(
        headers["x-hub-signature"],
        "sha1=f5eb9ada14c42190413344890a9ca783239e729a"
    );
}
