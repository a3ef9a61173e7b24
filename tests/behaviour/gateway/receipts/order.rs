//! Whatever order the webhook's answer and the receipts come in, the end is the same.

use nexus_gateway::simulator::{Answer, Rule};
use proptest::prelude::*;
use proptest::sample::subsequence;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::{receipt, with_receipts};
use crate::harness::TestGateway;
use crate::harness::tenant::{CONSUMER, Tenant};

/// One thing that becomes known of a message.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    /// The webhook is answered; before it nobody knows the third party's id.
    Answered,
    Receipt(&'static str, Option<u16>),
}

const STEPS: [Step; 6] = [
    Step::Answered,
    Step::Receipt("Failed", Some(500)),
    Step::Receipt("Failed", Some(530)),
    Step::Receipt("Failed", None),
    Step::Receipt("Delivered", None),
    Step::Receipt("Removed", None),
];

/// Some of the steps, some of them twice, in two orders.
fn two_orders() -> impl Strategy<Value = (Vec<Step>, Vec<Step>)> {
    (
        subsequence(STEPS[1..].to_vec(), 1..=4),
        subsequence(STEPS[1..].to_vec(), 0..=2),
    )
        .prop_map(|(receipts, again)| {
            let repeated = again.into_iter().filter(|step| receipts.contains(step));
            let mut steps = vec![Step::Answered];
            steps.extend(&receipts);
            steps.extend(repeated);
            steps
        })
        .prop_flat_map(|steps| {
            (
                Just(steps.clone()).prop_shuffle(),
                Just(steps).prop_shuffle(),
            )
        })
}

/// Plays the steps for one message, and gives back what is known in the end: its status and why.
async fn play(gateway: &TestGateway, tenant: &Tenant, name: &str, steps: &[Step]) -> Value {
    let mut id = String::new();
    for step in steps {
        match step {
            Step::Answered => {
                gateway
                    .third_party
                    .answer_with([Rule::new(Answer::accept_as(name))]);
                id = tenant.send(CONSUMER, name).await;
                // Until it is durable nothing else happens, so that what comes next comes after it.
                let known = |message: &Value| message["providerMessageIds"][0] == name;
                crate::harness::eventually::eventually(
                    "the answer is known",
                    crate::harness::tenant::SOON,
                    async || known(&tenant.message(&id).await).then_some(()),
                )
                .await;
            }
            Step::Receipt(status, code) => {
                let taken = tenant.receipt(name, status, *code).await;
                assert_eq!(taken.status, 200, "{:?}", taken.json());
            }
        }
    }
    let message = with_receipts(tenant, &id, steps.len() - 1).await;
    let explained = tenant
        .get(&format!("/nexus/v3/messages/{id}/explain"))
        .await
        .json();
    json!([message["status"], explained["data"]["sentence"]])
}

#[tokio::test]
async fn every_order_of_the_answer_and_the_receipts_ends_in_the_same_state() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let mut generator = TestRunner::deterministic();
    for round in 0..25 {
        let (one, other) = two_orders().new_tree(&mut generator).unwrap().current();
        let ends = (
            play(&gateway, &tenant, &format!("one-{round}"), &one).await,
            play(&gateway, &tenant, &format!("other-{round}"), &other).await,
        );
        assert_eq!(ends.0, ends.1, "{one:?} and {other:?}");
    }
}

#[tokio::test]
async fn receipts_of_one_body_and_of_many_at_once_end_in_the_highest() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let second = gateway.replica(&[]).await;
    let elsewhere = tenant.through(&second);
    let sent = tenant.send(CONSUMER, "Hello").await;
    tenant.wait_for_status(&sent, "Sent").await;
    let body = [
        receipt(&sent, "Removed", None),
        receipt(&sent, "Failed", Some(500)),
        receipt(&sent, "Delivered", None),
    ];
    let calls = (0..20).map(|number| {
        let through = if number % 2 == 0 { &tenant } else { &elsewhere };
        let mut body = body.clone();
        body.rotate_left(number % 3);
        async move { through.third_party.send(&body).await.unwrap().status }
    });
    let answers = futures_util::future::join_all(calls).await;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");

    let message = with_receipts(&tenant, &sent, 60).await;
    assert_eq!(message["status"], "Removed");
    let events = tenant
        .get("/nexus/v3/events?types=message.status&limit=500&wait=5")
        .await;
    let statuses: Vec<Value> = events.json()["data"]["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["data"]["status"].clone())
        .collect();
    let removed = statuses
        .iter()
        .filter(|status| **status == "Removed")
        .count();
    assert_eq!(removed, 1, "what changes nothing is no event: {statuses:?}");
    second.stop().await;
}

#[tokio::test]
async fn a_delivery_after_a_failure_stands_and_a_failure_after_a_delivery_changes_nothing() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let id = tenant.send(CONSUMER, "Hello").await;
    tenant.wait_for_status(&id, "Sent").await;

    tenant.receipt(&id, "Failed", Some(530)).await;
    let failed = tenant.wait_for_status(&id, "Failed").await;
    assert_eq!(failed["history"][2]["reasons"][0]["code"], 530);
    assert_eq!(failed.get("deadLetter"), None, "the third party had it");
    tenant.receipt(&id, "Delivered", None).await;
    tenant.wait_for_status(&id, "Delivered").await;
    tenant.receipt(&id, "Failed", Some(500)).await;

    let message = with_receipts(&tenant, &id, 3).await;
    assert_eq!(message["status"], "Delivered");
    assert_eq!(
        super::receipts_of(&message),
        ["Failed", "Delivered", "Failed"],
        "each is kept as it came"
    );
}
