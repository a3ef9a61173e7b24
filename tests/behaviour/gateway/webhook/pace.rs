//! How many webhooks go out at once and how fast.

use std::time::{Duration, Instant};

use nexus_gateway::simulator::{Answer, Rule};
use serde_json::json;

use super::{attempts, explanation};
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{SOON, Tenant, text_to};

fn recipient(number: usize) -> String {
    format!("1650555{number:04}")
}

async fn send_many(tenant: &Tenant, count: usize, text: &str) {
    let messages: Vec<_> = (0..count)
        .map(|number| text_to(&recipient(number), text))
        .collect();
    let reply = tenant
        .post("/nexus/v3/messages", &json!({ "messages": messages }))
        .await;
    assert_eq!(reply.status, 202, "{:?}", reply.json());
}

#[tokio::test]
async fn no_more_webhooks_are_under_way_than_the_channel_allows() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant_with(json!({ "maxInFlight": 3 })).await;
    let delay = Duration::from_millis(60);
    gateway
        .third_party
        .answer_with([Rule::new(Answer::accept()).delayed(delay)]);

    send_many(&tenant, 15, "Hello").await;

    let received = gateway.third_party.wait_for(15).await;
    for (earlier, later) in received.iter().zip(&received[3..]) {
        // The fourth cannot have begun before the first of the three was answered.
        assert!(
            later.at - earlier.at >= delay,
            "{:?}",
            later.at - earlier.at
        );
    }
}

#[tokio::test]
async fn webhooks_go_no_faster_than_the_channel_s_rate_in_parts() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant_with(json!({ "ratePerSecond": 40 })).await;

    let began = Instant::now();
    // Two parts each: twenty messages a second, of which a tenth of a second may be saved up.
    send_many(&tenant, 14, &"x".repeat(200)).await;

    let received = gateway.third_party.wait_for(14).await;
    assert_eq!(received.len(), 14);
    // From before the first may have begun: a slow machine can only make it longer.
    let took = received[13].at - began;
    assert!(took >= Duration::from_millis(500), "{took:?}");
}

#[tokio::test]
async fn a_failing_endpoint_is_parked_then_probed_with_one_message() {
    let gateway = TestGateway::start_with(&[("DISPATCH__BREAKER_FAILURES", "3")]).await;
    let retry = json!({ "scheduleSeconds": [1, 3600] });
    let webhook = json!({ "retry": retry, "maxInFlight": 1 });
    let (tenant, neighbour) = (gateway.tenant_with(webhook).await, gateway.tenant().await);
    gateway
        .third_party
        .answer_with((0..8).map(|number| Rule::new(Answer::status(500)).to(recipient(number))));

    send_many(&tenant, 8, "Hello").await;
    gateway.third_party.wait_for(3).await;
    // The neighbour's endpoint has a breaker of its own; by then the tenant's would have gone on.
    let theirs = neighbour.send(&recipient(100), "Hello").await;
    neighbour.wait_for_status(&theirs, "Sent").await;
    assert_eq!(gateway.third_party.count(), 4);

    gateway.clock.advance(Duration::from_secs(31));
    gateway.third_party.wait_for(5).await;
    let theirs = neighbour.send(&recipient(101), "Hello").await;
    neighbour.wait_for_status(&theirs, "Sent").await;
    assert_eq!(
        gateway.third_party.count(),
        6,
        "one probe and the neighbour's"
    );

    gateway.third_party.answer_with([Answer::accept()]);
    gateway.clock.advance(Duration::from_secs(61));
    eventually("the endpoint takes everything", SOON, async || {
        gateway.clock.advance(Duration::from_mins(10));
        let list = tenant.get("/nexus/v3/messages").await.json()["data"]["items"].clone();
        let all_sent = list
            .as_array()
            .unwrap()
            .iter()
            .all(|message| message["status"] == "Sent");
        all_sent.then_some(())
    })
    .await;
    let probed = tenant.get("/nexus/v3/messages?limit=1").await.json()["data"]["items"][0].clone();
    let id = probed["id"].as_str().unwrap();
    assert_eq!(
        attempts(&tenant, id).await.last().unwrap()["httpStatus"],
        200
    );
    assert_eq!(explanation(&tenant, id).await["outcome"], "Sent");
}
