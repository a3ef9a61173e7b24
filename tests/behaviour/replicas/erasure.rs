//! A replica that is killed in the middle of an erasure: another goes on where it was.

use std::time::Duration;

use sqlx::PgConnection;

use super::death::life_of;
use crate::harness::eventually::eventually;
use crate::harness::fleet::{Fleet, lanes_are_shared};
use crate::harness::tenant::SOON;
use crate::privacy::erasing::{begin, completed, erasure};

/// Nobody else writes to or from it.
const CONSUMER: &str = "16505557381";

#[tokio::test]
async fn an_erasure_survives_the_replica_that_works_on_it() {
    let mut fleet = Fleet::start(2, &[("DISPATCH__LEASE_SECONDS", "1")]).await;
    let tenant = fleet.tenants(1).await.remove(0);
    let mut database = fleet.connect().await;
    lanes_are_shared(&mut database, 1).await;
    let mut lives = Vec::new();
    for server in &fleet.servers {
        lives.push(life_of(&mut database, &server.url, &tenant).await);
    }
    for number in 0..5 {
        tenant
            .consumer_says(CONSUMER, &format!("canary {number}"))
            .await;
    }
    // While an attempt is under way, the erasure is not over.
    let before = fleet.third_party.count();
    fleet.third_party_takes(Duration::from_secs(5));
    tenant.send(CONSUMER, "canary under way").await;
    fleet.third_party.wait_for(before + 1).await;

    let id = begin(&tenant, CONSUMER).await;
    eventually("it is in the middle of its work", SOON, async || {
        (erasure(&tenant, &id).await["messages"] == 5).then_some(())
    })
    .await;
    let owner = owner(&mut database).await;
    let victim = lives.iter().position(|life| *life == owner).unwrap();
    fleet.take(victim).kill_9();
    let survivor = tenant.at(&fleet.servers[0].url);

    assert_eq!(completed(&survivor, &id).await["messages"], 6);
    let left: i64 = sqlx::query_scalar(
        "select (select count(*) from messages where content like '%canary%')
              + (select count(*) from conversations where consumer = $1) + (select count(*) from erased_subjects)",
    )
    .bind(CONSUMER)
    .fetch_one(&mut database)
    .await
    .unwrap();
    assert_eq!(left, 0);
}

/// The life that works on erasures.
async fn owner(database: &mut PgConnection) -> (i16, i64) {
    sqlx::query_as("select owner_number, owner_life from tasks where name = 'erase persons'")
        .fetch_one(database)
        .await
        .unwrap()
}
