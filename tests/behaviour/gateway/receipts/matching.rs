//! Which message a receipt speaks of.

use nexus_gateway::simulator::{Answer, Rule};
use serde_json::json;

use super::{receipts_of, with_receipts};
use crate::harness::TestGateway;
use crate::harness::tenant::{CONSUMER, OTHER_PHONE};

#[tokio::test]
async fn a_receipt_of_another_tenant_or_channel_never_matches() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let second = tenant.with_second_channel(&gateway).await;
    gateway
        .third_party
        .answer_with([Rule::new(Answer::accept_as("theirs-1")).times(1)]);
    let named = tenant.send(CONSUMER, "answered with an id").await;
    tenant.wait_for_status(&named, "Sent").await;
    let nameless = tenant.send(CONSUMER, "answered with ours").await;
    tenant.wait_for_status(&nameless, "Sent").await;

    for id in ["theirs-1", &nameless] {
        assert_eq!(neighbour.receipt(id, "Delivered", None).await.status, 200);
        let through_second = [super::receipt(id, "Delivered", None)
            .as_object()
            .map(|receipt| {
                let mut receipt = receipt.clone();
                receipt["channel"]["from"]["id"] = json!(OTHER_PHONE);
                json!(receipt)
            })
            .unwrap()];
        let taken = second.third_party.send(&through_second).await.unwrap();
        assert_eq!(taken.status, 200, "{:?}", taken.json());
    }
    // Ours come last, so the others had their chance.
    for (message, id) in [(&named, "theirs-1"), (&nameless, nameless.as_str())] {
        tenant.receipt(id, "Failed", None).await;
        let message = with_receipts(&tenant, message, 1).await;
        assert_eq!(message["status"], "Failed");
    }
}

#[tokio::test]
async fn our_own_id_speaks_for_a_message_that_was_answered_with_it_or_with_none() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    for answer in [Answer::accept(), Answer::accept_without_id()] {
        gateway.third_party.answer_with([answer]);
        let id = tenant.send(CONSUMER, "Hello").await;
        tenant.wait_for_status(&id, "Sent").await;
        tenant.receipt(&id, "Delivered", None).await;
        tenant.wait_for_status(&id, "Delivered").await;
    }

    gateway
        .third_party
        .answer_with([Answer::accept_as("theirs-2")]);
    let id = tenant.send(CONSUMER, "Hello").await;
    tenant.wait_for_status(&id, "Sent").await;
    tenant.receipt(&id, "Removed", None).await;
    tenant.receipt("theirs-2", "Delivered", None).await;
    let message = with_receipts(&tenant, &id, 1).await;
    assert_eq!(receipts_of(&message), ["Delivered"], "{message}");
}

#[tokio::test]
async fn a_receipt_by_our_own_id_is_kept_until_the_webhook_has_been_answered() {
    let gateway = TestGateway::start_with(&[("WEBHOOK__RETRY_SCHEDULE_SECONDS", "600")]).await;
    let tenant = gateway.tenant().await;
    // It had arrived, although the answer said otherwise.
    gateway
        .third_party
        .answer_with([Rule::new(Answer::status(503)).times(1)]);
    let id = tenant.send(CONSUMER, "Hello").await;
    gateway.third_party.wait_for(1).await;
    assert_eq!(tenant.receipt(&id, "Delivered", None).await.status, 200);
    assert_eq!(tenant.message(&id).await["status"], "Queued");

    gateway.clock.advance(std::time::Duration::from_mins(10));
    tenant.wait_for_status(&id, "Delivered").await;
}

#[tokio::test]
async fn a_receipt_by_our_own_id_ends_the_doubt_about_a_message_whose_answer_never_came() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    gateway
        .third_party
        .answer_with([Answer::accept_without_id()]);
    let id = tenant.send(CONSUMER, "Hello").await;
    tenant.wait_for_status(&id, "Sent").await;
    // What a provider that must not be sent to twice leaves behind when its answer is lost.
    let mut database = gateway.connect().await;
    for statement in [
        "update message_states set status = 10",
        "delete from provider_ids",
    ] {
        sqlx::query(statement).execute(&mut database).await.unwrap();
    }
    assert_eq!(tenant.message(&id).await["status"], "Unknown");

    assert_eq!(tenant.receipt(&id, "Delivered", None).await.status, 200);
    tenant.wait_for_status(&id, "Delivered").await;
}

#[tokio::test]
async fn the_history_shows_what_every_receipt_said() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    gateway
        .third_party
        .answer_with([Answer::accept_as("theirs-1")]);
    // One of them comes before anybody knows whose it is.
    tenant.receipt("theirs-1", "Delivered", None).await;
    let id = tenant.send(CONSUMER, "Hello").await;
    tenant.wait_for_status(&id, "Delivered").await;
    let mut failed = super::receipt("theirs-1", "Failed", Some(777));
    failed["reasons"][0]["message"] = json!("handset is off");
    let taken = tenant.third_party.send(&[failed]).await.unwrap();
    assert_eq!(taken.status, 200, "{:?}", taken.json());

    let message = with_receipts(&tenant, &id, 2).await;

    let entries = message["history"].as_array().unwrap();
    let said: Vec<_> = entries
        .iter()
        .filter_map(|entry| entry.get("said"))
        .collect();
    let reasons = json!([{ "code": 777, "message": "handset is off" }]);
    let expected = [
        json!({ "messageId": "theirs-1", "status": "Delivered" }),
        json!({ "messageId": "theirs-1", "status": "Failed", "reasons": reasons }),
    ];
    assert_eq!(said, expected.iter().collect::<Vec<_>>());
}
