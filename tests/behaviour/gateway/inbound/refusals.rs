//! Bodies that are signed rightly and cannot be taken.

use nexus_gateway::simulator::text_message;
use serde_json::{Value, json};

use super::{post_signed, stored};
use crate::harness::TestGateway;
use crate::harness::tenant::{CONSUMER, PHONE};

fn text() -> Value {
    text_message(CONSUMER, PHONE, "1", "Hello")
}

/// The text with one member, named by its JSON pointer, replaced or (by null) taken out.
fn with(pointer: &str, value: Value) -> Value {
    let mut message = text();
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    let parent = message
        .pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap();
    if value.is_null() {
        parent.remove(member);
    } else {
        parent.insert(member.to_owned(), value);
    }
    message
}

#[tokio::test]
async fn a_message_that_cannot_be_taken_is_refused_with_its_code_and_its_place() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let cases = [
        ("/type", json!("Fax"), 510),
        ("/type", json!("Email"), 510),
        ("/type", json!(7), 520),
        ("/type", Value::Null, 520),
        ("/text", Value::Null, 520),
        ("/text", json!(["Hello"]), 520),
        ("/channel", Value::Null, 520),
        ("/channel/from", Value::Null, 520),
        ("/channel/to", json!("x"), 520),
        ("/channel/to/id", Value::Null, 520),
        ("/channel/messageId", Value::Null, 520),
        ("/channel/messageId", json!(""), 520),
        ("/channel/messageId", json!("x".repeat(256)), 520),
        ("/channel/to/id", json!("16504661150"), 530),
        ("/channel/to/id", json!("me@company.com"), 530),
        ("/channel/from/id", json!("nobody"), 530),
        ("/channel/from/id", json!("me@company.com"), 530),
        ("/channel/from/id", json!("1234567890123456"), 530),
    ];
    for (pointer, value, code) in cases {
        let message = with(pointer, value);

        let reply = tenant.third_party.send(&[message]).await.unwrap();

        let status = reply.json()["status"].clone();
        assert_eq!(reply.status, 400, "{pointer} {status}");
        assert_eq!(status["code"], code, "{pointer} {status}");
        assert_eq!(
            status["details"][0]["path"],
            format!("/messages/0{pointer}")
        );
        assert!(status["details"][0]["message"].is_string());
        assert!(status["message"].is_string());
    }
    let no_object = tenant.third_party.send(&[json!("Hello")]).await.unwrap();
    assert_eq!(
        no_object.json()["status"]["details"][0]["path"],
        "/messages/0"
    );
    assert!(stored(&tenant).await.is_empty());
}

#[tokio::test]
async fn a_receipt_that_cannot_be_taken_is_refused_with_its_code_and_its_place() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let receipt = |from: &str, to: &str, status: Value, reasons: Value| {
        json!({
            "channel": { "from": { "id": from }, "to": { "id": to }, "messageId": "1" },
            "type": "Receipt", "status": status, "reasons": reasons,
        })
    };
    let delivered = || json!("Delivered");
    let none = || json!([]);
    for (message, code, place) in [
        (
            receipt(PHONE, CONSUMER, json!("Read"), none()),
            520,
            "/messages/0/status",
        ),
        (
            receipt(PHONE, CONSUMER, json!(null), none()),
            520,
            "/messages/0/status",
        ),
        (
            receipt(PHONE, CONSUMER, json!("Failed"), json!({})),
            520,
            "/messages/0/reasons",
        ),
        (
            receipt(PHONE, CONSUMER, json!("Failed"), json!([{ "code": "305" }])),
            520,
            "/messages/0/reasons/0/code",
        ),
        (
            receipt(PHONE, PHONE, delivered(), none()),
            530,
            "/messages/0/channel",
        ),
        (
            receipt(CONSUMER, CONSUMER, delivered(), none()),
            530,
            "/messages/0/channel",
        ),
    ] {
        let reply = tenant
            .third_party
            .send(std::slice::from_ref(&message))
            .await
            .unwrap();

        let status = reply.json()["status"].clone();
        assert_eq!(
            (reply.status, &status["code"]),
            (400, &json!(code)),
            "{message} {status}"
        );
        assert_eq!(status["details"][0]["path"], place, "{message}");
    }
    // Either side may be the channel's.
    for (from, to) in [(PHONE, CONSUMER), (CONSUMER, PHONE)] {
        let message = receipt(from, to, delivered(), none());
        let reply = tenant.third_party.send(&[message]).await.unwrap();
        assert_eq!(reply.status, 200, "{:?}", reply.json());
    }
}

#[tokio::test]
async fn one_bad_message_refuses_the_whole_body_and_every_fault_is_named() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let sent = tenant.send(CONSUMER, "Hello").await;
    tenant.wait_for_status(&sent, "Sent").await;
    let good_receipt = json!({
        "channel": { "from": { "id": PHONE }, "to": { "id": CONSUMER }, "messageId": sent },
        "type": "Receipt", "status": "Delivered",
    });
    let mut worst = with("/channel/to/id", json!("16504661150"));
    worst["text"] = json!(1);
    worst["channel"]
        .as_object_mut()
        .unwrap()
        .remove("messageId");
    let body = [
        text(),
        good_receipt,
        with("/type", json!("Fax")),
        text(),
        worst,
    ];

    let reply = tenant.third_party.send(&body).await.unwrap();

    let status = reply.json()["status"].clone();
    assert_eq!(
        (reply.status, &status["code"]),
        (400, &json!(510)),
        "{status}"
    );
    let mut places: Vec<&str> = status["details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|detail| detail["path"].as_str().unwrap())
        .collect();
    places.sort_unstable();
    assert_eq!(
        places,
        [
            "/messages/2/type",
            "/messages/4/channel/messageId",
            "/messages/4/channel/to/id",
            "/messages/4/text",
        ]
    );
    let stored = stored(&tenant).await;
    assert_eq!(stored.len(), 1, "nothing of it was stored");
    assert_eq!(stored[0]["status"], "Sent", "nor was its receipt applied");
}

#[tokio::test]
async fn what_is_no_body_of_messages_is_malformed() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let good = json!({ "messages": [text()] }).to_string();
    let with_text = |text: &str| good.replace("\"Hello\"", text);
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let bodies = [
        String::new(),
        "Hello".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        r#"{"messages":null}"#.to_owned(),
        r#"{"messages":{}}"#.to_owned(),
        r#"{"messages":[]}"#.to_owned(),
        good[..good.len() - 1].to_owned(),
        format!("{good} x"),
        good.replacen("{\"messages\"", "{\"messages\":[],\"messages\"", 1),
        with_text(r#""a","text":"b""#),
        with_text(r#""a\u0000b""#),
        with_text(r#""\ud800""#),
        with_text(r#""\udc00\ud800""#),
        format!(r#"{{"messages":[],"x":{deep}}}"#),
    ];
    for body in bodies {
        let reply = post_signed(&tenant, body.clone()).await;
        let status = reply.json()["status"].clone();
        let start: String = body.chars().take(80).collect();
        assert_eq!(
            (reply.status, &status["code"]),
            (400, &json!(520)),
            "{start} {status}"
        );
    }
    let not_utf8 = post_signed(&tenant, good.replace("Hello", "\u{e9}").into_bytes()).await;
    assert_eq!(not_utf8.status, 200, "this one is");
    let mut bytes = good.replace("Hello", "?").into_bytes();
    let place = bytes.iter().position(|byte| *byte == b'?').unwrap();
    bytes[place] = 0xe9;
    assert_eq!(post_signed(&tenant, bytes).await.status, 400);
}

#[tokio::test]
async fn a_body_that_is_too_long_or_encoded_is_not_read() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let long = json!({ "messages": [with("/text", json!("x".repeat(1_048_576)))] }).to_string();
    assert_eq!(post_signed(&tenant, long).await.status, 413);

    let body = json!({ "messages": [text()] }).to_string();
    let mut headers = tenant.third_party.signed_headers(body.as_bytes());
    headers.insert("content-encoding", "gzip".parse().unwrap());
    let encoded = tenant.third_party.post(headers, body.into()).await.unwrap();
    assert_eq!(
        (encoded.status, &encoded.json()["status"]["code"]),
        (415, &json!(415))
    );

    let path = format!("/nexus/v3/channels/{PHONE}/messages");
    let other_method = tenant.get(&path).await;
    assert_eq!(
        (other_method.status, &other_method.json()["status"]["code"]),
        (405, &json!(405))
    );
    assert!(stored(&tenant).await.is_empty());
}
