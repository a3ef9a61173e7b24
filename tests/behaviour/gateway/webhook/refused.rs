//! Answers after which a message is not sent again.

use nexus_gateway::simulator::{Answer, Rule, ThirdParty, ThirdPartyOptions};
use serde_json::{Value, json};

use super::{NEVER_PARKS, attempts, dead_letters, explanation, webhooks_of};
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, SOON, Tenant};

#[tokio::test]
async fn a_refused_message_fails_at_once_and_is_a_dead_letter() {
    let gateway = TestGateway::start_with(&[NEVER_PARKS]).await;
    let tenant = gateway.tenant().await;
    let statuses = [
        300, 304, 400, 401, 402, 403, 404, 405, 406, 407, 409, 413, 415, 422, 451,
    ];
    let rules =
        statuses.map(|status| Rule::new(Answer::status(status)).to(format!("16505550{status}")));
    gateway.third_party.answer_with(rules);
    let mut sent = Vec::new();
    for status in statuses {
        sent.push((
            status,
            tenant.send(&format!("16505550{status}"), "Hello").await,
        ));
    }
    for (status, id) in &sent {
        let message = tenant.wait_for_status(id, "Failed").await;

        let last = message["history"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()
            .clone();
        assert_eq!(
            (&last["status"], &last["reasons"][0]["code"]),
            (&json!("Failed"), &json!(500))
        );
        assert_eq!(message["deadLetter"], true, "{status}");
        let attempts = attempts(&tenant, id).await;
        assert_eq!(attempts.len(), 1, "{status}");
        assert_eq!(attempts[0]["error"], format!("http_{status}"));
        assert_eq!(attempts[0].get("nextAttemptAt"), None);
        assert_eq!(webhooks_of(&gateway, id).len(), 1, "{status}");
        let told = explanation(&tenant, id).await;
        assert_eq!(
            (&told["outcome"], told.get("nextAttemptAt")),
            (&json!("Failed"), None)
        );
        let sentence = told["sentence"].as_str().unwrap();
        assert!(sentence.contains(&format!("answer {status}")), "{sentence}");
        assert!(sentence.contains("by hand"), "{sentence}");
    }
    let newest_first: Vec<String> = sent.into_iter().rev().map(|(_, id)| id).collect();
    assert_eq!(dead_letters(&tenant).await, newest_first);
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    let gateway = TestGateway::start_with(&[NEVER_PARKS]).await;
    let tenant = gateway.tenant().await;
    let elsewhere = ThirdParty::start(ThirdPartyOptions::default())
        .await
        .unwrap();
    for status in [301, 302, 303, 307, 308] {
        let location = elsewhere.url();
        gateway
            .third_party
            .answer_with([Answer::Redirect { status, location }]);
        let id = tenant.send(CONSUMER, "Hello").await;
        tenant.wait_for_status(&id, "Failed").await;
        assert_eq!(attempts(&tenant, &id).await.len(), 1);
    }
    assert_eq!(elsewhere.count(), 0);
}

#[tokio::test]
async fn gone_pauses_the_endpoint_and_the_other_messages_stay_queued() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    gateway
        .third_party
        .answer_with([Rule::new(Answer::status(410)).to(CONSUMER)]);

    let gone = tenant.send(CONSUMER, "Hello").await;
    let message = tenant.wait_for_status(&gone, "Failed").await;
    assert_eq!(message["deadLetter"], true);
    let other = tenant.send("16505550188", "Hello").await;

    // What the neighbour sends later goes out, and is the sign that the other one would have.
    let theirs = neighbour.send("16505550177", "Hello").await;
    neighbour.wait_for_status(&theirs, "Sent").await;
    assert!(webhooks_of(&gateway, &other).is_empty());
    assert_eq!(tenant.message(&other).await["status"], "Queued");
    let told = explanation(&tenant, &other).await;
    assert_eq!(told["outcome"], "Queued");
    assert!(
        told["sentence"].as_str().unwrap().contains("paused"),
        "{told}"
    );
    assert_eq!(told.get("nextAttemptAt"), None);
    let paused = paused_events(&tenant).await;
    assert_eq!(paused.len(), 1);
    assert_eq!(paused[0]["stream"], "all");
}

async fn paused_events(tenant: &Tenant) -> Vec<Value> {
    eventually("the pause is an event", SOON, async || {
        let reply = tenant.get("/nexus/v3/events?types=endpoint.paused").await;
        let events = reply.json()["data"]["items"].as_array().unwrap().clone();
        (!events.is_empty()).then_some(events)
    })
    .await
}

#[tokio::test]
async fn what_was_under_way_when_the_endpoint_was_paused_still_counts() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let slow = Rule::new(Answer::accept())
        .to("16505550188")
        .delayed(std::time::Duration::from_millis(300));
    gateway
        .third_party
        .answer_with([slow, Rule::new(Answer::status(410)).to(CONSUMER)]);

    let under_way = tenant.send("16505550188", "Hello").await;
    gateway.third_party.wait_for(1).await;
    let gone = tenant.send(CONSUMER, "Hello").await;

    tenant.wait_for_status(&gone, "Failed").await;
    tenant.wait_for_status(&under_way, "Sent").await;
}
