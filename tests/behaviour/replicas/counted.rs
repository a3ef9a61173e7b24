//! Statistics stay exact although the replica that folds them is killed under load.

use serde_json::Value;
use sqlx::PgConnection;

use super::death::life_of;
use crate::harness::eventually::eventually;
use crate::harness::fleet::{Fleet, lanes_are_shared};
use crate::harness::load::Load;
use crate::harness::tenant::{SOON, Tenant};

#[tokio::test]
async fn figures_are_exact_after_the_replica_that_folds_them_was_killed_under_load() {
    let mut fleet = Fleet::start(2, &[("DISPATCH__LEASE_SECONDS", "1")]).await;
    let tenants = fleet.tenants(2).await;
    let mut database = fleet.connect().await;
    lanes_are_shared(&mut database, 2).await;
    let mut lives = Vec::new();
    for server in &fleet.servers {
        lives.push(life_of(&mut database, &server.url, &tenants[0]).await);
    }
    let load = Load::start(
        &tenants,
        &fleet.doors,
        3,
        std::time::Duration::from_millis(20),
    );
    load.reaches(60).await;
    let folder = folder(&mut database).await;
    let victim = lives.iter().position(|life| *life == folder).unwrap();
    let before = sent_and_stored(&tenants, &fleet.servers[1 - victim].url).await;
    let victim = fleet.take(victim);
    let url = victim.url.clone();
    victim.kill_9();
    load.ledger.killed();
    fleet.doors.close(&url);
    load.reaches(load.ledger.promised().len() + 60).await;
    let ledger = load.stop().await;
    ledger.balances(&fleet.third_party, &mut database).await;

    let survivor = fleet.servers[0].url.clone();
    eventually("another folds", SOON, async || {
        let owners: Vec<(i16, i64)> = sqlx::query_as(
            "select owner_number, owner_life from tasks where name = 'fold statistics'",
        )
        .fetch_all(&mut database)
        .await
        .unwrap();
        let loose: i64 = sqlx::query_scalar("select count(*) from statistics_deltas")
            .fetch_one(&mut database)
            .await
            .unwrap();
        (owners.len() == 1 && owners[0] != folder && loose == 0).then_some(())
    })
    .await;
    let after = sent_and_stored(&tenants, &survivor).await;
    assert_eq!(after, stored(&mut database).await);
    assert!(
        before
            .iter()
            .zip(after)
            .all(|(before, after)| *before <= after)
    );
}

/// Whose task the folding is, once there is something to fold.
async fn folder(database: &mut PgConnection) -> (i16, i64) {
    eventually("somebody folds", SOON, async || {
        sqlx::query_as("select owner_number, owner_life from tasks where name = 'fold statistics'")
            .fetch_optional(&mut *database)
            .await
            .unwrap()
    })
    .await
}

/// Received, submitted, sent and delivered, of all tenants together, as the figures have it.
async fn sent_and_stored(tenants: &[Tenant], url: &str) -> [i64; 4] {
    let mut sums = [0; 4];
    for tenant in tenants {
        let reply = tenant.at(url).get("/nexus/v3/statistics").await;
        assert_eq!(reply.status, 200, "{:?}", reply.json());
        let items = reply.json()["data"]["items"].as_array().unwrap().clone();
        for (sum, name) in sums
            .iter_mut()
            .zip(["received", "submitted", "sent", "delivered"])
        {
            let figure = |item: &Value| item[name].as_i64().unwrap();
            *sum += items.iter().map(figure).sum::<i64>();
        }
    }
    sums
}

/// The same as the messages themselves have it.
async fn stored(database: &mut PgConnection) -> [i64; 4] {
    let (received, submitted, sent, delivered) = sqlx::query_as(
        "select (select count(*) from messages where direction = 0), (select count(*) from messages where direction = 1),
                (select count(*) from message_states where status >= 20),
                (select count(*) from message_states where status = 40)",
    )
    .fetch_one(database)
    .await
    .unwrap();
    [received, submitted, sent, delivered]
}
