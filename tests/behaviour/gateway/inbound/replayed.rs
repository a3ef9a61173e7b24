//! Signed bodies that somebody has kept and sends again.

use nexus_gateway::simulator::text_message;
use serde_json::{Value, json};

use super::ids;
use crate::harness::TestGateway;
use crate::harness::tenant::{CONSUMER, PHONE, Tenant};

/// Sends the same bytes with the same signature; the ids that each is answered.
async fn replay(tenant: &Tenant, bodies: &[Vec<u8>]) -> Vec<Vec<String>> {
    let mut answered = Vec::new();
    for body in bodies {
        let headers = tenant.third_party.signed_headers(body);
        let reply = tenant.third_party.post(headers, body.clone().into()).await;
        answered.push(ids(&reply.unwrap()));
    }
    answered
}

/// What the tenant is shown. The history of a message is not in it, which keeps every receipt as it came.
async fn everything(tenant: &Tenant) -> Value {
    let mut shown = Vec::new();
    for path in [
        "messages?limit=500",
        "conversations",
        "suppressions",
        "statistics",
    ] {
        let reply = tenant.get(&format!("/nexus/v3/{path}")).await;
        assert_eq!(reply.status, 200);
        shown.push(reply.json()["data"].clone());
    }
    json!(shown)
}

#[tokio::test]
async fn a_signed_body_that_is_sent_again_changes_nothing_whichever_replica_takes_it_whenever() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let sent = tenant.send("16505550188", "to be reported").await;
    tenant.wait_for_status(&sent, "Sent").await;
    let body = |message: Value| json!({ "messages": [message] }).to_string().into_bytes();
    let receipt = json!({
        "channel": { "from": { "id": PHONE }, "to": { "id": "16505550188" }, "messageId": sent },
        "type": "Receipt", "status": "Delivered",
    });
    let bodies = [
        body(text_message(CONSUMER, PHONE, "m-1", "Hello")),
        body(text_message(CONSUMER, PHONE, "m-2", "STOP")),
        body(text_message(CONSUMER, PHONE, "m-3", "START")),
        body(receipt),
    ];
    let first = replay(&tenant, &bodies).await;
    tenant.wait_for_status(&sent, "Delivered").await;
    let before = everything(&tenant).await;

    for _ in 0..3 {
        assert_eq!(replay(&tenant, &bodies).await, first);
    }
    assert_eq!(everything(&tenant).await, before);
    let other = gateway.replica(&[]).await;
    let there = tenant.known_through(&other).await;
    gateway.stop().await;
    for _ in 0..3 {
        assert_eq!(replay(&there, &bodies).await, first);
    }
    assert_eq!(everything(&there).await, before);
    other.stop().await;
}
