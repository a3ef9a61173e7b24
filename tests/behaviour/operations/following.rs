//! Following the feed: nothing is missed, nothing comes twice, and whoever waits is woken.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::harness::TestGateway;
use crate::harness::tenant::{CONSUMER, OTHER_PHONE, PHONE, SOON, Tenant};

const FOLLOWERS: usize = 50;
const WRITERS: usize = 8;
const MESSAGES: usize = 15;

/// One page after a cursor, with the cursor of the next.
async fn page(tenant: &Tenant, query: &str, after: Option<&str>) -> (Vec<Value>, String) {
    let after = after
        .map(|after| format!("&after={after}"))
        .unwrap_or_default();
    let reply = tenant
        .get(&format!("/nexus/v3/events?{query}{after}"))
        .await;
    assert_eq!(reply.status, 200, "{:?}", reply.json());
    let data = reply.json()["data"].clone();
    let next = data["next"]
        .as_str()
        .expect("there is always a next")
        .to_owned();
    (data["items"].as_array().unwrap().clone(), next)
}

#[tokio::test]
async fn a_reader_sees_every_event_once_and_in_order_while_two_replicas_write() {
    let gateway = TestGateway::start().await;
    let second = gateway.replica(&[]).await;
    let tenant = gateway.tenant().await;
    let elsewhere = tenant.known_through(&second).await;
    let all_written = AtomicBool::new(false);
    let writing = async {
        let writers = (0..WRITERS).map(|writer| {
            let through = if writer % 2 == 0 { &tenant } else { &elsewhere };
            async move {
                let mut ids = Vec::new();
                for number in 0..MESSAGES {
                    let consumer = format!("165055501{writer}{}", number % 3);
                    ids.push(through.consumer_says(&consumer, "Hello").await);
                }
                ids
            }
        });
        let ids = join_all(writers).await.concat();
        all_written.store(true, Ordering::Release);
        ids
    };
    let reading = read_until(&all_written, [&tenant, &elsewhere]);
    let (mut written, seen) = tokio::join!(writing, reading);

    let of_messages = seen
        .iter()
        .filter(|event| event["type"] == "message.received");
    let mut received: Vec<String> = of_messages
        .map(|event| event["data"]["id"].as_str().unwrap().to_owned())
        .collect();
    received.sort_unstable();
    written.sort_unstable();
    assert_eq!(received, written);
    let (again, _) = page(&tenant, "limit=500", None).await;
    assert_eq!(
        seen, again,
        "what was read while it was written is what is there, in the same order"
    );
    let (resumed, _) = page(&tenant, "limit=500", seen[9]["cursor"].as_str()).await;
    assert_eq!(
        resumed,
        seen[10..],
        "each event's own cursor goes on behind it"
    );
    second.stop().await;
}

/// Reads page by page, through one replica and the other, until nothing more comes after all is written.
async fn read_until(all_written: &AtomicBool, through: [&Tenant; 2]) -> Vec<Value> {
    let (mut seen, mut after): (Vec<Value>, Option<String>) = (Vec::new(), None);
    for turn in 0.. {
        let had_all = all_written.load(Ordering::Acquire);
        let (items, next) = page(through[turn % 2], "limit=7&wait=1", after.as_deref()).await;
        if had_all && items.is_empty() {
            break;
        }
        seen.extend(items);
        after = Some(next);
    }
    seen
}

#[tokio::test]
async fn whoever_waits_is_woken_by_an_event_on_any_replica() {
    let gateway = TestGateway::start().await;
    let second = gateway.replica(&[]).await;
    let tenant = gateway.tenant().await;
    let elsewhere = tenant.known_through(&second).await;
    let (_, mut after) = page(&tenant, "stream=all", None).await;
    for waits_at in [&tenant, &elsewhere] {
        // The wait is longer than the patience of this test: in time means woken.
        let waiting = page(waits_at, "wait=30&types=message.received", Some(&after));
        let speaking = tenant.consumer_says(CONSUMER, "Hello");
        let ((woken, next), id) = timeout(SOON, async { tokio::join!(waiting, speaking) })
            .await
            .unwrap();
        assert_eq!(woken.len(), 1);
        assert_eq!(woken[0]["data"]["id"], json!(id));
        after = next;
    }
    let suppression = format!("/nexus/v3/suppressions/{PHONE}/{CONSUMER}");
    let waiting = page(&elsewhere, "wait=30&types=suppression.added", Some(&after));
    let no_body = json!({});
    let suppressing = tenant.put(&suppression, &no_body);
    let ((woken, next), put) = timeout(SOON, async { tokio::join!(waiting, suppressing) })
        .await
        .unwrap();
    assert_eq!((woken.len(), put.status), (1, 201), "{woken:?}");
    after = next;
    let (nothing, next) = page(&tenant, "wait=1", Some(&after)).await;
    assert_eq!(
        (nothing.len(), next),
        (0, after),
        "nothing more has happened"
    );
    second.stop().await;
}

#[tokio::test]
async fn whoever_waits_costs_the_store_nothing_meanwhile() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let (_, after) = page(&tenant, "", None).await;
    let readings = async || {
        sqlx::query_scalar::<_, i64>(
            "select coalesce(sum(idx_scan), 0)::bigint from pg_stat_user_tables where relname like 'history%'",
        )
        .fetch_one(&mut gateway.connect().await)
        .await
        .unwrap()
    };
    let before = readings().await;
    let waiting = (0..FOLLOWERS).map(|_| page(&tenant, "wait=4", Some(&after)));
    for (found, _) in join_all(waiting).await {
        assert_eq!(found, Vec::<Value>::new());
    }
    // Each looks when it comes and when it leaves, into each of the partitions there are.
    let partitions: i64 = sqlx::query_scalar(
        "select count(*) from pg_inherits where inhparent = 'history'::regclass",
    )
    .fetch_one(&mut gateway.connect().await)
    .await
    .unwrap();
    let cost = readings().await - before;
    let most = 3 * i64::try_from(FOLLOWERS).unwrap() * partitions;
    assert!(cost <= most, "{cost} readings instead of {most}");
}

#[tokio::test]
async fn a_wait_for_one_type_passes_all_others_over_at_once() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    for _ in 0..40 {
        let body: Vec<Value> = (0..5)
            .map(|_| {
                nexus_gateway::simulator::text_message(
                    CONSUMER,
                    PHONE,
                    &uuid::Uuid::new_v4().to_string(),
                    "Hello",
                )
            })
            .collect();
        assert_eq!(tenant.third_party.send(&body).await.unwrap().status, 200);
    }
    tenant.consumer_says(CONSUMER, "STOP").await;
    let waiting = page(&tenant, "limit=1&wait=30&types=suppression.added", None);
    let (found, _) = timeout(SOON, waiting).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["data"]["address"], CONSUMER);
}

#[tokio::test]
async fn a_reader_chooses_streams_types_and_how_much() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let second = tenant.with_second_channel(&gateway).await;
    let section = format!(
        "/nexus/v3/provisioning/senders/{}/cxc.Campaigns",
        tenant.ccid
    );
    let saved = tenant
        .put(&section, &json!({ "channelId": OTHER_PHONE }))
        .await;
    assert_eq!(saved.status, 201, "{:?}", saved.json());
    let to_agents = tenant.consumer_says(CONSUMER, "to an agent").await;
    let to_campaigns = second
        .third_party
        .send_text(CONSUMER, OTHER_PHONE, "c-1", "to a campaign")
        .await
        .unwrap();
    let to_campaigns = to_campaigns.json()["data"]["ids"][0]
        .as_str()
        .unwrap()
        .to_owned();
    tenant.consumer_says(CONSUMER, "STOP").await;
    let stop = "suppression.added";

    let received = async |query: &str| {
        let events = page(&tenant, &format!("{query}&wait=2"), None).await.0;
        let subjects = events
            .iter()
            .map(|event| match event["type"].as_str().unwrap() {
                "message.received" => event["data"]["id"].as_str().unwrap().to_owned(),
                other => other.to_owned(),
            });
        subjects.collect::<Vec<_>>()
    };
    let all = received("stream=all").await;
    assert!(
        [&to_agents, &to_campaigns]
            .into_iter()
            .all(|id| all.contains(id)),
        "{all:?}"
    );
    assert_eq!(received("").await, all);
    let chat = received("stream=chat").await;
    assert!(
        chat.contains(&to_agents) && !chat.contains(&to_campaigns),
        "{chat:?}"
    );
    assert!(chat.iter().any(|each| each == "conversation.started"));
    let cxc = received("stream=cxc").await;
    assert_eq!(
        cxc,
        [to_campaigns.as_str(), stop],
        "a suppression is for both"
    );
    assert_eq!(received("types=suppression.added").await, [stop]);
    let two = received("types=suppression.added,%20message.received").await;
    assert_eq!(two.len(), 4, "{two:?}");
}

#[tokio::test]
async fn a_reader_goes_through_the_feed_in_steps_of_its_own_choice() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    for words in ["Hello", "STOP", "START"] {
        tenant.consumer_says(CONSUMER, words).await;
    }
    let (all, _) = page(&tenant, "limit=500&wait=2", None).await;
    assert_eq!(all.len(), 6, "{all:?}");
    let (mut by_one, mut after) = (Vec::new(), None);
    for _ in 0..all.len() {
        let (items, next) = page(&tenant, "limit=1", after.as_deref()).await;
        assert_eq!(items.len(), 1);
        by_one.extend(items);
        after = Some(next);
    }
    assert_eq!(by_one, all);
    assert_eq!(
        page(&tenant, "limit=1", after.as_deref()).await.0,
        Vec::<Value>::new()
    );
}

#[tokio::test]
async fn a_tenant_sees_its_own_events_whatever_cursor_it_shows() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    tenant.consumer_says(CONSUMER, "ours").await;
    let (_, ours) = page(&tenant, "wait=5", None).await;
    let theirs = neighbour.consumer_says(CONSUMER, "theirs").await;

    let (seen, _) = page(&neighbour, "wait=5&types=message.received", Some(&ours)).await;
    let ids: Vec<_> = seen
        .iter()
        .map(|event| event["data"]["id"].clone())
        .collect();
    assert_eq!(ids, [json!(theirs)]);
    let (_, next) = page(&neighbour, "wait=1", None).await;
    assert_eq!(
        page(&tenant, "wait=0", Some(&next)).await.0,
        Vec::<Value>::new()
    );
}

#[tokio::test]
async fn what_cannot_be_asked_of_the_feed_is_refused() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    for query in [
        "after=nonsense",
        "after=1.2",
        "after=-1.0.0",
        "after=",
        "stream=sms",
        "types=message.recieved",
        "wait=31",
        "wait=-1",
        "wait=soon",
        "limit=0",
        "limit=501",
        "limit=all",
        "streem=chat",
    ] {
        let refused = tenant.get(&format!("/nexus/v3/events?{query}")).await;
        assert_eq!(refused.status, 422, "{query} {:?}", refused.json());
    }
    let limited = tenant.limited_to(&["nexus:messages:read"]).await;
    assert_eq!(limited.get("/nexus/v3/events").await.status, 403);
    let mut nobody = tenant.clone();
    nobody.key = uuid::Uuid::new_v4().to_string();
    assert_eq!(nobody.get("/nexus/v3/events").await.status, 401);
    let (nothing, next) = page(&tenant, "", None).await;
    assert!(nothing.is_empty());
    assert!(page(&tenant, "", Some(&next)).await.0.is_empty());
}
