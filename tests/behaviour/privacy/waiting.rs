//! What still waits for a person who is erased is never sent, and what is under way is let end.

use std::time::Duration;

use nexus_gateway::platform::clock::rfc3339;
use nexus_gateway::simulator::{Answer, Rule};
use serde_json::json;

use super::dump::rows_with;
use super::erasing::{ERASURES, begin, completed, erase, erasure};
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, SOON, text_to};

#[tokio::test]
async fn what_waits_for_its_endpoint_or_its_time_is_never_sent() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    tenant.pause().await;
    tenant.send(CONSUMER, "canary in the line").await;
    let mut later = text_to(CONSUMER, "canary for later");
    later["notBefore"] = json!(rfc3339(gateway.clock.now_ms() + 3_600_000));
    let body = json!({ "messages": [later] });
    assert_eq!(tenant.post("/nexus/v3/messages", &body).await.status, 202);
    let other = tenant.send("16505550188", "meant").await;

    let erased = erase(&tenant, CONSUMER).await;
    assert_eq!(erased["messages"], 2);
    let mut database = gateway.connect().await;
    let left = rows_with(&mut database, &["canary", CONSUMER]).await;
    assert!(left.is_empty(), "{left:#?}");
    assert_eq!(tenant.endpoint().await["backlog"], 1);
    tenant.resume().await;
    tenant.wait_for_status(&other, "Sent").await;
    gateway.clock.advance(Duration::from_hours(2));
    let last = tenant.send("16505550188", "after two hours").await;
    tenant.wait_for_status(&last, "Sent").await;
    let received = gateway.third_party.requests();
    assert_eq!(received.len(), 2, "{received:#?}");
}

#[tokio::test]
async fn an_erasure_waits_for_the_attempt_that_is_under_way() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    gateway
        .third_party
        .answer_with([Rule::new(Answer::accept()).delayed(Duration::from_secs(3))]);
    tenant.send(CONSUMER, "canary under way").await;
    gateway.third_party.wait_for(1).await;
    let id = begin(&tenant, CONSUMER).await;
    eventually("it has met the message", SOON, async || {
        let rows: i64 = sqlx::query_scalar("select count(*) from cancellations")
            .fetch_one(&mut gateway.connect().await)
            .await
            .unwrap();
        (rows == 1).then_some(())
    })
    .await;
    assert_eq!(erasure(&tenant, &id).await["messages"], 0);
    assert_eq!(completed(&tenant, &id).await["messages"], 1);
    assert_eq!(gateway.third_party.count(), 1);
    let mut database = gateway.connect().await;
    let left = rows_with(&mut database, &["canary", CONSUMER]).await;
    assert!(left.is_empty(), "{left:#?}");
}

#[tokio::test]
async fn a_cancelled_erasure_does_nothing_more_and_forgets_whom_it_was_about() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    gateway
        .third_party
        .answer_with([Rule::new(Answer::accept()).delayed(Duration::from_secs(3))]);
    let sent = tenant.send(CONSUMER, "under way").await;
    gateway.third_party.wait_for(1).await;
    let id = begin(&tenant, CONSUMER).await;
    let path = format!("{ERASURES}/{id}");
    let cancelled = tenant.delete(&path).await;
    assert_eq!(cancelled.json()["data"]["state"], "cancelled");
    assert_eq!(tenant.delete(&path).await.status, 200);
    let mut database = gateway.connect().await;
    let held: i64 = sqlx::query_scalar(
        "select (select count(*) from erasures where sealed_address is not null)
              + (select count(*) from erased_subjects) + (select count(*) from erased_files)",
    )
    .fetch_one(&mut database)
    .await
    .unwrap();
    assert_eq!(held, 0);
    let message = eventually("the attempt has ended", SOON, async || {
        let message = tenant.message(&sent).await;
        (message["status"] != "Queued").then_some(message)
    });
    assert_eq!(message.await["text"], "under way");
    let records = tenant.get("/nexus/v3/audit?object=erasure").await.json();
    let records = records["data"]["items"].as_array().unwrap().clone();
    let actions: Vec<_> = records.iter().map(|record| &record["action"]).collect();
    assert_eq!(actions, ["erasure.cancelled", "erasure.begun"]);
}
