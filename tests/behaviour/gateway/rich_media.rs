//! Pictures, sounds and files beside or instead of a text, on a number.

use nexus_gateway::simulator::{Answer, Rule};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::TestGateway;
use crate::harness::tenant::{CONSUMER, PHONE, Tenant};

const MEDIUM: &str = "genesys://nexus/bb4a9f86-dbbb-4464-a669-650da94fbad6";

/// One of each kind of medium.
fn content() -> Value {
    json!([
        { "type": "image", "url": MEDIUM, "mime": "image/png", "filename": "logo.png" },
        { "type": "video", "url": "https://company.com/video?id=1" },
        { "type": "audio", "url": "http://company.com/audio", "mime": "audio/ogg" },
        { "type": "file", "url": "https://company.com/terms.pdf", "filename": "terms.pdf" },
    ])
}

fn message(from: &str, to: &str) -> Value {
    json!({
        "channel": { "from": { "id": from }, "to": { "id": to } },
        "type": "RichMedia",
        "text": "Look!",
        "content": content(),
    })
}

fn received(message_id: &str) -> Value {
    let mut message = message(CONSUMER, PHONE);
    message["channel"]["messageId"] = json!(message_id);
    message
}

/// Submits one message that has to be accepted; its result.
async fn send(tenant: &Tenant, message: &Value) -> Value {
    let body = json!({ "messages": [message] });
    let reply = tenant.post("/nexus/v3/messages", &body).await;
    assert_eq!(reply.status, 202, "{:?}", reply.json());
    reply.json()["data"]["results"][0].clone()
}

#[tokio::test]
async fn a_consumer_s_media_are_stored_and_shown_as_they_came() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let mut without_text = received("m-2");
    without_text["text"] = Value::Null;

    let reply = tenant
        .third_party
        .send(&[received("m-1"), without_text])
        .await
        .unwrap();

    let ids = reply.json()["data"]["ids"].clone();
    for (id, text) in [(&ids[0], json!("Look!")), (&ids[1], Value::Null)] {
        let shown = tenant.message(id.as_str().unwrap()).await;
        assert_eq!(shown["type"], "RichMedia");
        assert_eq!(shown["text"], text);
        assert_eq!(shown["content"], content());
        assert!(shown["conversationId"].is_string());
    }
    let again = tenant.third_party.send(&[received("m-1")]).await.unwrap();
    assert_eq!(again.json()["data"]["ids"][0], ids[0]);
    let mut other = received("m-1");
    other["content"][0]["filename"] = json!("other.png");
    let conflict = tenant.third_party.send(&[other]).await.unwrap();
    assert_eq!(conflict.status, 409);
}

#[tokio::test]
async fn media_are_sent_in_the_same_bytes_at_every_attempt() {
    let gateway = TestGateway::start_with(&[("WEBHOOK__RETRY_SCHEDULE_SECONDS", "0,0")]).await;
    let tenant = gateway.tenant().await;
    gateway
        .third_party
        .answer_with([Rule::new(Answer::status(503)).times(1)]);
    let mut links_only = message(PHONE, CONSUMER);
    links_only["content"].as_array_mut().unwrap().remove(0);

    let result = send(&tenant, &links_only).await;

    let id = result["id"].as_str().unwrap();
    assert_eq!(result["segments"], Value::Null);
    tenant.wait_for_status(id, "Sent").await;
    let webhooks = gateway.third_party.requests();
    let body = format!(
        r#"{{"channel":{{"id":"{PHONE}","type":"sms","from":{{"id":"{PHONE}"}},"to":{{"id":"{CONSUMER}"}},"messageId":"{id}"}},"type":"RichMedia","text":"Look!","content":[{{"type":"video","url":"https://company.com/video?id=1"}},{{"type":"audio","url":"http://company.com/audio","mime":"audio/ogg"}},{{"type":"file","url":"https://company.com/terms.pdf","filename":"terms.pdf"}}]}}"#
    );
    assert_eq!(webhooks.len(), 2);
    for webhook in &webhooks {
        assert_eq!(std::str::from_utf8(&webhook.body), Ok(body.as_str()));
    }
}

#[tokio::test]
async fn an_agent_may_answer_with_media() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let asked = tenant.consumer_says(CONSUMER, "Where are you?").await;
    let conversation = tenant.message(&asked).await["conversationId"].clone();
    let path = format!(
        "/nexus/v3/conversations/{}/messages",
        conversation.as_str().unwrap()
    );
    let map = json!({ "type": "image", "url": "https://company.com/map.png" });

    let body = json!({ "type": "RichMedia", "content": [map] });
    let reply = tenant.post(&path, &body).await;

    assert_eq!(reply.status, 202, "{:?}", reply.json());
    let webhook = gateway.third_party.wait_for(1).await.remove(0).json();
    assert_eq!(
        (&webhook["type"], &webhook["text"]),
        (&json!("RichMedia"), &Value::Null)
    );
    assert_eq!(webhook["content"], json!([map]));
}

#[tokio::test]
async fn media_that_make_no_sense_are_refused_with_their_place() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let cases = [
        ("/content", Value::Null, 520),
        ("/content", json!([]), 520),
        ("/content/0/type", json!("attachment"), 510),
        ("/content/0/url", json!("genesys://nexus/1"), 520),
        ("/content/1/url", json!("/video"), 520),
        ("/content/2/mime", json!(["audio/ogg"]), 520),
        ("/text", json!(1), 520),
    ];
    for (place, value, code) in cases {
        let change = |mut message: Value| {
            let (parent, name) = place.rsplit_once('/').unwrap();
            message.pointer_mut(parent).unwrap()[name] = value.clone();
            message
        };
        let bad = change(received(&Uuid::new_v4().to_string()));
        let reply = tenant.third_party.send(&[bad]).await.unwrap();
        let status = reply.json()["status"].clone();
        assert_eq!(
            (reply.status, &status["code"]),
            (400, &json!(code)),
            "{place} {status}"
        );
        assert_eq!(status["details"][0]["path"], format!("/messages/0{place}"));

        let body = json!({ "messages": [change(message(PHONE, CONSUMER))] });
        let reply = tenant.post("/nexus/v3/messages", &body).await;
        let error = reply.json()["data"]["results"][0]["error"].clone();
        assert_eq!(
            (reply.status, &error["code"]),
            (422, &json!(code)),
            "{place} {error}"
        );
        assert_eq!(error["details"][0]["path"], format!("/messages/0{place}"));
    }
}

#[tokio::test]
async fn a_stop_beside_a_picture_is_a_stop() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let mut stop = received("m-1");
    stop["text"] = json!("Stop");

    let reply = tenant.third_party.send(&[stop]).await.unwrap();

    assert_eq!(reply.status, 200);
    let refused = tenant.submit(CONSUMER, "Hello").await;
    assert_eq!(refused.json()["data"]["results"][0]["error"]["code"], 350);
}
