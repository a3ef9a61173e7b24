//! How the life of a message ends, and how it begins anew.

use std::time::Duration;

use nexus_gateway::platform::clock::rfc3339;
use nexus_gateway::simulator::{Answer, Rule};
use serde_json::{Value, json};

use super::{NEVER_PARKS, attempts, dead_letters, explanation, item, submit, webhooks_of};
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, SOON, Tenant};

/// The statuses of a message's history, in order.
fn history(message: &Value) -> Vec<&str> {
    let entries = message["history"].as_array().unwrap();
    entries
        .iter()
        .map(|entry| entry["status"].as_str().unwrap())
        .collect()
}

/// Code of the last reason in a message's history.
fn last_reason(message: &Value) -> Value {
    let entries = message["history"].as_array().unwrap();
    entries.last().unwrap()["reasons"][0]["code"].clone()
}

async fn retry(tenant: &Tenant, id: &str) -> nexus_gateway::simulator::Reply {
    tenant
        .post(&format!("/nexus/v3/messages/{id}/retry"), &json!({}))
        .await
}

#[tokio::test]
async fn an_exhausted_message_is_a_dead_letter_that_can_be_sent_again_with_its_id() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    gateway.third_party.answer_with([Answer::status(503)]);
    let id = tenant.send(CONSUMER, "Hello").await;

    let failed = tenant.wait_for_status(&id, "Failed").await;
    assert_eq!(
        (last_reason(&failed), &failed["deadLetter"]),
        (json!(500), &json!(true))
    );
    assert_eq!(
        webhooks_of(&gateway, &id).len(),
        4,
        "one and three redeliveries"
    );
    let tried = attempts(&tenant, &id).await;
    assert_eq!(tried.len(), 4);
    assert!(
        tried[..3]
            .iter()
            .all(|attempt| attempt["nextAttemptAt"].is_string())
    );
    assert_eq!(tried[3].get("nextAttemptAt"), None);
    assert_eq!(dead_letters(&tenant).await, [id.as_str()]);

    gateway
        .third_party
        .answer_with([Rule::new(Answer::status(503)).times(1)]);
    let retried = retry(&tenant, &id).await;
    assert_eq!(
        (retried.status, &retried.json()["data"]["id"]),
        (202, &json!(id))
    );
    let sent = tenant.wait_for_status(&id, "Sent").await;

    assert_eq!(history(&sent), ["Queued", "Failed", "Queued", "Sent"]);
    let received = webhooks_of(&gateway, &id);
    assert_eq!(received.len(), 6);
    assert!(
        received
            .iter()
            .all(|webhook| webhook.body == received[0].body)
    );
    assert_eq!(sent.get("deadLetter"), None);
    assert!(dead_letters(&tenant).await.is_empty());
    assert_eq!(
        attempts(&tenant, &id).await[4]["attempt"],
        1,
        "a new life counts anew"
    );
}

#[tokio::test]
async fn only_a_dead_letter_can_be_retried() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let sent = tenant.send(CONSUMER, "Hello").await;
    tenant.wait_for_status(&sent, "Sent").await;
    gateway.third_party.answer_with([Answer::status(404)]);
    let failed = tenant.send(CONSUMER, "Hello").await;
    tenant.wait_for_status(&failed, "Failed").await;

    assert_eq!(retry(&tenant, &sent).await.status, 409);
    for unknown in ["1613474523265-0", "nonsense"] {
        assert_eq!(retry(&tenant, unknown).await.status, 404);
    }
    assert_eq!(retry(&neighbour, &failed).await.status, 404);

    gateway.third_party.answer_with([Answer::accept()]);
    let retries = (0..10).map(|_| retry(&tenant, &failed));
    let answers = futures_util::future::join_all(retries).await;
    let taken = answers.iter().filter(|reply| reply.status == 202).count();
    assert_eq!(taken, 1, "of ten at once one is the first");
    tenant.wait_for_status(&failed, "Sent").await;
    assert_eq!(webhooks_of(&gateway, &failed).len(), 2);
}

#[tokio::test]
async fn a_message_whose_validity_is_over_or_too_far_is_not_taken() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let now = gateway.clock.now_ms();
    let month = 30 * 24 * 3_600_000;
    for (members, code) in [
        (json!({ "validUntil": rfc3339(now - 1) }), 305),
        (json!({ "validUntil": "2020-01-01T00:00:00Z" }), 305),
        (
            json!({ "notBefore": rfc3339(now + 9_000), "validUntil": rfc3339(now + 9_000) }),
            305,
        ),
        (json!({ "validUntil": rfc3339(now + month + 60_000) }), 422),
        (json!({ "notBefore": rfc3339(now + month + 60_000) }), 422),
        (json!({ "validUntil": "tomorrow" }), 422),
    ] {
        let body = json!({ "messages": [item(CONSUMER, "Hello", &members)] });
        let reply = tenant.post("/nexus/v3/messages", &body).await;
        let error = reply.json()["data"]["results"][0]["error"].clone();
        assert_eq!(
            (reply.status, &error["code"]),
            (422, &json!(code)),
            "{members} {error}"
        );
    }
    assert_eq!(gateway.third_party.count(), 0);
}

#[tokio::test]
async fn a_message_with_not_before_waits_and_holds_nobody() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let now = gateway.clock.now_ms();
    let later = async |text: &str, seconds: i64| {
        let members = json!({ "notBefore": rfc3339(now + seconds * 1_000) });
        submit(&tenant, &item(CONSUMER, text, &members)).await
    };
    let in_a_minute = later("in a minute", 60).await;
    let in_a_day = later("in a day", 86_400).await;
    let past = later("long ago", -60).await;
    tenant.wait_for_status(&past, "Sent").await;
    let at_once = tenant.send(CONSUMER, "at once").await;
    tenant.wait_for_status(&at_once, "Sent").await;
    assert_eq!(tenant.message(&in_a_minute).await["status"], "Queued");

    gateway.clock.advance(Duration::from_secs(61));
    tenant.wait_for_status(&in_a_minute, "Sent").await;
    assert_eq!(tenant.message(&in_a_day).await["status"], "Queued");
    gateway.clock.advance(Duration::from_hours(24));
    tenant.wait_for_status(&in_a_day, "Sent").await;
    assert_eq!(gateway.third_party.count(), 4);
}

#[tokio::test]
async fn a_message_that_expires_while_it_waits_for_a_retry_fails_as_expired() {
    let gateway = TestGateway::start().await;
    let retry = json!({ "scheduleSeconds": [0.001, 0.001, 3600, 3600] });
    let tenant = gateway.tenant_with(json!({ "retry": retry })).await;
    gateway.third_party.answer_with([Answer::status(503)]);
    let valid_until = rfc3339(gateway.clock.now_ms() + 30_000);
    let message = item(CONSUMER, "Hello", &json!({ "validUntil": valid_until }));

    let id = submit(&tenant, &message).await;

    // The third redelivery is due within the half minute or, more likely, never.
    let failed = eventually("the message has expired", SOON, async || {
        gateway.clock.advance(Duration::from_secs(1));
        let message = tenant.message(&id).await;
        (message["status"] == "Failed").then_some(message)
    });
    let failed = failed.await;
    assert_eq!(
        (last_reason(&failed), &failed["deadLetter"]),
        (json!(305), &json!(true))
    );
    let told = explanation(&tenant, &id).await;
    assert!(told["sentence"].as_str().unwrap().contains("305"), "{told}");
}

#[tokio::test]
async fn a_message_behind_a_head_that_waits_expires_without_an_attempt() {
    let gateway = TestGateway::start().await;
    let retry = json!({ "scheduleSeconds": [60, 3600] });
    let tenant = gateway.tenant_with(json!({ "retry": retry })).await;
    gateway
        .third_party
        .answer_with([Rule::new(Answer::retry_after(503, "50")).times(1)]);
    let head = tenant.send(CONSUMER, "first").await;
    eventually("the head waits", SOON, async || {
        (attempts(&tenant, &head).await.len() == 1).then_some(())
    })
    .await;
    let valid_until = rfc3339(gateway.clock.now_ms() + 10_000);
    let second = submit(
        &tenant,
        &item(CONSUMER, "second", &json!({ "validUntil": valid_until })),
    )
    .await;

    gateway.clock.advance(Duration::from_secs(61));

    let failed = tenant.wait_for_status(&second, "Failed").await;
    assert_eq!(last_reason(&failed), 305);
    assert!(attempts(&tenant, &second).await.is_empty());
    assert!(webhooks_of(&gateway, &second).is_empty());
    tenant.wait_for_status(&head, "Sent").await;
}

#[tokio::test]
async fn a_message_without_an_end_of_its_own_lives_for_the_configured_age() {
    let age = ("DISPATCH__MESSAGE_AGE_MAX_SECONDS", "3600");
    let gateway = TestGateway::start_with(&[NEVER_PARKS, age]).await;
    let retry = json!({ "scheduleSeconds": [0.01, 86_400, 86_400] });
    let tenant = gateway.tenant_with(json!({ "retry": retry })).await;
    gateway.third_party.answer_with([Answer::status(503)]);
    let id = tenant.send(CONSUMER, "Hello").await;

    let failed = eventually("the message has expired", SOON, async || {
        gateway.clock.advance(Duration::from_mins(10));
        let message = tenant.message(&id).await;
        (message["status"] == "Failed").then_some(message)
    });

    assert_eq!(last_reason(&failed.await), 305);
}
