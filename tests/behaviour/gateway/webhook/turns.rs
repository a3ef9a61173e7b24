//! Tenants beside each other: whose webhooks go when not all can.

use std::time::Duration;

use nexus_gateway::simulator::{Answer, Rule};
use serde_json::json;

use crate::harness::TestGateway;
use crate::harness::tenant::{Tenant, text_to, texts};

/// Long enough that nothing of it ends within a test that does not wait for it.
const HANGS: Duration = Duration::from_secs(8);

async fn submit_many(tenant: &Tenant, prefix: &str, text: &str, count: usize) {
    let messages: Vec<_> = (0..count)
        .map(|number| text_to(&format!("{prefix}{number:04}"), text))
        .collect();
    let body = json!({ "messages": messages });
    let reply = tenant.post("/nexus/v3/messages", &body).await;
    assert_eq!(reply.status, 202, "{:?}", reply.json());
}

#[tokio::test]
async fn a_tenant_whose_endpoint_hangs_leaves_the_others_their_share() {
    let settings = [
        ("DISPATCH__MAX_IN_FLIGHT", "4"),
        ("DISPATCH__LANE_MAX_IN_FLIGHT", "4"),
        ("DISPATCH__TENANT_SHARE", "0.5"),
    ];
    let gateway = TestGateway::start_with(&settings).await;
    let (slow, quick) = (gateway.tenant().await, gateway.tenant().await);
    let hanging = (0..10).map(|number| {
        let rule = Rule::new(Answer::accept()).delayed(HANGS);
        rule.to(format!("1650555{number:04}"))
    });
    gateway.third_party.answer_with(hanging);
    submit_many(&slow, "1650555", "slow", 10).await;
    gateway.third_party.wait_for(2).await;

    submit_many(&quick, "1650777", "quick", 6).await;
    let received = gateway.third_party.wait_for(8).await;
    let mut texts = texts(&received);
    texts.sort();
    let [quick, slow] = [["quick"; 6].as_slice(), &["slow"; 2]];
    assert_eq!(texts, [quick, slow].concat(), "half of the slots, no more");
}

#[tokio::test]
async fn tenants_take_turns_however_much_one_of_them_has_to_send() {
    let settings = [
        ("DISPATCH__MAX_IN_FLIGHT", "1"),
        ("DISPATCH__LANE_MAX_IN_FLIGHT", "1"),
        ("DISPATCH__TENANT_SHARE", "1"),
    ];
    let gateway = TestGateway::start_with(&settings).await;
    let (many, few) = (gateway.tenant().await, gateway.tenant().await);
    // The first takes so long that everything else waits behind it.
    let first = Rule::new(Answer::accept()).delayed(Duration::from_millis(1_500));
    gateway.third_party.answer_with([first.to("16505550000")]);
    submit_many(&many, "1650555", "many", 40).await;
    gateway.third_party.wait_for(1).await;
    submit_many(&few, "1650777", "few", 5).await;

    let received = gateway.third_party.wait_for(45).await;
    let texts = texts(&received);
    let last = texts.iter().rposition(|text| text == "few").unwrap();
    assert!(last <= 11, "every second one is theirs: {texts:?}");
}
