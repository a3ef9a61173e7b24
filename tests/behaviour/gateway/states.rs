//! In each state of its life a message, its attempts and its explanation tell the same story.

use nexus_gateway::simulator::{Answer, Rule};
use serde_json::{Value, json};

use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, SOON, Tenant};

/// What is told of a message: its status, how many attempts, and in a sentence.
async fn told(tenant: &Tenant, id: &str) -> (String, usize, Value) {
    let status = tenant.message(id).await["status"]
        .as_str()
        .unwrap()
        .to_owned();
    let attempts = tenant
        .get(&format!("/nexus/v3/messages/{id}/attempts"))
        .await
        .json();
    let explained = tenant
        .get(&format!("/nexus/v3/messages/{id}/explain"))
        .await
        .json()["data"]
        .clone();
    assert_eq!(explained["outcome"], json!(status));
    (
        status,
        attempts["data"]["items"].as_array().unwrap().len(),
        explained,
    )
}

#[track_caller]
fn says(explained: &Value, words: &str) {
    let sentence = explained["sentence"].as_str().unwrap();
    assert!(sentence.contains(words), "{sentence}");
}

#[tokio::test]
async fn from_the_queue_by_way_of_a_retry_to_its_removal() {
    let gateway = TestGateway::start_with(&[("WEBHOOK__RETRY_SCHEDULE_SECONDS", "600")]).await;
    let tenant = gateway.tenant().await;
    tenant.pause().await;
    let id = tenant.send(CONSUMER, "Hello").await;
    let (status, attempts, explained) = told(&tenant, &id).await;
    assert_eq!((status.as_str(), attempts), ("Queued", 0));
    says(&explained, "paused");

    gateway
        .third_party
        .answer_with([Rule::new(Answer::status(503)).times(1)]);
    tenant.resume().await;
    let (status, _, explained) = eventually("one attempt is known", SOON, async || {
        Some(told(&tenant, &id).await).filter(|(_, attempts, _)| *attempts == 1)
    })
    .await;
    assert_eq!(status, "Queued");
    says(&explained, "tried again");
    let attempt = tenant
        .get(&format!("/nexus/v3/messages/{id}/attempts"))
        .await
        .json()["data"]["items"][0]
        .clone();
    assert_eq!(
        (&attempt["attempt"], &attempt["httpStatus"]),
        (&json!(1), &json!(503))
    );
    assert_eq!(explained["nextAttemptAt"], attempt["nextAttemptAt"]);
    assert!(attempt["nextAttemptAt"].is_string());

    gateway.clock.advance(std::time::Duration::from_mins(10));
    tenant.wait_for_status(&id, "Sent").await;
    let (_, attempts, explained) = told(&tenant, &id).await;
    assert_eq!((attempts, explained.get("nextAttemptAt")), (2, None));
    says(&explained, "has not said yet");
    for (receipt, words) in [
        ("Failed", "530"),
        ("Delivered", "was delivered"),
        ("Removed", "removed"),
    ] {
        let code = (receipt == "Failed").then_some(530);
        assert_eq!(tenant.receipt(&id, receipt, code).await.status, 200);
        let (status, attempts, explained) = told(&tenant, &id).await;
        assert_eq!((status.as_str(), attempts), (receipt, 2));
        says(&explained, words);
    }
}

#[tokio::test]
async fn what_failed_says_why_and_what_can_be_done() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    gateway.third_party.answer_with([Answer::status(400)]);
    let refused = tenant.send(CONSUMER, "Hello").await;
    tenant.wait_for_status(&refused, "Failed").await;
    let (_, attempts, explained) = told(&tenant, &refused).await;
    assert_eq!(attempts, 1);
    says(&explained, "by hand");

    gateway.third_party.answer_with([Answer::accept()]);
    let doubtful = tenant.send(CONSUMER, "Hello").await;
    tenant.wait_for_status(&doubtful, "Sent").await;
    // As a provider that must not be sent to twice leaves it.
    let mut database = gateway.connect().await;
    sqlx::query("update message_states set status = 10 where status = 20")
        .execute(&mut database)
        .await
        .unwrap();
    let (status, _, explained) = told(&tenant, &doubtful).await;
    assert_eq!(status, "Unknown");
    says(&explained, "may have been sent");
}

#[tokio::test]
async fn a_consumer_s_message_was_received_and_has_no_attempts() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let id = tenant.consumer_says(CONSUMER, "Hello").await;
    let (status, attempts, explained) = told(&tenant, &id).await;
    assert_eq!((status.as_str(), attempts), ("Received", 0));
    says(&explained, "was received");
    for part in ["", "/attempts", "/explain"] {
        let foreign = neighbour
            .get(&format!("/nexus/v3/messages/{id}{part}"))
            .await;
        assert_eq!(foreign.status, 404, "{part}");
        let limited = tenant.limited_to(&["nexus:messages:send"]).await;
        assert_eq!(
            limited
                .get(&format!("/nexus/v3/messages/{id}{part}"))
                .await
                .status,
            403,
            "{part}"
        );
    }
}
