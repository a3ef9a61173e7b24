//! What a replay meets and leaves alone.

use serde_json::json;

use super::{FAST, begin, completed, dead_letters, dead_of, figures, people, replay};
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::SOON;

#[tokio::test]
async fn who_has_opted_out_meanwhile_is_skipped_and_not_sent_to() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let people = people(20);
    let ids = dead_letters(&gateway.third_party, &tenant, &people, "spring").await;
    tenant.consumer_says(&people[4], "STOP").await;
    let path = format!("/nexus/v3/suppressions/16504661149/{}", people[11]);
    tenant.put(&path, &json!({})).await;

    let id = begin(&tenant, &json!({ "filter": {}, "ratePerSecond": FAST })).await;
    assert_eq!(figures(&completed(&tenant, &id).await), (20, 18, 2));
    let received = gateway.third_party.wait_for(18).await;
    for person in [&people[4], &people[11]] {
        let theirs = received
            .iter()
            .filter(|received| received.recipient().as_ref() == Some(person));
        assert_eq!(theirs.count(), 0, "{person}");
    }
    // They stay what they were, for whoever asks again after a START.
    let left = [ids[4].clone(), ids[11].clone()];
    assert_eq!(dead_of(&tenant, "spring").await, left);
}

#[tokio::test]
async fn what_arrived_after_all_is_skipped() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let ids = dead_letters(&gateway.third_party, &tenant, &people(3), "spring").await;
    let receipt = tenant.receipt(&ids[1], "Delivered", None).await;
    assert_eq!(receipt.status, 200, "{:?}", receipt.json());
    tenant.wait_for_status(&ids[1], "Delivered").await;

    let id = begin(&tenant, &json!({ "filter": {}, "ratePerSecond": FAST })).await;
    assert_eq!(figures(&completed(&tenant, &id).await), (3, 2, 1));
    tenant.wait_for_status(&ids[0], "Sent").await;
    tenant.wait_for_status(&ids[2], "Sent").await;
    assert_eq!(tenant.message(&ids[1]).await["status"], "Delivered");
    assert_eq!(gateway.third_party.count(), 2);
}

#[tokio::test]
async fn what_was_retried_by_hand_meanwhile_is_skipped() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let ids = dead_letters(&gateway.third_party, &tenant, &people(4), "spring").await;
    // The last one's turn comes after three seconds.
    let id = begin(&tenant, &json!({ "filter": {}, "ratePerSecond": 1 })).await;
    eventually("they are counted", SOON, async || {
        (figures(&replay(&tenant, &id).await).0 == 4).then_some(())
    })
    .await;
    let path = format!("/nexus/v3/messages/{}/retry", ids[3]);
    assert_eq!(tenant.post(&path, &json!({})).await.status, 202);

    assert_eq!(figures(&completed(&tenant, &id).await), (4, 3, 1));
    for id in &ids {
        tenant.wait_for_status(id, "Sent").await;
    }
    assert_eq!(gateway.third_party.count(), 4);
}

#[tokio::test]
async fn two_replays_of_the_same_share_it() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let ids = dead_letters(&gateway.third_party, &tenant, &people(200), "spring").await;
    let body = json!({ "filter": {}, "ratePerSecond": 400 });
    let (one, other) = tokio::join!(begin(&tenant, &body), begin(&tenant, &body));
    let (one, other) = tokio::join!(completed(&tenant, &one), completed(&tenant, &other));
    let (one, other) = (figures(&one), figures(&other));
    assert_eq!(one.1 + other.1, 200, "{one:?} {other:?}");
    for id in &ids {
        tenant.wait_for_status(id, "Sent").await;
    }
    assert_eq!(gateway.third_party.count(), 200);
}
