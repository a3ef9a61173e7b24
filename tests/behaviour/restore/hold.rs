//! What a hold keeps back, and what goes on meanwhile.

use nexus_gateway::platform::clock::{Clock, rfc3339};
use serde_json::{Value, json};

use super::{LIVE, RESTORED, Site, change_endpoint, endpoint, is_held, stops};
use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, PHONE, SOON, Tenant, text_to, texts};

const OTHER: &str = "16505550188";

#[tokio::test]
async fn what_was_queued_is_unknown_and_sent_again_only_after_the_release() {
    let site = Site::new().await;
    let live = site.serves(LIVE).await;
    let tenant = site.tenant_on_pause(&live).await;
    let queued = tenant.send(CONSUMER, "queued at the point in time").await;
    stops(live).await;
    site.restores(LIVE, RESTORED).await;
    let live = site.serves(LIVE).await;
    change_endpoint(&tenant.at(&live.url), "resume").await;
    let sent = site.third_party.wait_for(1).await;
    stops(live).await;

    let held = site.serves_after_restore(RESTORED).await;
    let tenant = tenant.at(&held.url);
    change_endpoint(&tenant, "resume").await;
    let unknown = tenant.wait_for_status(&queued, "Unknown").await;
    let last = unknown["history"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["status"], &last["source"]),
        (&json!("Unknown"), &json!("restore"))
    );
    let told = explained(&tenant, &queued).await;
    assert!(
        told.contains("sent again") && told.contains("once sending begins again"),
        "{told}"
    );
    let events = tenant.events("message.status", 1).await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["data"]["status"], "Unknown");

    // Another replica, that nobody told of the restore, holds as well, and so does one that sends alone.
    let other = site.serves(RESTORED).await;
    is_held(&other, true).await;
    stops(held).await;
    let tenant = tenant.at(&other.url);
    let new = tenant.send(CONSUMER, "accepted during the hold").await;
    eventually("the lane has an owner", SOON, async || {
        owner(&site).await.then_some(())
    })
    .await;
    assert_eq!(endpoint(&tenant).await["state"], "held");
    assert_eq!(tenant.message(&new).await["status"], "Queued");
    let told = explained(&tenant, &new).await;
    assert!(told.contains("once sending begins again"), "{told}");
    assert_eq!(site.third_party.count(), 1, "nothing is sent");

    let (released, said) = site.releases(RESTORED);
    assert!(released, "{said}");
    assert!(
        said.starts_with("released: ") && said.contains("1 message may"),
        "{said}"
    );
    let received = site.third_party.wait_for(3).await;
    assert_eq!(
        received[1].body, sent[0].body,
        "it is the same message again"
    );
    assert_eq!(texts(&received[2..]), ["accepted during the hold"]);
    for id in [&queued, &new] {
        tenant.wait_for_status(id, "Sent").await;
    }
    is_held(&other, false).await;
    assert_eq!(endpoint(&tenant).await["state"], "open");
}

#[tokio::test]
async fn a_message_that_was_not_due_yet_stays_queued() {
    let site = Site::new().await;
    let live = site.serves(LIVE).await;
    let tenant = site.tenant_on_pause(&live).await;
    let mut item = text_to(CONSUMER, "in an hour");
    item["notBefore"] = json!(rfc3339(Clock::system().now_ms() + 3_600_000));
    let accepted = tenant
        .post("/nexus/v3/messages", &json!({ "messages": [item] }))
        .await;
    let later = accepted.json()["data"]["results"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let now = tenant.send(CONSUMER, "now").await;
    stops(live).await;
    site.restores(LIVE, RESTORED).await;
    let held = site.serves_after_restore(RESTORED).await;
    let tenant = tenant.at(&held.url);
    tenant.wait_for_status(&now, "Unknown").await;
    assert_eq!(tenant.message(&later).await["status"], "Queued");
    let (released, said) = site.releases(RESTORED);
    assert!(released && said.contains("1 message may"), "{said}");
}

#[tokio::test]
async fn whoever_opted_out_since_gets_nothing_once_the_newer_suppressions_are_there() {
    let site = Site::new().await;
    let live = site.serves(LIVE).await;
    let tenant = site.tenant_on_pause(&live).await;
    let queued = tenant.send(CONSUMER, "to whoever opted out").await;
    tenant.send(OTHER, "to whoever did not").await;
    stops(live).await;
    site.restores(LIVE, RESTORED).await;
    let held = site.serves_after_restore(RESTORED).await;
    let tenant = tenant.at(&held.url);
    change_endpoint(&tenant, "resume").await;
    let path = format!("/nexus/v3/suppressions/{PHONE}/{CONSUMER}");
    assert!(tenant.put(&path, &json!({})).await.status < 300);
    let released = eventually("everything is marked", SOON, async || {
        let (released, said) = site.releases(RESTORED);
        released.then_some(said)
    });
    released.await;
    let failed = tenant.wait_for_status(&queued, "Failed").await;
    let last = failed["history"].as_array().unwrap().last().unwrap();
    assert_eq!(last["reasons"][0]["code"], 350, "{failed}");
    assert_eq!(
        texts(&site.third_party.wait_for(1).await),
        ["to whoever did not"]
    );
}

#[tokio::test]
async fn cancelling_receipts_and_dead_letters_work_during_the_hold() {
    let site = Site::new().await;
    let live = site.serves(LIVE).await;
    let tenant = site.tenant_on_pause(&live).await;
    let queued = tenant.send(CONSUMER, "queued").await;
    stops(live).await;
    site.restores(LIVE, RESTORED).await;
    let held = site.serves_after_restore(RESTORED).await;
    let tenant = tenant.at(&held.url);
    tenant.wait_for_status(&queued, "Unknown").await;

    let cancel = async |id: &str| {
        let path = format!("/nexus/v3/messages/{id}/cancel");
        tenant.post(&path, &json!({})).await.status
    };
    assert_eq!(cancel(&queued).await, 409, "it may have been sent");
    let new = tenant.send(CONSUMER, "not meant").await;
    eventually("it is cancelled", SOON, async || {
        (cancel(&new).await == 200).then_some(())
    })
    .await;
    // A receipt for what was sent after the point in time, and one for a message that the data do not know.
    assert_eq!(tenant.receipt(&queued, "Delivered", None).await.status, 200);
    tenant.wait_for_status(&queued, "Delivered").await;
    assert_eq!(
        tenant
            .receipt("of-the-lost-time", "Delivered", None)
            .await
            .status,
        200
    );
    let parked: i64 = sqlx::query_scalar("select count(*) from parked_receipts")
        .fetch_one(&mut site.connect(RESTORED).await)
        .await
        .unwrap();
    assert_eq!(parked, 1);
    let letters = tenant.get("/nexus/v3/messages?deadLetter=true").await;
    assert_eq!(letters.status, 200);
    assert_eq!(site.third_party.count(), 0);
}

#[tokio::test]
async fn a_reader_of_the_feed_that_is_ahead_of_the_point_in_time_misses_nothing() {
    let site = Site::new().await;
    let live = site.serves(LIVE).await;
    let tenant = site.tenant_on_pause(&live).await;
    tenant.consumer_says(CONSUMER, "before").await;
    stops(live).await;
    site.restores(LIVE, RESTORED).await;
    let live = site.serves(LIVE).await;
    let ahead = tenant.at(&live.url);
    for number in 0..5 {
        ahead
            .consumer_says(CONSUMER, &format!("lost {number}"))
            .await;
    }
    let feed = "/nexus/v3/events?types=message.received&limit=500&wait=5";
    let cursor = eventually("the reader has read everything", SOON, async || {
        let page = ahead.get(feed).await.json();
        let is_whole = page["data"]["items"].as_array().unwrap().len() == 6;
        is_whole.then(|| page["data"]["next"].as_str().unwrap().to_owned())
    })
    .await;
    stops(live).await;

    let held = site.serves_after_restore(RESTORED).await;
    let tenant = tenant.at(&held.url);
    let after = tenant.consumer_says(CONSUMER, "after").await;
    eventually("the reader comes to what is new", SOON, async || {
        let page = tenant.get(&format!("{feed}&after={cursor}")).await.json();
        let items = page["data"]["items"].as_array()?.clone();
        let is_new =
            |item: &Value| item["data"]["id"] == after || item["data"]["messageId"] == after;
        items.iter().any(is_new).then_some(())
    })
    .await;
}

async fn explained(tenant: &Tenant, id: &str) -> String {
    let reply = tenant
        .get(&format!("/nexus/v3/messages/{id}/explain"))
        .await;
    reply.json()["data"]["sentence"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Whether every lane of the restored data is owned.
async fn owner(site: &Site) -> bool {
    let mut database = site.connect(RESTORED).await;
    !crate::harness::fleet::owners(&mut database)
        .await
        .is_empty()
}
