//! What a support agent reads out: in every state one plain sentence, and when the next try comes.

use nexus_gateway::simulator::{Answer, Rule};
use serde_json::{Value, json};

use super::webhook::{at, attempts, explanation};
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, SOON, Tenant};

/// The sentence, after a look at its form.
fn sentence(told: &Value) -> String {
    let sentence = told["sentence"].as_str().unwrap().to_owned();
    assert!(
        sentence.ends_with('.') && sentence.matches('.').count() == 1,
        "{sentence}"
    );
    assert!(!sentence.contains(CONSUMER), "{sentence}");
    sentence
}

#[tokio::test]
async fn every_receipt_is_told_in_words_of_its_own() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let mut told = Vec::new();
    for code in [305, 310, 350, 500, 510, 512, 520, 530] {
        let id = tenant.send(CONSUMER, "Hello").await;
        tenant.wait_for_status(&id, "Sent").await;
        assert_eq!(tenant.receipt(&id, "Failed", Some(code)).await.status, 200);
        tenant.wait_for_status(&id, "Failed").await;
        let explained = explanation(&tenant, &id).await;
        assert_eq!(
            (&explained["outcome"], explained.get("nextAttemptAt")),
            (&json!("Failed"), None)
        );
        told.push(sentence(&explained));
    }
    let id = tenant.send(CONSUMER, "Hello").await;
    tenant.wait_for_status(&id, "Sent").await;
    told.push(sentence(&explanation(&tenant, &id).await));
    for status in ["Delivered", "Removed"] {
        assert_eq!(tenant.receipt(&id, status, None).await.status, 200);
        tenant.wait_for_status(&id, status).await;
        told.push(sentence(&explanation(&tenant, &id).await));
    }
    let received = tenant.consumer_says(CONSUMER, "Hello").await;
    let explained = explanation(&tenant, &received).await;
    assert_eq!(explained["outcome"], "Received");
    told.push(sentence(&explained));
    let count = told.len();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), count, "{told:?}");
}

#[tokio::test]
async fn a_message_that_is_tried_again_says_when_and_what_the_provider_answered_is_shown_safely() {
    let gateway = TestGateway::start().await;
    let tenant = gateway
        .tenant_with(json!({ "retry": { "scheduleSeconds": [600, 600] } }))
        .await;
    gateway
        .third_party
        .answer_with([Rule::new(Answer::retry_after(503, "500"))]);
    let id = tenant.send(CONSUMER, "Hello").await;
    let attempts = first_attempt(&tenant, &id).await;

    let told = explanation(&tenant, &id).await;

    assert!(sentence(&told).contains("tried again"), "{told}");
    assert_eq!(told["nextAttemptAt"], attempts[0]["nextAttemptAt"]);
    assert!(at(&told["nextAttemptAt"]) >= gateway.clock.now_ms() + 400_000);
    assert!(attempts[0]["durationMilliseconds"].is_u64());
    assert_eq!(
        (&attempts[0]["httpStatus"], &attempts[0]["error"]),
        (&json!(503), &json!("http_503"))
    );
    let retried = tenant
        .post(&format!("/nexus/v3/messages/{id}/retry"), &json!({}))
        .await;
    assert_eq!(retried.status, 409, "only a dead letter starts anew");
    for path in ["retry", "attempts", "explain"] {
        let path = format!("/nexus/v3/messages/1613473893265-0/{path}");
        let reply = if path.ends_with("retry") {
            tenant.post(&path, &json!({})).await
        } else {
            tenant.get(&path).await
        };
        assert_eq!(reply.status, 404, "{path}");
    }
}

async fn first_attempt(tenant: &Tenant, id: &str) -> Vec<Value> {
    eventually("the first attempt has failed", SOON, async || {
        let attempts = attempts(tenant, id).await;
        (!attempts.is_empty()).then_some(attempts)
    })
    .await
}
