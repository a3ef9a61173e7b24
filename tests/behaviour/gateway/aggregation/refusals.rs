//! Calls of rightful callers that cannot be taken.

use nexus_gateway::simulator::{CallShape, Reply, WireClient, receipt_members};
use reqwest::Method;
use serde_json::{Value, json};

use super::{parked, service, sms, stored};
use crate::harness::TestGateway;
use crate::harness::tenant::Tenant;

const MO: &str = "type=MO&message_id=1&shortcode=16504661149&phone_number=16505550199&message=Hi";

/// These members with one said otherwise or (by `None`) left out.
fn with(
    members: &[(&'static str, String)],
    name: &'static str,
    value: Option<&str>,
) -> Vec<(&'static str, String)> {
    let others = members.iter().filter(|(known, _)| *known != name).cloned();
    others
        .chain(value.map(|value| (name, value.to_owned())))
        .collect()
}

/// A body as it is, under a `Content-Type`.
async fn post(tenant: &Tenant, what: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Reply {
    let service = service(tenant);
    let mut headers = service.authorized();
    headers.insert("content-type", content_type.parse().unwrap());
    let body: Vec<u8> = body.into();
    service.post(what, "", headers, body.into()).await.unwrap()
}

#[track_caller]
fn names(reply: &Reply, code: u16, path: &str) {
    let status = reply.json()["status"].clone();
    assert_eq!(
        (reply.status, &status["code"]),
        (400, &json!(code)),
        "{path} {status}"
    );
    assert_eq!(status["details"][0]["path"], path, "{status}");
    assert!(status["details"][0]["message"].is_string());
}

#[tokio::test]
async fn a_call_that_cannot_be_taken_is_refused_with_its_code_and_its_place() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let long = "x".repeat(256);
    let message_cases = [
        ("type", None, 520),
        ("type", Some("receipt"), 510),
        ("message_id", None, 520),
        ("message_id", Some(""), 520),
        ("message_id", Some("a\nb"), 520),
        ("message_id", Some(long.as_str()), 520),
        ("shortcode", None, 520),
        ("shortcode", Some("INFO"), 530),
        ("shortcode", Some("company.com"), 530),
        ("shortcode", Some("12345"), 530),
        ("phone_number", None, 520),
        ("phone_number", Some("me@company.com"), 530),
        ("phone_number", Some("1234567890123456"), 530),
        ("message", None, 520),
    ];
    let receipt_cases = [
        ("type", None, 520),
        ("type", Some("MO"), 510),
        ("message_id", None, 520),
        ("message_state", None, 520),
        ("message_state", Some("0"), 520),
        ("message_state", Some("9"), 520),
        ("message_state", Some("DELIVRD"), 520),
        ("result_code", Some("none"), 520),
    ];
    for shape in [CallShape::Form, CallShape::Query, CallShape::Json] {
        let service = service(&tenant).with_shape(shape);
        for (name, value, code) in message_cases {
            let members = with(&sms("1", "Hello").members(), name, value);
            let reply = service.call("message", &members).await.unwrap();
            names(&reply, code, &format!("/{name}"));
        }
        for (name, value, code) in receipt_cases {
            let members = with(&receipt_members("1", 2, 0), name, value);
            let reply = service.call("receipt", &members).await.unwrap();
            names(&reply, code, &format!("/{name}"));
        }
    }
    assert!(stored(&tenant).await.is_empty());
    assert_eq!(parked(&gateway).await, 0);
}

#[tokio::test]
async fn every_fault_of_a_call_is_named() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let reply = service(&tenant).call("message", &[]).await.unwrap();
    let places: Vec<Value> = reply.json()["status"]["details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|detail| detail["path"].clone())
        .collect();
    assert_eq!(reply.status, 400);
    assert_eq!(
        places,
        [
            "/type",
            "/message_id",
            "/shortcode",
            "/phone_number",
            "/message"
        ]
    );
}

#[tokio::test]
async fn what_can_be_read_in_two_ways_or_none_is_malformed() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let form = "application/x-www-form-urlencoded";
    for (body, path) in [
        (format!("{MO}&message=Bye"), "/message"),
        (format!("{MO}&message_id=2"), "/message_id"),
        (MO.replace("Hi", "%00"), "/message"),
        (MO.replace("Hi", "%E9"), ""),
        (MO.replace("=1&", "=%01&"), "/message_id"),
    ] {
        names(&post(&tenant, "message", form, body).await, 520, path);
    }
    let service = service(&tenant);
    let mut headers = service.authorized();
    headers.insert("content-type", form.parse().unwrap());
    let parted = service.post("message", "message_id=2", headers, MO.into());
    names(&parted.await.unwrap(), 520, "/message_id");

    let good = json!({
        "type": "MO", "message_id": 1, "shortcode": "16504661149", "phone_number": "16505550199", "message": "Hi",
    })
    .to_string();
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
    for body in [
        good[..good.len() - 1].to_owned(),
        format!("[{good}]"),
        "null".to_owned(),
        "\"type=MO\"".to_owned(),
        good.replacen('{', "{\"type\":\"MO\",", 1),
        good.replace("\"Hi\"", "[\"Hi\"]"),
        good.replace("Hi", "\\u0000"),
        good.replace("Hi", "\\ud800"),
        deep,
    ] {
        let reply = post(&tenant, "message", "application/json", body.clone()).await;
        let start: String = body.chars().take(80).collect();
        assert_eq!(
            (reply.status, &reply.json()["status"]["code"]),
            (400, &json!(520)),
            "{start}"
        );
    }
    assert!(stored(&tenant).await.is_empty());
}

#[tokio::test]
async fn a_body_that_is_too_long_encoded_or_of_another_type_is_refused() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let form = "application/x-www-form-urlencoded";
    let long = format!("{MO}{}", "x".repeat(1_048_576));
    assert_eq!(
        post(&tenant, "receipt", form, long.clone()).await.status,
        413
    );
    // What a message carries may make its body longer; its text may not.
    names(&post(&tenant, "message", form, long).await, 520, "/message");
    let longest = vec![b'x'; 8_388_609];
    assert_eq!(post(&tenant, "message", form, longest).await.status, 413);
    for content_type in ["text/plain", "multipart/form-data; boundary=x", "text/xml"] {
        let reply = post(&tenant, "message", content_type, MO).await;
        assert_eq!(
            (reply.status, &reply.json()["status"]["code"]),
            (415, &json!(415)),
            "{content_type}"
        );
    }
    let service = service(&tenant);
    let untyped = service.post("message", "", service.authorized(), MO.into());
    assert_eq!(untyped.await.unwrap().status, 415);
    let mut encoded = service.authorized();
    encoded.insert("content-type", form.parse().unwrap());
    encoded.insert("content-encoding", "gzip".parse().unwrap());
    let reply = service.post("message", "", encoded, MO.into()).await;
    assert_eq!(reply.unwrap().status, 415);
    assert!(stored(&tenant).await.is_empty());
}

#[tokio::test]
async fn only_post_below_the_base_path_is_there() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let service = service(&tenant);
    let client = WireClient::new().unwrap();
    for (method, path, status) in [
        (Method::GET, "/nexus/v3/sms/message", 405),
        (Method::PUT, "/nexus/v3/sms/receipt", 405),
        (Method::POST, "/sms/message", 404),
        (Method::POST, "/nexus/v3/sms/receipts", 404),
    ] {
        let url = format!("{}{path}?{MO}", tenant.base_url);
        let reply = client
            .send(method, &url, service.authorized(), "")
            .await
            .unwrap();
        assert_eq!(reply.status, status, "{path}");
    }
    assert!(stored(&tenant).await.is_empty());
}
