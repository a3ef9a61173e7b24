//! Typing: read, and kept nowhere.

use nexus_gateway::simulator::text_message;
use serde_json::{Value, json};

use crate::harness::TestGateway;
use crate::harness::tenant::{CONSUMER, PHONE, Tenant};

fn typing() -> Value {
    json!({
        "channel": { "from": { "id": CONSUMER }, "to": { "id": PHONE } },
        "type": "Event",
        "events": [{ "eventType": "Typing", "typing": { "type": "On", "duration": 5000 } }],
    })
}

async fn items(tenant: &Tenant, path: &str) -> Vec<Value> {
    let reply = tenant.get(path).await;
    assert_eq!(reply.status, 200, "{:?}", reply.json());
    reply.json()["data"]["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn typing_is_answered_without_an_id_and_stored_nowhere() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let mut ended = typing();
    ended["events"][0]["typing"] = json!({ "type": "Off" });
    ended["channel"]["messageId"] = json!("m-1");

    let reply = tenant.third_party.send(&[typing(), ended]).await.unwrap();

    assert_eq!(
        (reply.status, reply.json()),
        (200, json!({ "status": { "code": 0 } }))
    );
    for path in [
        "/nexus/v3/messages",
        "/nexus/v3/conversations",
        "/nexus/v3/events?stream=all",
    ] {
        assert_eq!(items(&tenant, path).await, Vec::<Value>::new(), "{path}");
    }
}

#[tokio::test]
async fn beside_content_typing_takes_no_place_among_the_ids() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let (one, two) = (
        text_message(CONSUMER, PHONE, "m-1", "Hello"),
        text_message(CONSUMER, PHONE, "m-2", "Anybody there?"),
    );

    let reply = tenant
        .third_party
        .send(&[typing(), one, typing(), two])
        .await
        .unwrap();

    let ids = reply.json()["data"]["ids"].as_array().unwrap().clone();
    assert_eq!(ids.len(), 2);
    let second = tenant.message(ids[1].as_str().unwrap()).await;
    assert_eq!(second["text"], "Anybody there?");
}

#[tokio::test]
async fn an_event_that_makes_no_sense_refuses_the_whole_body() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let state = "/events/0/typing/type";
    let cases = [
        ("/events", json!([]), 520),
        ("/events", Value::Null, 520),
        ("/events/0/eventType", json!("Presence"), 510),
        ("/events/0/typing", Value::Null, 520),
        (state, json!("on"), 520),
        ("/events/0/typing/duration", json!("5 s"), 520),
        ("/channel/to/id", json!("16504661150"), 530),
        ("/channel/from/id", json!("nobody"), 530),
    ];
    for (place, value, code) in cases {
        let mut bad = typing();
        let (parent, name) = place.rsplit_once('/').unwrap();
        bad.pointer_mut(parent).unwrap()[name] = value;
        let good = text_message(CONSUMER, PHONE, "m-1", "Hello");
        let reply = tenant.third_party.send(&[good, bad]).await.unwrap();
        let status = reply.json()["status"].clone();
        assert_eq!(
            (reply.status, &status["code"]),
            (400, &json!(code)),
            "{place} {status}"
        );
        assert_eq!(status["details"][0]["path"], format!("/messages/1{place}"));
    }
    assert_eq!(
        items(&tenant, "/nexus/v3/messages").await,
        Vec::<Value>::new()
    );
}

#[tokio::test]
async fn what_an_agent_types_is_nothing_to_be_submitted() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let mut message = typing();
    message["channel"] = json!({ "from": { "id": PHONE }, "to": { "id": CONSUMER } });
    message.as_object_mut().unwrap().remove("events");

    let body = json!({ "messages": [message] });
    let reply = tenant.post("/nexus/v3/messages", &body).await;

    assert_eq!(reply.status, 422);
    assert_eq!(reply.json()["data"]["results"][0]["error"]["code"], 510);
}
