//! A channel whose endpoint takes nothing is not given messages without end.

use nexus_gateway::simulator::{Answer, Reply};
use serde_json::json;

use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, SOON, Tenant, text_to, texts};

/// Three messages, each of which is tried again and again.
const SETTINGS: [(&str, &str); 3] = [
    ("DISPATCH__BACKLOG_MAX", "3"),
    ("DISPATCH__BREAKER_FAILURES", "1000000"),
    (
        "WEBHOOK__RETRY_SCHEDULE_SECONDS",
        "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1",
    ),
];

#[tokio::test]
async fn a_lane_takes_so_many_and_then_every_replica_refuses_until_some_are_done() {
    let gateway = TestGateway::start_with(&SETTINGS).await;
    let other_replica = gateway.replica(&SETTINGS).await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let elsewhere = tenant.through(&other_replica);
    eventually("the other replica knows the channel", SOON, async || {
        elsewhere.is_known().await.then_some(())
    })
    .await;
    gateway.third_party.answer_with([Answer::status(503)]);

    // Some find room, the rest of the same submission does not.
    tenant.send(CONSUMER, "one").await;
    let items = ["two", "three", "four"].map(|text| text_to(CONSUMER, text));
    let body = json!({ "messages": items });
    let mixed = elsewhere.post("/nexus/v3/messages", &body).await;
    assert_eq!(mixed.status, 202, "{:?}", mixed.json());
    let results = mixed.json()["data"]["results"].clone();
    assert!(results[0]["id"].is_string() && results[1]["id"].is_string());
    assert_eq!(results[2]["error"]["code"], 310, "{results}");

    for door in [&tenant, &elsewhere] {
        eventually("this replica has counted", SOON, async || {
            let reply = door.submit(CONSUMER, "too many").await;
            (reply.status == 429).then(|| is_refused(&reply))
        })
        .await;
    }
    let conversation = tenant_s_conversation(&tenant).await;
    let path = format!("/nexus/v3/conversations/{conversation}/messages");
    let answer = json!({ "type": "Text", "text": "How can I help?" });
    is_refused(&tenant.post(&path, &answer).await);

    // Nobody else is refused anything.
    neighbour.send(CONSUMER, "not mine").await;

    gateway.third_party.answer_with([Answer::accept()]);
    let goes_on = eventually("there is room again", SOON, async || {
        let reply = tenant.submit(CONSUMER, "five").await;
        (reply.status == 202).then_some(reply)
    })
    .await;
    let id = goes_on.json()["data"]["results"][0]["id"].clone();
    tenant.wait_for_status(id.as_str().unwrap(), "Sent").await;
    let received = texts(&gateway.third_party.requests());
    assert!(!received.contains(&"four".to_owned()), "{received:?}");
}

fn is_refused(reply: &Reply) {
    assert_eq!(
        (reply.status, &reply.json()["status"]["code"]),
        (429, &json!(310)),
        "{:?}",
        reply.json()
    );
    assert!(reply.header("retry-after").is_some());
}

async fn tenant_s_conversation(tenant: &Tenant) -> String {
    tenant.consumer_says(CONSUMER, "Is anybody there?").await;
    let found = tenant.get("/nexus/v3/conversations").await.json();
    found["data"]["items"][0]["id"].as_str().unwrap().to_owned()
}
