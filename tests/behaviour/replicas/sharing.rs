//! Replicas share the destinations, hand them over in good order, and keep the order of messages whoever takes them.

use std::collections::BTreeMap;
use std::time::Duration;

use nexus_gateway::simulator::Received;
use serde_json::json;
use sqlx::PgConnection;
use tokio::task::JoinSet;

use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::ledger::nothing_waits;
use crate::harness::tenant::{CONSUMER, SOON, Tenant, texts};

/// What the contract grants a change of provisioning until it is in force everywhere.
const IN_FORCE: Duration = Duration::from_secs(1);

#[tokio::test]
async fn two_replicas_share_the_lanes_evenly_and_so_do_three() {
    let first = TestGateway::start().await;
    for _ in 0..10 {
        first.tenant().await;
    }
    let mut database = first.connect().await;
    lanes_are_shared(&mut database, &[10]).await;

    let second = first.replica(&[]).await;
    lanes_are_shared(&mut database, &[5, 5]).await;

    let third = first.replica(&[]).await;
    lanes_are_shared(&mut database, &[3, 3, 4]).await;

    third.stop().await;
    lanes_are_shared(&mut database, &[5, 5]).await;
    second.stop().await;
    lanes_are_shared(&mut database, &[10]).await;
}

#[tokio::test]
async fn lanes_that_are_made_while_several_replicas_run_are_shared_too() {
    let first = TestGateway::start().await;
    let second = first.replica(&[]).await;
    for number in 0..8 {
        let gateway = if number % 2 == 0 { &first } else { &second };
        gateway.tenant().await;
    }
    lanes_are_shared(&mut first.connect().await, &[4, 4]).await;
}

#[tokio::test]
async fn a_replica_that_only_answers_owns_no_lane_and_takes_no_share() {
    let sender = TestGateway::start().await;
    let answers = sender.replica_that_only_answers().await;
    for _ in 0..4 {
        sender.tenant().await;
    }
    let tenant = answers.tenant().await;
    let mut database = sender.connect().await;
    lanes_are_shared(&mut database, &[5]).await;

    let id = tenant.send(CONSUMER, "accepted here, sent there").await;
    tenant.wait_for_status(&id, "Sent").await;
    // It stays so over some ticks: nobody gives away what nobody else takes.
    let before = ownership_changes(&mut database).await;
    let ticked = first_beat(&mut database).await + 2_000;
    eventually("all have ticked for a while", SOON, async || {
        (first_beat(&mut database).await > ticked).then_some(())
    })
    .await;
    assert_eq!(ownership_changes(&mut database).await, before);
}

#[tokio::test]
async fn a_replica_that_stops_in_good_order_leaves_its_lanes_to_the_other_and_nothing_is_sent_twice()
 {
    let first = TestGateway::start().await;
    let tenant = first.tenant().await;
    let second = first.replica(&[]).await;
    let through_second = tenant.through(&second);
    let mut expected = Vec::new();
    for number in 0..20 {
        let text = format!("before {number}");
        tenant.send(CONSUMER, &text).await;
        expected.push(text);
    }
    first.stop().await;
    for number in 0..20 {
        let text = format!("after {number}");
        through_second.send(CONSUMER, &text).await;
        expected.push(text);
    }
    let received = second.third_party.wait_for(40).await;
    assert_eq!(texts(&received), expected);

    let mut database = second.connect().await;
    nothing_waits(&mut database).await;
    assert_eq!(second.third_party.count(), 40);
    lanes_are_shared(&mut database, &[1]).await;
    let standing: i64 = sqlx::query_scalar("select count(*) from lives where ended_at is null")
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert_eq!(standing, 1, "the life of the replica that stopped is ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_accepted_by_two_replicas_in_turn_arrive_in_order_exactly_once() {
    let first = TestGateway::start().await;
    let second = first.replica(&[]).await;
    let tenant = first.tenant().await;
    knows_channel(&tenant.through(&second)).await;
    let doors = [tenant.clone(), tenant.through(&second)];

    let expected = send_in_turn(&doors, CONSUMER, 200).await;

    let received = first.third_party.wait_for(200).await;
    assert_eq!(texts(&received), expected);
    nothing_waits(&mut first.connect().await).await;
    assert_eq!(first.third_party.count(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_people_get_theirs_in_order_whichever_replica_accepts_and_whoever_owns_the_lane() {
    let first = TestGateway::start().await;
    let second = first.replica(&[]).await;
    let mut submitting = JoinSet::new();
    for number in 0..2 {
        // One lane each.
        let tenant = first.tenant().await;
        knows_channel(&tenant.through(&second)).await;
        let doors = [tenant.clone(), tenant.through(&second)];
        for person in 0..4 {
            let (doors, to) = (doors.clone(), format!("1650555{number}{person}00"));
            submitting.spawn(async move { (to.clone(), send_in_turn(&doors, &to, 40).await) });
        }
    }
    let expected: BTreeMap<String, Vec<String>> = submitting.join_all().await.into_iter().collect();

    let received = first.third_party.wait_for(320).await;
    assert_eq!(by_recipient(&received), expected);
    nothing_waits(&mut first.connect().await).await;
    assert_eq!(first.third_party.count(), 320);
}

#[tokio::test]
async fn a_change_of_provisioning_is_in_force_on_the_other_replica_within_a_second() {
    let first = TestGateway::start().await;
    let second = first.replica(&[]).await;
    let tenant = first.tenant().await;
    let elsewhere = tenant.through(&second);
    in_force("the new key is good there", async || {
        (elsewhere.get("/nexus/v3/messages").await.status == 200).then_some(())
    })
    .await;
    knows_channel(&elsewhere).await;

    let channel = "16504660000";
    let body = json!({
        "data": { "channels": [
            { "channelId": channel, "webhook": { "url": format!("{}/changed", first.third_party.url()) } },
        ] },
        "secret": { "channels": [
            { "channelId": channel, "webhook": { "secret": "another" }, "api": { "secret": "another" } },
        ] },
    });
    let path = format!("/nexus/v3/provisioning/services/{}/Async", tenant.ccid);
    assert_eq!(tenant.put(&path, &body).await.status, 200);
    in_force(
        "the channel that was taken away is gone there",
        async || {
            (elsewhere
                .submit(CONSUMER, "from the old number")
                .await
                .status
                == 422)
                .then_some(())
        },
    )
    .await;
    let item = json!({ "channel": { "from": { "id": channel }, "to": { "id": CONSUMER } }, "type": "Text", "text": "new" });
    let sent = elsewhere
        .post("/nexus/v3/messages", &json!({ "messages": [item] }))
        .await;
    assert_eq!(sent.status, 202, "{:?}", sent.json());
    let by_the_new_settings = first
        .third_party
        .find(|request| request.uri.path().ends_with("/changed"))
        .await;
    assert!(by_the_new_settings.is_some());

    let keys = tenant.get("/nexus/v3/provisioning/apikeys").await.json();
    let key = keys["data"]["items"][0]["id"].as_str().unwrap().to_owned();
    let removed = tenant
        .delete(&format!("/nexus/v3/provisioning/apikeys/{key}"))
        .await;
    assert_eq!(removed.status, 200, "{:?}", removed.json());
    in_force("the revoked key is refused there", async || {
        (elsewhere.get("/nexus/v3/messages").await.status == 401).then_some(())
    })
    .await;
}

async fn in_force(what: &str, probe: impl AsyncFnMut() -> Option<()>) {
    eventually(what, IN_FORCE, probe).await;
}

async fn knows_channel(tenant: &Tenant) {
    in_force("the other replica knows the channel", async || {
        tenant.is_known().await.then_some(())
    })
    .await;
}

/// Submits one after the other, each through the next door, and gives back the texts in their order.
async fn send_in_turn(doors: &[Tenant], to: &str, count: usize) -> Vec<String> {
    let mut sent = Vec::with_capacity(count);
    for number in 0..count {
        let text = format!("{to} {number}");
        doors[number % doors.len()].send(to, &text).await;
        sent.push(text);
    }
    sent
}

fn by_recipient(received: &[Received]) -> BTreeMap<String, Vec<String>> {
    let mut texts = BTreeMap::<String, Vec<String>>::new();
    for request in received {
        let text = request.json()["text"].as_str().unwrap().to_owned();
        texts
            .entry(request.recipient().unwrap())
            .or_default()
            .push(text);
    }
    texts
}

/// Waits until lanes are owned by as many replicas as there are counts, that many by each.
async fn lanes_are_shared(database: &mut PgConnection, counts: &[i64]) {
    eventually(
        &format!("lanes are shared as {counts:?}"),
        SOON,
        async || {
            let owned: Vec<(Option<i16>, i64)> = sqlx::query_as(
                "select owner_number, count(*) from lanes group by owner_number order by count(*)",
            )
            .fetch_all(&mut *database)
            .await
            .unwrap();
            let found: Vec<i64> = owned.iter().map(|(_, count)| *count).collect();
            (found == counts && owned.iter().all(|(owner, _)| owner.is_some())).then_some(())
        },
    )
    .await;
}

/// How often rows of lanes were written; without traffic only a change of owner writes one.
async fn ownership_changes(database: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar("select xmin::text from lanes order by lane")
        .fetch_all(database)
        .await
        .unwrap()
}

/// When the replica ticked last that has been silent for longest, Unix ms.
async fn first_beat(database: &mut PgConnection) -> i64 {
    sqlx::query_scalar("select min(beat) from replicas")
        .fetch_one(database)
        .await
        .unwrap()
}
