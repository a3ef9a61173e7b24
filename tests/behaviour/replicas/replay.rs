//! A replica that is killed in the middle of a replay: another goes on where it was.

use nexus_gateway::values::HistoryId;
use serde_json::json;
use sqlx::PgConnection;

use super::death::life_of;
use crate::gateway::replays::{begin, completed, dead_letters, figures, people, replay};
use crate::harness::eventually::eventually;
use crate::harness::fleet::{Fleet, lanes_are_shared};
use crate::harness::tenant::SOON;

const LETTERS: usize = 200;
const RATE: i64 = 50;
/// What a replay at this rate sends at once, twice.
const TWO_STEPS: i64 = 24;

#[tokio::test]
async fn a_replay_survives_the_replica_that_works_on_it_and_keeps_its_rate() {
    let mut fleet = Fleet::start(2, &[("DISPATCH__LEASE_SECONDS", "1")]).await;
    let tenant = fleet.tenants(1).await.remove(0);
    let mut database = fleet.connect().await;
    // The one lane is somebody's.
    lanes_are_shared(&mut database, 1).await;
    let mut lives = Vec::new();
    for server in &fleet.servers {
        lives.push(life_of(&mut database, &server.url, &tenant).await);
    }
    let letters = dead_letters(&fleet.third_party, &tenant, &people(LETTERS), "spring").await;

    let body = json!({ "filter": {}, "ratePerSecond": RATE });
    let id = begin(&tenant, &body).await;
    eventually("it is in the middle of its work", SOON, async || {
        (figures(&replay(&tenant, &id).await).1 >= 40).then_some(())
    })
    .await;
    let owner = owner(&mut database).await;
    let victim = lives.iter().position(|life| *life == owner).unwrap();
    fleet.take(victim).kill_9();
    let survivor = tenant.at(&fleet.servers[0].url);

    let ended = completed(&survivor, &id).await;
    assert_eq!(figures(&ended), (200, 200, 0));
    for letter in &letters {
        survivor.wait_for_status(letter, "Sent").await;
    }
    let redriven = redriven(&mut database).await;
    let mut once: Vec<i64> = redriven.iter().map(|(message, _)| *message).collect();
    once.dedup();
    assert_eq!(
        (redriven.len(), once.len()),
        (LETTERS, LETTERS),
        "each once"
    );
    no_stretch_is_too_fast(redriven.into_iter().map(|(_, at)| at).collect());
}

/// The life that works on the only replay.
async fn owner(database: &mut PgConnection) -> (i16, i64) {
    sqlx::query_as("select owner_number, owner_life from replays")
        .fetch_one(database)
        .await
        .unwrap()
}

/// The messages that began a new life, with when, in the order of the messages.
async fn redriven(database: &mut PgConnection) -> Vec<(i64, i64)> {
    let rows: Vec<(i64, i64)> =
        sqlx::query_as("select subject, id from history where kind = 10 and status = 0 order by 1")
            .fetch_all(database)
            .await
            .unwrap();
    let at = |id| HistoryId::from_i64(id).unix_ms();
    rows.into_iter()
        .map(|(subject, id)| (subject, at(id)))
        .collect()
}

fn no_stretch_is_too_fast(mut times: Vec<i64>) {
    times.sort_unstable();
    for (from, first) in times.iter().enumerate() {
        for (until, last) in times.iter().enumerate().skip(from) {
            let count = i64::try_from(until - from + 1).unwrap();
            // The clocks of the two may differ by some milliseconds.
            let took_ms = last - first + 100;
            assert!(
                count <= RATE * took_ms / 1_000 + TWO_STEPS,
                "{count} within {took_ms} ms"
            );
        }
    }
}
