//! Replicas that are killed or frozen in the middle of their work: what was promised is sent, by whoever is left.
#![expect(
    clippy::print_stdout,
    reason = "the figures are for whoever runs these tests"
)]

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rand::RngExt;

use crate::harness::eventually::eventually;
use crate::harness::fleet::{Fleet, PassedOn, lanes_are_shared, owners, passes_on};
use crate::harness::ledger::{everything_is_recorded, repeats};
use crate::harness::load::Load;
use crate::harness::tenant::{CONSUMER, SOON, Tenant};

/// With this lease, the default, the others take over within 6 s on a machine that has time for them.
#[tokio::test]
async fn what_a_killed_replica_promised_is_sent_by_the_others() {
    kill_one_of_three(&[("DISPATCH__LEASE_SECONDS", "5")]).await;
}

#[tokio::test]
async fn what_a_killed_replica_promised_is_sent_by_the_others_with_a_shorter_lease_too() {
    kill_one_of_three(&[("DISPATCH__LEASE_SECONDS", "1")]).await;
}

/// Kills one of three replicas under load.
async fn kill_one_of_three(settings: &[(&'static str, &'static str)]) {
    let mut fleet = Fleet::start(3, settings).await;
    let tenants = fleet.tenants(3).await;
    let mut database = fleet.connect().await;
    lanes_are_shared(&mut database, 3).await;
    fleet.third_party_takes(Duration::from_millis(200));
    let load = Load::start(&tenants, &fleet.doors, 4, Duration::from_millis(20));
    load.reaches(100).await;

    let victim = fleet.take(1);
    let life = life_of(&mut database, &victim.url, &tenants[0]).await;
    let url = victim.url.clone();
    victim.kill_9();
    let killed_at = Instant::now();
    load.ledger.killed();
    let passed_on = passes_on(&mut database, life, killed_at).await;
    fleet.doors.close(&url);

    // Everybody is served again, whoever sent for them before.
    let promised = load.ledger.promised().len();
    load.reaches(promised + 100).await;
    let ledger = load.stop().await;
    ledger.balances(&fleet.third_party, &mut database).await;
    in_time(&passed_on);
}

/// Ticks come ten to a lease, and after 0.9 lease of silence a replica is dead. What is more is for the ticks that take
/// its lanes, and for a machine that was too busy to watch for half a lease and had to begin anew.
fn in_time(passed_on: &PassedOn) {
    println!("taken over after {:?}", passed_on.took);
    assert!(passed_on.ticks <= 30, "{passed_on:?}");
}

/// The life of the replica behind a door: an id that it makes tells its number.
pub(super) async fn life_of(
    database: &mut sqlx::PgConnection,
    url: &str,
    tenant: &Tenant,
) -> (i16, i64) {
    let id = tenant
        .at(url)
        .consumer_says(CONSUMER, "who takes this?")
        .await;
    let (_, count) = id.split_once('-').unwrap();
    let number = i16::try_from(count.parse::<u32>().unwrap() >> 12).unwrap();
    let life: i64 = sqlx::query_scalar("select life from replicas where number = $1")
        .bind(number)
        .fetch_one(database)
        .await
        .unwrap();
    (number, life)
}

#[tokio::test]
async fn a_replica_that_was_frozen_past_its_lease_changes_nothing_and_recovers_by_itself() {
    let mut fleet = Fleet::start(2, &[("DISPATCH__LEASE_SECONDS", "1")]).await;
    let tenants = fleet.tenants(2).await;
    let mut database = fleet.connect().await;
    lanes_are_shared(&mut database, 2).await;
    // Slow answers: some attempts are open and the rest waits in memory when it freezes.
    fleet.third_party_takes(Duration::from_millis(700));
    let load = Load::start(&tenants, &fleet.doors, 4, Duration::ZERO);
    load.reaches(80).await;

    let frozen = fleet.take(0);
    let life = life_of(&mut database, &frozen.url, &tenants[0]).await;
    frozen.signal(Signal::SIGSTOP);
    let frozen_at = Instant::now();
    fleet.doors.close(&frozen.url);
    in_time(&passes_on(&mut database, life, frozen_at).await);
    fleet.third_party_takes(Duration::ZERO);
    let ledger = load.stop().await;
    ledger.lost_answers(frozen_at, Instant::now());
    ledger.balances(&fleet.third_party, &mut database).await;
    let (sent, noted) = (fleet.third_party.count(), entries(&mut database).await);
    assert_eq!(noted, written_by_results(&mut database).await);

    frozen.signal(Signal::SIGCONT);
    let alive = eventually("it has begun a new life", SOON, async || {
        let owners = owners(&mut database).await;
        (owners.len() == 2 && !owners.contains(&life)).then_some(owners)
    })
    .await;
    assert_eq!(alive.len(), 2);
    frozen.wait_until_ready().await;
    assert_eq!(
        fleet.third_party.count(),
        sent,
        "the old life sends nothing"
    );
    assert_eq!(
        entries(&mut database).await,
        noted,
        "the old life notes nothing"
    );

    // It goes on as if nothing had been.
    for tenant in &tenants {
        tenant.at(&frozen.url).send(CONSUMER, "thawed 1").await;
    }
    everything_is_recorded(&mut database).await;
    assert_eq!(fleet.third_party.count(), sent + 2);
}

/// How many attempts are in the history.
async fn entries(database: &mut sqlx::PgConnection) -> i64 {
    sqlx::query_scalar("select count(*) from history where kind = 2")
        .fetch_one(database)
        .await
        .unwrap()
}

/// How many attempts there should be: one of each message, since only one life may write what it came to.
async fn written_by_results(database: &mut sqlx::PgConnection) -> i64 {
    sqlx::query_scalar("select count(*) from message_states")
        .fetch_one(database)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_only_replica_sends_after_its_restart_what_it_had_promised() {
    let mut fleet = Fleet::start(1, &[("DISPATCH__LEASE_SECONDS", "1")]).await;
    let tenants = fleet.tenants(2).await;
    fleet.third_party_takes(Duration::from_millis(300));
    let load = Load::start(&tenants, &fleet.doors, 4, Duration::ZERO);
    load.reaches(100).await;

    let victim = fleet.take(0);
    let url = victim.url.clone();
    victim.kill_9();
    load.ledger.killed();
    fleet.doors.close(&url);
    fleet.third_party_takes(Duration::ZERO);
    let again = fleet.spawn();
    fleet.takes_up(again).await;

    let ledger = load.stop().await;
    let mut database = fleet.connect().await;
    ledger.balances(&fleet.third_party, &mut database).await;
}

#[tokio::test]
async fn a_small_storm_of_kills_loses_nothing_and_doubles_nothing_without_a_reason() {
    kill_storm(10, Duration::from_millis(30)).await;
}

#[tokio::test]
#[ignore = "minutes of kills; .ci/deep runs it"]
async fn a_long_storm_of_kills_loses_nothing_and_doubles_nothing_without_a_reason() {
    kill_storm(150, Duration::from_millis(20)).await;
}

/// Kills a random one of three replicas again and again under load, and starts another in its place.
async fn kill_storm(kills: usize, pause: Duration) {
    let mut fleet = Fleet::start(3, &[("DISPATCH__LEASE_SECONDS", "2")]).await;
    let tenants = fleet.tenants(4).await;
    let mut database = fleet.connect().await;
    lanes_are_shared(&mut database, 3).await;
    fleet.third_party_takes(Duration::from_millis(20));
    let load = Load::start(&tenants, &fleet.doors, 3, pause);
    for _ in 0..kills {
        let (victim, messages) = {
            let mut random = rand::rng();
            (random.random_range(0..3), random.random_range(10..60))
        };
        load.reaches(load.ledger.promised().len() + messages).await;
        let victim = fleet.take(victim);
        let url = victim.url.clone();
        victim.kill_9();
        load.ledger.killed();
        fleet.doors.close(&url);
        let next = fleet.spawn();
        fleet.takes_up(next).await;
    }
    let ledger = load.stop().await;
    ledger.balances(&fleet.third_party, &mut database).await;
    println!(
        "{kills} kills: {} messages promised, {} sent again",
        ledger.promised().len(),
        repeats(&fleet.third_party)
    );
}
