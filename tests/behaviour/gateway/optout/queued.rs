//! What becomes of messages that were accepted before their recipient opted out.

use std::time::Duration;

use nexus_gateway::simulator::{Answer, Rule};
use serde_json::{Value, json};

use super::{ends_opted_out, opted_out};
use crate::harness::TestGateway;
use crate::harness::tenant::{CONSUMER, Tenant, text_to};

async fn items(tenant: &Tenant, path: &str) -> Vec<Value> {
    tenant.get(path).await.json()["data"]["items"]
        .as_array()
        .unwrap()
        .clone()
}

#[tokio::test]
async fn what_waits_when_its_recipient_opts_out_fails_and_is_no_dead_letter() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let other = "16505550188";
    tenant.pause().await;
    let mut queued = Vec::new();
    for number in 0..3 {
        queued.push(tenant.send(CONSUMER, &number.to_string()).await);
    }
    let for_other = tenant.send(other, "Hello").await;
    tenant.consumer_says(CONSUMER, "STOP").await;
    tenant.resume().await;

    for id in &queued {
        ends_opted_out(&tenant, id).await;
        assert!(
            items(&tenant, &format!("/nexus/v3/messages/{id}/attempts"))
                .await
                .is_empty()
        );
        let explained = tenant
            .get(&format!("/nexus/v3/messages/{id}/explain"))
            .await
            .json();
        assert_eq!(explained["data"]["outcome"], "Failed");
        let sentence = explained["data"]["sentence"].as_str().unwrap();
        assert!(
            sentence.contains("350") && !sentence.contains("by hand"),
            "{sentence}"
        );
        let retried = tenant
            .post(&format!("/nexus/v3/messages/{id}/retry"), &json!({}))
            .await;
        assert_eq!(retried.status, 409);
    }
    tenant.wait_for_status(&for_other, "Sent").await;
    assert_eq!(gateway.third_party.count(), 1);
    assert!(
        items(&tenant, "/nexus/v3/messages?deadLetter=true")
            .await
            .is_empty()
    );
    let failed: Vec<Value> = tenant
        .events("message.status", 4)
        .await
        .into_iter()
        .filter(|event| event["data"]["status"] == "Failed")
        .collect();
    assert_eq!(failed.len(), 3);
    assert_eq!(failed[0]["data"]["reasons"][0]["code"], 350);
}

#[tokio::test]
async fn what_was_tried_before_its_recipient_opted_out_is_not_tried_again() {
    let gateway = TestGateway::start_with(&[("WEBHOOK__RETRY_SCHEDULE_SECONDS", "600,600")]).await;
    let tenant = gateway.tenant().await;
    gateway.third_party.answer_with([Answer::status(503)]);
    let id = tenant.send(CONSUMER, "Hello").await;
    gateway.third_party.wait_for(1).await;
    crate::harness::eventually::eventually(
        "the attempt is known",
        crate::harness::tenant::SOON,
        async || {
            let attempts = items(&tenant, &format!("/nexus/v3/messages/{id}/attempts")).await;
            (attempts.len() == 1).then_some(())
        },
    )
    .await;
    tenant.consumer_says(CONSUMER, "STOP").await;
    gateway.clock.advance(Duration::from_mins(10));

    let message = ends_opted_out(&tenant, &id).await;
    assert_eq!(message["history"].as_array().unwrap().len(), 2, "{message}");
    assert_eq!(gateway.third_party.count(), 1);
}

#[tokio::test]
async fn a_dead_letter_that_is_sent_again_to_somebody_who_opted_out_fails_for_good() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    gateway
        .third_party
        .answer_with([Rule::new(Answer::status(400)).times(1)]);
    let id = tenant.send(CONSUMER, "Hello").await;
    tenant.wait_for_status(&id, "Failed").await;
    tenant.consumer_says(CONSUMER, "STOP").await;

    let retry = format!("/nexus/v3/messages/{id}/retry");
    assert_eq!(tenant.post(&retry, &json!({})).await.status, 202);
    let ended = crate::harness::eventually::eventually(
        "it has failed again",
        crate::harness::tenant::SOON,
        async || {
            let message = tenant.message(&id).await;
            (message["history"].as_array()?.len() == 4).then_some(message)
        },
    )
    .await;
    assert_eq!(ended["history"][3]["reasons"][0]["code"], 350);
    ends_opted_out(&tenant, &id).await;
    assert_eq!(tenant.post(&retry, &json!({})).await.status, 409);
    assert_eq!(gateway.third_party.count(), 1);
}

#[tokio::test]
async fn a_submission_to_somebody_who_opted_out_stores_nothing_and_refuses_nobody_else() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    tenant.consumer_says(CONSUMER, "STOP").await;
    let named = |to: &str, text: &str| {
        let mut item = text_to(to, text);
        item["channel"]["messageId"] = json!("mine-1");
        item
    };
    let body = json!({ "messages": [named(CONSUMER, "Hello")] });
    opted_out(&tenant.post("/nexus/v3/messages", &body).await);
    let mixed =
        json!({ "messages": [text_to(CONSUMER, "Hello"), text_to("16505550188", "Hello")] });
    let mixed = tenant.post("/nexus/v3/messages", &mixed).await;
    let results = mixed.json()["data"]["results"].clone();
    assert_eq!(
        (mixed.status, &results[0]["error"]["code"]),
        (202, &json!(350))
    );
    tenant
        .wait_for_status(results[1]["id"].as_str().unwrap(), "Sent")
        .await;
    let outbound = items(&tenant, "/nexus/v3/messages").await;
    let outbound: Vec<_> = outbound
        .iter()
        .filter(|item| item["direction"] == "outbound")
        .collect();
    assert_eq!(outbound.len(), 1, "{outbound:?}");

    tenant.consumer_says(CONSUMER, "START").await;
    let body = json!({ "messages": [named(CONSUMER, "Other words under the same id")] });
    let taken = tenant.post("/nexus/v3/messages", &body).await;
    assert_eq!(
        taken.status,
        202,
        "the id was not used up: {:?}",
        taken.json()
    );
}
