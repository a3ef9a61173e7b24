//! Statistics: what happened, by hour and channel.

use nexus_gateway::simulator::{Answer, Rule};
use serde_json::{Value, json};

use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, OTHER_PHONE, PHONE, SOON, Tenant};

const STATISTICS: &str = "/nexus/v3/statistics";
const FIGURES: [&str; 8] = [
    "received",
    "submitted",
    "sent",
    "delivered",
    "failed",
    "removed",
    "cancelled",
    "retried",
];

/// A channel's figures, over however many hours the test has met.
async fn figures(tenant: &Tenant, channel_id: &str) -> [i64; 8] {
    let reply = tenant
        .get(&format!("{STATISTICS}?channelId={channel_id}"))
        .await;
    assert_eq!(reply.status, 200, "{:?}", reply.json());
    let items = reply.json()["data"]["items"].as_array().unwrap().clone();
    FIGURES.map(|name| items.iter().map(|item| item[name].as_i64().unwrap()).sum())
}

async fn come_to(tenant: &Tenant, expected: [i64; 8]) {
    eventually("the figures are there", SOON, async || {
        (figures(tenant, PHONE).await == expected).then_some(())
    })
    .await;
}

#[tokio::test]
async fn whatever_becomes_of_a_message_is_counted_once_and_folding_changes_nothing() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let refusal = Rule::new(Answer::status(400)).to("16505550111").times(1);
    gateway.third_party.answer_with([refusal]);
    tenant.consumer_says(CONSUMER, "Hello").await;
    let dead = tenant.send("16505550111", "refused").await;
    tenant.wait_for_status(&dead, "Failed").await;
    let sent = tenant.send(CONSUMER, "taken").await;
    tenant.wait_for_status(&sent, "Sent").await;
    come_to(&tenant, [1, 2, 1, 0, 1, 0, 0, 0]).await;

    let message = tenant.message(&sent).await;
    let name = message["providerMessageIds"][0]
        .as_str()
        .unwrap_or(&sent)
        .to_owned();
    for status in ["Delivered", "Delivered", "Removed"] {
        assert_eq!(tenant.receipt(&name, status, None).await.status, 200);
    }
    tenant.wait_for_status(&sent, "Removed").await;
    let retry = format!("/nexus/v3/messages/{dead}/retry");
    assert_eq!(tenant.post(&retry, &json!({})).await.status, 202);
    tenant.wait_for_status(&dead, "Sent").await;
    let expected = [1, 2, 2, 1, 1, 1, 0, 1];
    come_to(&tenant, expected).await;

    let mut database = gateway.connect().await;
    eventually("they are folded", SOON, async || {
        let loose: i64 = sqlx::query_scalar("select count(*) from statistics_deltas")
            .fetch_one(&mut database)
            .await
            .unwrap();
        (loose == 0).then_some(())
    })
    .await;
    assert_eq!(figures(&tenant, PHONE).await, expected);
    assert_eq!(figures(&tenant, OTHER_PHONE).await, [0; 8]);
    assert_eq!(figures(&neighbour, PHONE).await, [0; 8]);
}

#[tokio::test]
async fn a_message_that_is_called_back_is_counted_and_a_suppressed_one_is_not() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let endpoints = tenant.get("/nexus/v3/endpoints").await.json();
    let endpoint = endpoints["data"]["items"][0]["id"].as_str().unwrap();
    let pause = format!("/nexus/v3/endpoints/{endpoint}/pause");
    assert_eq!(tenant.post(&pause, &json!({})).await.status, 200);
    let id = tenant.send(CONSUMER, "not yet").await;
    let cancel = format!("/nexus/v3/messages/{id}/cancel");
    assert_eq!(tenant.post(&cancel, &json!({})).await.status, 200);
    let path = format!("/nexus/v3/suppressions/{PHONE}/{CONSUMER}");
    tenant.put(&path, &json!({})).await;
    assert_eq!(tenant.submit(CONSUMER, "never").await.status, 422);
    come_to(&tenant, [0, 1, 0, 0, 0, 0, 1, 0]).await;
}

#[tokio::test]
async fn statistics_are_of_the_hours_and_the_channel_that_are_asked_for() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    tenant.consumer_says(CONSUMER, "Hello").await;
    let items = async |query: &str| -> Vec<Value> {
        let reply = tenant.get(&format!("{STATISTICS}?{query}")).await;
        assert_eq!(reply.status, 200, "{query} {:?}", reply.json());
        reply.json()["data"]["items"].as_array().unwrap().clone()
    };
    let all = items("").await;
    assert_eq!(all.len(), 1);
    let hour = all[0]["hour"].as_str().unwrap();
    assert!(hour.ends_with(":00:00.000Z"), "{hour}");
    assert_eq!(items(&format!("since={hour}")).await, all);
    assert_eq!(items(&format!("until={hour}")).await, [Value::Null; 0]);
    assert_eq!(items("channelId=16504661150").await, [Value::Null; 0]);
    for query in [
        "since=today",
        "until=1",
        "since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
        "channelId=a%20b",
        "channel=1",
        "limit=0",
    ] {
        let reply = tenant.get(&format!("{STATISTICS}?{query}")).await;
        assert_eq!(reply.status, 422, "{query}");
    }
    let other = tenant.limited_to(&["nexus:messages:send"]).await;
    assert_eq!(other.get(STATISTICS).await.status, 403);
}
