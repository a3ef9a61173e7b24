//! Thousands of lanes: they are taken up, shared and taken over as quickly as a few are, and whoever's lanes were not the
//! dead replica's notices nothing.
#![expect(
    clippy::print_stdout,
    reason = "the figures are for whoever runs these tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use nexus_gateway::simulator::Received;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::death::life_of;
use crate::harness::eventually::eventually;
use crate::harness::fleet::{Fleet, passes_on};
use crate::harness::gateway::WEBHOOK_SECRET;
use crate::harness::ledger::everything_is_recorded;
use crate::harness::tenant::{CONSUMER, PHONE, Tenant, text_to};

/// How many channels each tenant has.
const CHANNELS: usize = 100;
/// Every so many lanes one is busy when the replica dies, and one gets something new afterwards.
const BUSY_ONE_IN: usize = 10;
/// How long an attempt is open; a little less than it may be.
const ANSWERED_AFTER: Duration = Duration::from_secs(8);
/// How long anything here may take at all, however busy the machine.
const AT_LAST: Duration = Duration::from_mins(2);
/// From the death of a replica to the next attempt for each message in its lanes.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(6);
/// From the start of a replica until it has its share. Where those before it were killed, their lease ends first.
const SHARED_WITHIN: Duration = Duration::from_secs(15);
/// From the answer to a message for one of the others' lanes to its arrival, for 99 of 100.
const UNDISTURBED: Duration = Duration::from_millis(250);

#[tokio::test]
async fn hundreds_of_lanes_of_a_killed_replica_are_taken_over_with_all_that_waits_in_them() {
    println!("{:#?}", kill_one_of_two(300).await);
}

#[tokio::test]
#[ignore = "long; .ci/deep runs it"]
async fn ten_thousand_lanes_are_taken_up_shared_and_taken_over_in_time() {
    let figures = kill_one_of_two(10_000).await;
    println!("{figures:#?}");
    assert!(figures.attempted_again <= TAKEN_OVER_WITHIN);
    assert!(figures.new_ones_arrived <= TAKEN_OVER_WITHIN);
    assert!(figures.others_arrived <= UNDISTURBED);
    assert!(figures.shared_with_another <= SHARED_WITHIN);
    assert!(figures.taken_up_after_a_start <= SHARED_WITHIN);
}

/// How long what took.
#[derive(Debug)]
struct Figures {
    /// From the kill to the last attempt that had to be made again.
    attempted_again: Duration,
    /// From the kill to the arrival of the last message that came for the dead replica's lanes afterwards.
    new_ones_arrived: Duration,
    /// From the answer to a message for the survivor's lanes to its arrival, the 99th of 100.
    others_arrived: Duration,
    /// From the start of another replica until both have half of the lanes.
    shared_with_another: Duration,
    /// From the start of a replica, after all were killed, until it has all lanes.
    taken_up_after_a_start: Duration,
}

async fn kill_one_of_two(lanes: usize) -> Figures {
    let mut fleet = Fleet::start(2, &[]).await;
    let tenants = tenants_with_many_channels(&fleet, lanes / CHANNELS).await;
    let mut database = fleet.connect().await;
    lanes_are_even(&mut database, (2, lanes)).await;

    // Whatever is busy is in flight when it happens.
    fleet.third_party_takes(ANSWERED_AFTER);
    let victim = fleet.take(1);
    let life = life_of(&mut database, &victim.url, &tenants[0]).await;
    fleet.doors.close(&victim.url);
    let survivor = fleet.servers[0].url.clone();
    let (theirs, ours) = lanes_by_owner(&mut database, life).await;
    let (busy, idle) = every_tenth(&theirs);
    let people = Senders { tenants, survivor };
    let mut in_flight = people.submit(&busy, "in flight").await;
    eventually("everything is under way", AT_LAST, async || {
        (fleet.third_party.requests().len() >= in_flight.len()).then_some(())
    })
    .await;

    victim.kill_9();
    let killed_at = Instant::now();
    fleet.third_party_takes(Duration::ZERO);
    let new_ones = people.submit(&every_tenth(&idle).0, "new").await;
    let (others, _) = tokio::join!(
        people.keep_submitting(&ours, Duration::from_secs(8)),
        passes_on(&mut database, life, killed_at)
    );
    everything_is_recorded(&mut database).await;

    let received = by_id(&fleet.third_party.requests());
    assert!(others.keys().all(|id| received[id].len() == 1));
    // On a busy machine the first may have been answered before the last began.
    in_flight.retain(|id, _| received[id][0] + ANSWERED_AFTER > killed_at);
    let figures = Figures {
        attempted_again: last_arrival(&in_flight, &received, killed_at),
        new_ones_arrived: last_arrival(&new_ones, &received, killed_at),
        others_arrived: usual_delay(&others, &received),
        shared_with_another: another_joins(&mut fleet, &mut database, lanes).await,
        taken_up_after_a_start: all_start_anew(&mut fleet, &mut database, lanes).await,
    };
    everybody_is_served(&fleet, &people, &ours).await;
    figures
}

/// Starts another replica, and waits until the lanes are shared.
async fn another_joins(fleet: &mut Fleet, database: &mut PgConnection, lanes: usize) -> Duration {
    let started = Instant::now();
    let another = fleet.spawn();
    fleet.takes_up(another).await;
    println!("another is ready after {:?}", started.elapsed());
    lanes_are_even(database, (2, lanes)).await;
    started.elapsed()
}

/// Kills all replicas, starts one, and waits until it has all lanes.
async fn all_start_anew(fleet: &mut Fleet, database: &mut PgConnection, lanes: usize) -> Duration {
    for server in std::mem::take(&mut fleet.servers) {
        fleet.doors.close(&server.url);
        server.kill_9();
    }
    let started = Instant::now();
    let first = fleet.spawn();
    fleet.takes_up(first).await;
    println!("the first is ready after {:?}", started.elapsed());
    lanes_are_even(database, (1, lanes)).await;
    started.elapsed()
}

/// Every lane that was idle sends what comes for it.
async fn everybody_is_served(fleet: &Fleet, people: &Senders, lanes: &BTreeSet<Lane>) {
    let people = Senders {
        tenants: people.tenants.clone(),
        survivor: fleet.servers[0].url.clone(),
    };
    let last = people.submit(lanes, "at last").await;
    eventually("everybody is served", AT_LAST, async || {
        let received = by_id(&fleet.third_party.requests());
        last.keys()
            .all(|id| received.contains_key(id))
            .then_some(())
    })
    .await;
}

/// A tenant's channel, which has a lane of its own.
type Lane = (Uuid, String);
/// Messages by their ids, with the time of the answer.
type Answered = BTreeMap<String, Instant>;

struct Senders {
    tenants: Vec<Tenant>,
    /// The replica that they send through.
    survivor: String,
}

impl Senders {
    /// One message for each lane, a tenant's all at once.
    async fn submit(&self, lanes: &BTreeSet<Lane>, text: &str) -> Answered {
        let mut answered = Answered::new();
        for tenant in &self.tenants {
            let own = lanes.iter().filter(|(ccid, _)| *ccid == tenant.ccid);
            let items: Vec<Value> = own.map(|(_, number)| text_from(number, text)).collect();
            if items.is_empty() {
                continue;
            }
            let body = json!({ "messages": items });
            let tenant = tenant.at(&self.survivor);
            let reply = tenant.post("/nexus/v3/messages", &body).await;
            assert_eq!(reply.status, 202, "{:?}", reply.json());
            let now = Instant::now();
            for result in reply.json()["data"]["results"].as_array().unwrap() {
                answered.insert(result["id"].as_str().unwrap().to_owned(), now);
            }
        }
        answered
    }

    /// One message after the other, each for another lane, for a while.
    async fn keep_submitting(&self, lanes: &BTreeSet<Lane>, time: Duration) -> Answered {
        let mut answered = Answered::new();
        let started = Instant::now();
        for lane in lanes.iter().cycle() {
            if started.elapsed() >= time {
                break;
            }
            answered.extend(self.submit(&BTreeSet::from([lane.clone()]), "other").await);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        answered
    }
}

fn text_from(number: &str, text: &str) -> Value {
    let mut item = text_to(CONSUMER, text);
    item["channel"]["from"]["id"] = json!(number);
    item
}

async fn tenants_with_many_channels(fleet: &Fleet, count: usize) -> Vec<Tenant> {
    let tenants = fleet.tenants(count).await;
    let url = fleet.third_party.url();
    // The first keeps the number by which it was provisioned.
    let numbers: Vec<String> = std::iter::once(PHONE.to_owned())
        .chain((1..CHANNELS).map(|channel| format!("1650467{channel:04}")))
        .collect();
    for tenant in &tenants {
        let data = |number| json!({ "channelId": number, "webhook": { "url": url } });
        let secret = |number| {
            let api = &tenant.third_party.api_secret;
            json!({ "channelId": number, "webhook": { "secret": WEBHOOK_SECRET }, "api": { "secret": api } })
        };
        let body = json!({
            "data": { "channels": numbers.iter().map(data).collect::<Vec<_>>() },
            "secret": { "channels": numbers.iter().map(secret).collect::<Vec<_>>() },
        });
        let path = format!("/nexus/v3/provisioning/services/{}/Async", tenant.ccid);
        // A machine that is too busy for a hundred lanes at once may say so.
        eventually("the channels are saved", AT_LAST, async || {
            let saved = tenant.try_call(Method::PUT, &path, Some(&body)).await;
            saved.filter(|saved| saved.status == 200).map(drop)
        })
        .await;
    }
    tenants
}

/// Waits until so many owners have all lanes, and each as many as the others.
async fn lanes_are_even(database: &mut PgConnection, (owners, lanes): (usize, usize)) {
    let share = lanes / owners;
    eventually("the lanes are shared evenly", AT_LAST, async || {
        let shares: Vec<i64> = sqlx::query_scalar(
            "select count(*) from lanes where owner_number is not null group by owner_number, owner_life",
        )
        .fetch_all(&mut *database)
        .await
        .unwrap();
        let is_even = |count: &i64| usize::try_from(*count).unwrap() == share;
        (shares.len() == owners && shares.iter().all(is_even)).then_some(())
    })
    .await;
}

/// The lanes of a life, and everybody else's.
async fn lanes_by_owner(
    database: &mut PgConnection,
    (number, life): (i16, i64),
) -> (BTreeSet<Lane>, BTreeSet<Lane>) {
    let lanes: Vec<(Uuid, String, bool)> = sqlx::query_as(
        "select ccid, target, owner_number = $1 and owner_life = $2 from lanes where owner_number is not null",
    )
    .bind(number)
    .bind(life)
    .fetch_all(database)
    .await
    .unwrap();
    let (theirs, ours): (Vec<_>, Vec<_>) = lanes.into_iter().partition(|(.., theirs)| *theirs);
    let lane = |(ccid, number, _)| (ccid, number);
    (
        theirs.into_iter().map(lane).collect(),
        ours.into_iter().map(lane).collect(),
    )
}

fn every_tenth(lanes: &BTreeSet<Lane>) -> (BTreeSet<Lane>, BTreeSet<Lane>) {
    let numbered = lanes.iter().cloned().enumerate();
    let (tenth, rest): (Vec<_>, Vec<_>) =
        numbered.partition(|(index, _)| index.is_multiple_of(BUSY_ONE_IN));
    let lane = |(_, lane)| lane;
    (
        tenth.into_iter().map(lane).collect(),
        rest.into_iter().map(lane).collect(),
    )
}

fn by_id(received: &[Received]) -> BTreeMap<String, Vec<Instant>> {
    let mut by_id = BTreeMap::<String, Vec<Instant>>::new();
    for request in received {
        let id = request.message_id().expect("every webhook has an id");
        by_id.entry(id).or_default().push(request.at);
    }
    by_id
}

/// From a time to the last of the arrivals after it that these messages waited for.
fn last_arrival(
    messages: &Answered,
    received: &BTreeMap<String, Vec<Instant>>,
    since: Instant,
) -> Duration {
    let arrival = |id| {
        let after = received[id].iter().filter(|at| **at > since);
        after.min().expect("each arrives afterwards")
    };
    let last = messages.keys().map(arrival).max();
    last.expect("there are some").duration_since(since)
}

/// From the answer to the arrival, for 99 of 100.
fn usual_delay(messages: &Answered, received: &BTreeMap<String, Vec<Instant>>) -> Duration {
    let delay = |(id, answered): (&String, &Instant)| received[id][0].duration_since(*answered);
    let mut delays: Vec<Duration> = messages.iter().map(delay).collect();
    delays.sort_unstable();
    delays[delays.len() * 99 / 100]
}
