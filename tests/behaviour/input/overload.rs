//! More requests than there is room for: most are refused at once, receipts and opt-outs are not.

use std::time::Duration;

use nexus_gateway::simulator::Reply;
use serde_json::json;
use tokio::task::JoinSet;

use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, OTHER_PHONE, PHONE, SOON, Tenant};

/// Requests that are answered at once.
const ROOM: usize = 16;

/// Takes all the room that anybody may take, by readers who wait for events, until what is given back is dropped; and what
/// one more is told then.
async fn crowd(tenant: &Tenant) -> (JoinSet<()>, Reply) {
    let mut crowd = JoinSet::new();
    for _ in 0..ROOM {
        let tenant = tenant.clone();
        crowd.spawn(async move {
            loop {
                // Whoever is refused, or has waited in vain, asks again.
                tenant
                    .get("/nexus/v3/events?types=endpoint.paused&wait=30")
                    .await;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
    }
    let refused = eventually("there is no room", SOON, async || {
        let reply = tenant.get("/nexus/v3/messages").await;
        (reply.status == 503).then_some(reply)
    })
    .await;
    (crowd, refused)
}

#[tokio::test]
async fn a_crowd_is_refused_at_once_and_receipts_and_opt_outs_still_come_in() {
    let room = ROOM.to_string();
    let gateway = TestGateway::start_with(&[("SERVER__REQUESTS_IN_FLIGHT_MAX", &room)]).await;
    let tenant = gateway.tenant().await;
    let id = tenant.send(CONSUMER, "Hi").await;
    tenant.wait_for_status(&id, "Sent").await;

    let (crowd, refused) = crowd(&tenant).await;
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(refused.json()["status"]["code"], 503);
    assert!(refused.headers.contains_key("x-request-id"));

    let receipt = tenant.receipt(&id, "Delivered", None).await;
    assert_eq!(receipt.status, 200, "{:?}", receipt.json());
    tenant.consumer_says(CONSUMER, "STOP").await;
    let place = format!("/nexus/v3/suppressions/{PHONE}/{OTHER_PHONE}");
    let put = tenant
        .put(&place, &json!({ "reason": "asked by phone" }))
        .await;
    assert!(put.status < 300, "{:?}", put.json());
    assert_eq!(tenant.get("/health/live").await.status, 200);
    assert_eq!(tenant.get("/health/ready").await.status, 200);

    drop(crowd);
    let path = format!("/nexus/v3/messages/{id}");
    eventually(
        "there is room, and the receipt was applied",
        SOON,
        async || {
            let reply = tenant.get(&path).await;
            (reply.status == 200 && reply.json()["data"]["status"] == "Delivered").then_some(())
        },
    )
    .await;
}
