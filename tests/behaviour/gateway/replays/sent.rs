//! What a replay sends, in which order, and how fast.

use nexus_gateway::simulator::Received;
use nexus_gateway::values::MessageId;
use serde_json::json;

use super::{FAST, REPLAYS, begin, completed, dead_letters, dead_of, figures, people, replay};
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{SOON, Tenant, texts};

/// The ids of the messages that came, oldest first.
fn ids_of(received: &[Received]) -> Vec<String> {
    let mut ids: Vec<String> = received
        .iter()
        .map(|received| received.message_id().unwrap())
        .collect();
    ids.sort_by_key(|id| id.parse::<MessageId>().unwrap());
    ids
}

#[tokio::test]
async fn exactly_what_matches_is_sent_again_and_a_second_replay_finds_nothing() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let third_party = &gateway.third_party;
    let theirs = dead_letters(third_party, &neighbour, &people(3), "spring").await;
    let others = dead_letters(third_party, &tenant, &people(7), "autumn").await;
    let spring = dead_letters(third_party, &tenant, &people(40), "spring").await;

    let body = json!({ "filter": { "campaignId": "spring" }, "ratePerSecond": FAST });
    let first = begin(&tenant, &body).await;
    let first = completed(&tenant, &first).await;
    assert_eq!(figures(&first), (40, 40, 0));
    for id in &spring {
        tenant.wait_for_status(id, "Sent").await;
    }
    let second = begin(&tenant, &body).await;
    assert_eq!(figures(&completed(&tenant, &second).await), (0, 0, 0));

    assert_eq!(ids_of(&third_party.requests()), spring);
    assert_eq!(dead_of(&tenant, "spring").await, [""; 0]);
    assert_eq!(dead_of(&tenant, "autumn").await, others);
    assert_eq!(dead_of(&neighbour, "spring").await, theirs);
    // A new life, told as one: queued, and then sent.
    let message = tenant.message(&spring[0]).await;
    let told: Vec<&str> = message["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["status"].as_str().unwrap())
        .collect();
    assert_eq!(told, ["Queued", "Failed", "Queued", "Sent"], "{message}");
}

#[tokio::test]
async fn every_member_of_the_filter_narrows_it() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let ids = dead_letters(&gateway.third_party, &tenant, &people(6), "spring").await;
    let created_at = tenant.message(&ids[0]).await["createdAt"].clone();
    for (filter, matched) in [
        (json!({}), 6),
        (json!({ "channelId": "16504661149" }), 6),
        (json!({ "channelId": "16504661150" }), 0),
        (json!({ "address": "16505550003" }), 1),
        (json!({ "status": "Failed", "direction": "outbound" }), 6),
        (json!({ "status": "Sent" }), 0),
        (json!({ "direction": "inbound" }), 0),
        (json!({ "since": created_at }), 6),
        (json!({ "until": created_at }), 0),
        (json!({ "campaignId": "autumn" }), 0),
    ] {
        let body = json!({ "filter": filter, "ratePerSecond": 1, "dryRun": true });
        let id = begin(&tenant, &body).await;
        let ended = completed(&tenant, &id).await;
        assert_eq!(figures(&ended), (matched, 0, 0), "{filter}");
        assert_eq!(ended["filter"], filter);
    }
}

#[tokio::test]
async fn a_dry_run_counts_and_changes_nothing() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let ids = dead_letters(&gateway.third_party, &tenant, &people(5), "spring").await;
    let body = json!({ "filter": {}, "ratePerSecond": FAST, "dryRun": true });
    let id = begin(&tenant, &body).await;
    let ended = completed(&tenant, &id).await;
    assert_eq!(figures(&ended), (5, 0, 0));
    assert_eq!(ended["dryRun"], true);
    assert_eq!(dead_of(&tenant, "spring").await, ids);
    assert_eq!(gateway.third_party.count(), 0);
}

#[tokio::test]
async fn everybody_gets_theirs_in_the_order_in_which_they_were_accepted() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let both = people(2);
    let turns: Vec<String> = (0..60).map(|turn| both[turn % 2].clone()).collect();
    dead_letters(&gateway.third_party, &tenant, &turns, "spring").await;
    // Several steps.
    let body = json!({ "filter": {}, "ratePerSecond": 80 });
    let id = begin(&tenant, &body).await;
    completed(&tenant, &id).await;
    let received = gateway.third_party.wait_for(60).await;
    for (person, first) in both.iter().zip(0..) {
        let mut theirs = received.clone();
        theirs.retain(|received| received.recipient().as_ref() == Some(person));
        let expected: Vec<String> = (0..30)
            .map(|turn| format!("text {}", 2 * turn + first))
            .collect();
        assert_eq!(texts(&theirs), expected, "{person}");
    }
}

#[tokio::test]
async fn a_cancelled_replay_sends_nothing_more_and_keeps_its_figures() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    dead_letters(&gateway.third_party, &tenant, &people(30), "spring").await;
    // The first goes at once, the next one in a hundred seconds.
    let id = begin(&tenant, &json!({ "filter": {}, "ratePerSecond": 0.01 })).await;
    eventually("the first is sent", SOON, async || {
        (figures(&replay(&tenant, &id).await).1 == 1).then_some(())
    })
    .await;

    let path = format!("{REPLAYS}/{id}");
    let cancelled = tenant.delete(&path).await;
    assert_eq!(cancelled.status, 200, "{:?}", cancelled.json());
    let cancelled = cancelled.json()["data"].clone();
    assert_eq!(cancelled["state"], "cancelled");
    assert_eq!(figures(&cancelled), (30, 1, 0));
    assert!(cancelled["endedAt"].is_string());

    // The other one goes on where this one was.
    let rest = begin(&tenant, &json!({ "filter": {}, "ratePerSecond": FAST })).await;
    assert_eq!(figures(&completed(&tenant, &rest).await), (29, 29, 0));
    assert_eq!(replay(&tenant, &id).await, cancelled);
    let again = tenant.delete(&path).await;
    assert_eq!((again.status, &again.json()["data"]), (200, &cancelled));
    // One that is completed stays so.
    let over = tenant.delete(&format!("{REPLAYS}/{rest}")).await;
    assert_eq!(over.json()["data"]["state"], "completed");
    gateway.third_party.wait_for(30).await;
}

#[tokio::test]
async fn a_full_lane_makes_a_replay_wait_and_a_retry_by_hand_fail() {
    let before = TestGateway::start().await;
    let tenant = before.tenant().await;
    let ids = dead_letters(&before.third_party, &tenant, &people(6), "spring").await;
    let gateway = before.replica(&[("DISPATCH__BACKLOG_MAX", "4")]).await;
    let tenant = tenant.known_through(&gateway).await;
    before.stop().await;
    let endpoint = only_endpoint(&tenant).await;
    let pause = tenant.post(&format!("{endpoint}/pause"), &json!({})).await;
    assert_eq!(pause.status, 200);

    let id = begin(&tenant, &json!({ "filter": {}, "ratePerSecond": FAST })).await;
    eventually("the lane is full", SOON, async || {
        (figures(&replay(&tenant, &id).await) == (6, 4, 0)).then_some(())
    })
    .await;
    let by_hand = tenant
        .post(&format!("/nexus/v3/messages/{}/retry", ids[5]), &json!({}))
        .await;
    assert_eq!(
        (by_hand.status, &by_hand.json()["status"]["code"]),
        (429, &json!(310))
    );
    assert_eq!(replay(&tenant, &id).await["state"], "running");

    let resume = tenant.post(&format!("{endpoint}/resume"), &json!({})).await;
    assert_eq!(resume.status, 200);
    assert_eq!(figures(&completed(&tenant, &id).await), (6, 6, 0));
    for id in &ids {
        tenant.wait_for_status(id, "Sent").await;
    }
    assert_eq!(ids_of(&gateway.third_party.requests()), ids);
}

async fn only_endpoint(tenant: &Tenant) -> String {
    let endpoints = tenant.get("/nexus/v3/endpoints").await.json();
    let id = endpoints["data"]["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    format!("/nexus/v3/endpoints/{id}")
}
