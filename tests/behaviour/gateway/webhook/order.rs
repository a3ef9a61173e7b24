//! The order in which messages to one recipient go out.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use nexus_gateway::simulator::{Answer, Rule};
use serde_json::json;

use super::{NEVER_PARKS, attempts, item, submit};
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, SOON, Tenant, text_to, texts};

/// Many quick redeliveries, so that no message is exhausted.
const MANY_RETRIES: (&str, &str) = (
    "WEBHOOK__RETRY_SCHEDULE_SECONDS",
    "0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01",
);

fn recipient(number: usize) -> String {
    format!("1650555{number:04}")
}

/// The numbers that each recipient got, in the order of their arrival, repeats included.
fn by_recipient(gateway: &TestGateway) -> HashMap<String, Vec<usize>> {
    let mut numbers: HashMap<String, Vec<usize>> = HashMap::new();
    for webhook in gateway.third_party.requests() {
        let number = webhook.json()["text"].as_str().unwrap().parse().unwrap();
        numbers
            .entry(webhook.recipient().unwrap())
            .or_default()
            .push(number);
    }
    numbers
}

/// Waits until everything is sent (and what was `before`), and asserts that no recipient got a message after a later one.
async fn all_in_order(
    gateway: &TestGateway,
    tenant: &Tenant,
    recipients: usize,
    each: usize,
    before: usize,
) {
    let path = "/nexus/v3/events?types=message.status&limit=500";
    eventually("everything is sent", Duration::from_mins(1), async || {
        let (mut sent, mut after) = (0, String::new());
        loop {
            let page = tenant.get(&format!("{path}{after}")).await.json()["data"].clone();
            let items = page["items"].as_array().unwrap();
            sent += items
                .iter()
                .filter(|event| event["data"]["status"] == "Sent")
                .count();
            if items.is_empty() {
                break;
            }
            after = format!("&after={}", page["next"].as_str().unwrap());
        }
        (sent == before + recipients * each).then_some(())
    })
    .await;
    let received = by_recipient(gateway);
    assert_eq!(received.len(), recipients);
    for (recipient, mut numbers) in received {
        assert!(numbers.is_sorted(), "{recipient}: {numbers:?}");
        numbers.dedup();
        assert_eq!(numbers.len(), each, "{recipient}: {numbers:?}");
    }
}

#[tokio::test]
async fn messages_to_one_recipient_keep_their_order_whatever_fails() {
    let gateway = TestGateway::start_with(&[NEVER_PARKS, MANY_RETRIES]).await;
    let tenant = gateway.tenant().await;
    gateway.third_party.answer_with([
        Rule::new(Answer::status(503)).share(0.2),
        Rule::new(Answer::Reset).share(0.05),
        Rule::new(Answer::accept())
            .share(0.3)
            .delayed(Duration::from_millis(5)),
    ]);

    join_all((0..20).map(|number| {
        let tenant = tenant.clone();
        async move {
            for message in 0..20 {
                tenant.send(&recipient(number), &message.to_string()).await;
            }
        }
    }))
    .await;

    all_in_order(&gateway, &tenant, 20, 20, 0).await;
}

#[tokio::test]
async fn the_order_within_one_submission_is_kept() {
    let gateway = TestGateway::start_with(&[NEVER_PARKS, MANY_RETRIES]).await;
    let tenant = gateway.tenant().await;
    // The lane is in memory from its first message on.
    let first = tenant.send(CONSUMER, "0").await;
    tenant.wait_for_status(&first, "Sent").await;
    gateway.third_party.reset();
    gateway
        .third_party
        .answer_with([Rule::new(Answer::status(503)).share(0.1)]);
    let messages: Vec<_> = (0..1_000)
        .map(|number| text_to(&recipient(number % 5), &number.to_string()))
        .collect();

    let reply = tenant
        .post("/nexus/v3/messages", &json!({ "messages": messages }))
        .await;

    assert_eq!(reply.status, 202);
    all_in_order(&gateway, &tenant, 5, 200, 1).await;
}

#[tokio::test]
async fn a_head_that_waits_for_a_retry_holds_its_successors_for_so_long_and_no_longer() {
    let gateway = TestGateway::start().await;
    let retry = json!({ "scheduleSeconds": [600, 600] });
    let tenant = gateway.tenant_with(json!({ "retry": retry })).await;
    // One wait is short enough for memory, the other is spent in the table.
    for (number, retry_after) in ["100", "500"].into_iter().enumerate() {
        gateway.third_party.reset();
        let (first, other) = (recipient(number), recipient(number + 10));
        let unavailable = Rule::new(Answer::retry_after(503, retry_after))
            .to(&first)
            .times(1);
        gateway.third_party.answer_with([unavailable]);
        let head = tenant.send(&first, "head").await;
        eventually("the head waits", SOON, async || {
            (attempts(&tenant, &head).await.len() == 1).then_some(())
        })
        .await;
        let successor = tenant.send(&first, "successor").await;
        let passing = tenant.send(&other, "other recipient").await;
        let urgent = item(&first, "other class", &json!({ "priority": "interactive" }));
        let urgent = submit(&tenant, &urgent).await;
        tenant.wait_for_status(&passing, "Sent").await;
        tenant.wait_for_status(&urgent, "Sent").await;
        gateway.clock.advance(Duration::from_secs(50));
        let passing = tenant.send(&other, "other recipient again").await;
        tenant.wait_for_status(&passing, "Sent").await;
        assert_eq!(tenant.message(&successor).await["status"], "Queued");

        gateway.clock.advance(Duration::from_secs(11));
        tenant.wait_for_status(&successor, "Sent").await;
        assert_eq!(
            tenant.message(&head).await["status"],
            "Queued",
            "{retry_after}"
        );
        gateway.clock.advance(Duration::from_mins(10));
        tenant.wait_for_status(&head, "Sent").await;
        assert_eq!(gateway.third_party.count(), 6);
    }
}

#[tokio::test]
async fn a_failed_head_lets_its_successors_go() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    gateway
        .third_party
        .answer_with([Rule::new(Answer::status(400)).times(1)]);

    let head = tenant.send(CONSUMER, "head").await;
    let successor = tenant.send(CONSUMER, "successor").await;

    tenant.wait_for_status(&head, "Failed").await;
    tenant.wait_for_status(&successor, "Sent").await;
    assert_eq!(
        texts(&gateway.third_party.requests()),
        ["head", "successor"]
    );
}

#[tokio::test]
async fn a_channel_without_order_sends_past_a_slow_answer() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant_with(json!({ "order": "none" })).await;
    gateway
        .third_party
        .answer_with([Rule::new(Answer::Hang).times(1)]);

    tenant.send(CONSUMER, "never answered").await;
    gateway.third_party.wait_for(1).await;
    let second = tenant.send(CONSUMER, "second").await;

    tenant.wait_for_status(&second, "Sent").await;
    assert_eq!(gateway.third_party.count(), 2);
}
