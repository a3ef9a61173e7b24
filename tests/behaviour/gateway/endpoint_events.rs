//! Consumers of the feed hear when an endpoint fails, is paused and works again: once for each turn.

use std::time::Duration;

use nexus_gateway::simulator::{Answer, Rule};
use serde_json::{Value, json};

use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, PHONE, SOON, Tenant};

const TYPES: &str = "endpoint.warned,endpoint.paused,endpoint.resumed";

/// What was told of endpoints so far, oldest first.
async fn told(tenant: &Tenant) -> Vec<Value> {
    let path = format!("/nexus/v3/events?stream=all&types={TYPES}&limit=500");
    let page = tenant.get(&path).await.json();
    page["data"]["items"].as_array().unwrap().clone()
}

/// The same once there are so many.
async fn told_of(tenant: &Tenant, count: usize) -> Vec<Value> {
    eventually(&format!("{count} events of endpoints"), SOON, async || {
        let told = told(tenant).await;
        (told.len() >= count).then_some(told)
    })
    .await
}

fn types(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn an_endpoint_that_fails_is_warned_of_again_when_that_lasts_and_resumed_when_it_works() {
    let settings = [
        ("DISPATCH__BREAKER_FAILURES", "2"),
        ("DISPATCH__BREAKER_SECONDS", "600,1200"),
    ];
    let gateway = TestGateway::start_with(&settings).await;
    let retry = json!({ "scheduleSeconds": [0.001, 0.001, 0.001, 0.001] });
    let tenant = gateway.tenant_with(json!({ "retry": retry })).await;
    gateway
        .third_party
        .answer_with([Rule::new(Answer::status(503))]);
    let id = tenant.send(CONSUMER, "Hello").await;

    let first = told_of(&tenant, 1).await;
    let parked = tenant.endpoint().await;
    gateway.clock.advance(Duration::from_secs(601));
    let second = told_of(&tenant, 2).await;
    gateway.third_party.answer_with([Answer::accept()]);
    gateway.clock.advance(Duration::from_secs(1_201));
    tenant.wait_for_status(&id, "Sent").await;
    let all = told_of(&tenant, 3).await;

    assert_eq!(
        types(&all),
        ["endpoint.warned", "endpoint.warned", "endpoint.resumed"]
    );
    let data = &first[0]["data"];
    assert_eq!(
        (
            &data["endpointId"],
            &data["channelId"],
            &data["lastError"],
            &data["nextProbeAt"]
        ),
        (
            &parked["id"],
            &json!(PHONE),
            &json!("http_503"),
            &parked["parkedUntil"]
        )
    );
    assert!(
        data["reason"].is_string() && data["since"].is_string(),
        "{data}"
    );
    assert_ne!(second[1]["data"]["reason"], data["reason"]);
    let resumed = &all[2]["data"];
    assert_eq!(
        (&resumed["since"], resumed.get("nextProbeAt")),
        (&data["since"], None)
    );
}

#[tokio::test]
async fn since_when_an_endpoint_fails_is_known_to_whoever_takes_it_over() {
    let settings = [
        ("DISPATCH__BREAKER_FAILURES", "2"),
        ("DISPATCH__BREAKER_SECONDS", "600,1200"),
    ];
    let first = TestGateway::start_with(&settings).await;
    let retry = json!({ "scheduleSeconds": [0.001, 0.001, 0.001, 0.001] });
    let tenant = first.tenant_with(json!({ "retry": retry })).await;
    let third_party = std::sync::Arc::clone(&first.third_party);
    third_party.answer_with([Rule::new(Answer::status(503))]);
    let id = tenant.send(CONSUMER, "Hello").await;
    let warned = told_of(&tenant, 1).await[0]["data"]["since"].clone();
    let second = first.replica(&settings).await;
    let tenant = tenant.known_through(&second).await;
    first.stop().await;

    second.clock.advance(Duration::from_secs(601));
    let warned_again = told_of(&tenant, 2).await[1]["data"]["since"].clone();
    let third = second.replica(&settings).await;
    let tenant = tenant.known_through(&third).await;
    second.stop().await;
    third_party.answer_with([Answer::accept()]);
    third.clock.advance(Duration::from_secs(1_900));
    tenant.wait_for_status(&id, "Sent").await;

    assert!(warned.is_string());
    let resumed = &told_of(&tenant, 3).await[2];
    assert_eq!(resumed["type"], "endpoint.resumed");
    assert_eq!([&warned_again, &resumed["data"]["since"]], [&warned; 2]);
}

#[tokio::test]
async fn an_operator_s_pause_and_resume_are_told_once_whoever_repeats_them() {
    let gateway = TestGateway::start().await;
    let answers = gateway.replica_that_only_answers().await;
    let tenant = gateway.tenant().await.known_through(&answers).await;
    let id = tenant.endpoint().await["id"].clone();
    tenant.resume().await;
    for _ in 0..2 {
        tenant.pause().await;
    }
    for _ in 0..2 {
        tenant.resume().await;
    }
    tenant.pause().await;

    let told = told_of(&tenant, 3).await;

    assert_eq!(
        types(&told),
        ["endpoint.paused", "endpoint.resumed", "endpoint.paused"]
    );
    let data = json!({ "endpointId": id, "channelId": PHONE, "reason": "by an operator" });
    assert!(told.iter().all(|event| event["data"] == data), "{told:?}");
}

#[tokio::test]
async fn an_endpoint_that_is_gone_for_many_at_once_is_paused_once() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    gateway
        .third_party
        .answer_with([Rule::new(Answer::status(410))]);
    let texts: Vec<Value> = (0..20)
        .map(|number| crate::harness::tenant::text_to(&format!("165055501{number:02}"), "Hello"))
        .collect();
    let body = json!({ "messages": texts });
    assert_eq!(tenant.post("/nexus/v3/messages", &body).await.status, 202);
    eventually("the endpoint is paused", SOON, async || {
        (tenant.endpoint().await["state"] == "paused").then_some(())
    })
    .await;
    let id = tenant.endpoint().await["id"].clone();
    // Every attempt that was under way has ended before the endpoint works again.
    eventually("nothing is under way", SOON, async || {
        (tenant.endpoint().await["inFlight"] == 0).then_some(())
    })
    .await;
    tenant.resume().await;

    let told = told_of(&tenant, 2).await;

    assert_eq!(types(&told)[..2], ["endpoint.paused", "endpoint.resumed"]);
    let gone = &told[0]["data"];
    assert_eq!(
        (&gone["endpointId"], &gone["channelId"]),
        (&id, &json!(PHONE))
    );
    assert_eq!(gone["lastError"], "http_410");
}
