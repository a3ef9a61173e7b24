//! What is past its time goes, and holds nobody up on its way.

use std::time::Duration;

use nexus_gateway::config::Config;
use nexus_gateway::janitor::weekly_tables;
use nexus_gateway::platform::clock::rfc3339;
use nexus_gateway::platform::database::partitions::{self, WEEK_MS, Weekly};
use nexus_gateway::simulator::Answer;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::gateway::environment;
use crate::harness::tenant::{CONSUMER, PHONE, SOON, Tenant};

#[tokio::test]
async fn a_partition_that_somebody_reads_is_dropped_later_and_traffic_goes_on() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let (tables, now_ms) = (tables(), gateway.clock.now_ms());
    let mut janitor = gateway.connect().await;
    let at_first = tables_there(&mut janitor).await;
    partitions::make(&mut janitor, &tables, now_ms - 30 * WEEK_MS)
        .await
        .unwrap();
    let made = tables_there(&mut janitor).await - at_first;
    assert!(made > 0);

    let mut reader = gateway.connect().await;
    let mut reading = reader.begin().await.unwrap();
    read_everything(&mut reading, &tables).await;
    let dropping = partitions::drop_expired(&mut janitor, &tables, now_ms);
    let (kept, ()) = tokio::join!(dropping, goes_on(&tenant));
    let kept = kept.unwrap();
    assert_eq!(
        (kept.partitions, kept.in_use),
        (0, made),
        "the reader is let finish"
    );
    goes_on(&tenant).await;

    // What was left half way is gone on with.
    reading.rollback().await.unwrap();
    let dropped = partitions::drop_expired(&mut janitor, &tables, now_ms).await;
    let dropped = dropped.unwrap();
    assert_eq!((dropped.partitions, dropped.in_use), (made, 0));
    assert_eq!(tables_there(&mut janitor).await, at_first);
    goes_on(&tenant).await;
    let timeout: String = sqlx::query_scalar("show lock_timeout")
        .fetch_one(&mut janitor)
        .await
        .unwrap();
    assert_eq!(timeout, "0", "the connection is as it was");
}

#[tokio::test]
async fn a_suppression_whose_time_is_over_leaves_nothing_behind() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let path = format!("/nexus/v3/suppressions/{PHONE}/{CONSUMER}");
    let in_an_hour = rfc3339(gateway.clock.now_ms() + 3_600_000);
    let put = tenant.put(&path, &json!({ "expiresAt": in_an_hour })).await;
    assert!(put.status < 300, "{:?}", put.json());
    gateway.clock.advance(Duration::from_hours(2));
    let mut database = gateway.connect().await;
    eventually("it is gone", SOON, async || {
        let left: i64 = sqlx::query_scalar("select count(*) from suppressions")
            .fetch_one(&mut database)
            .await
            .unwrap();
        (left == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_no_partition_takes_along_is_forgotten_when_its_time_is_over() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    gateway.third_party.answer_with([Answer::status(400)]);
    let dead = tenant.send(CONSUMER, "refused").await;
    tenant.wait_for_status(&dead, "Failed").await;
    tenant.consumer_says(CONSUMER, "hello").await;
    let conversations = tenant.get("/nexus/v3/conversations").await.json();
    let id = conversations["data"]["items"][0]["id"].as_str().unwrap();
    let close = format!("/nexus/v3/conversations/{id}/close");
    assert_eq!(
        tenant.post_once("a-key", &close, &json!({})).await.status,
        200
    );
    let replay = json!({ "filter": {}, "ratePerSecond": 1, "dryRun": true });
    assert_eq!(tenant.post("/nexus/v3/replays", &replay).await.status, 202);
    let erasure = json!({ "address": CONSUMER, "dryRun": true });
    assert_eq!(
        tenant.post("/nexus/v3/erasures", &erasure).await.status,
        202
    );
    let mut database = gateway.connect().await;
    sqlx::query("insert into lives (number, life, ended_at) values (1000, 1, now())")
        .execute(&mut database)
        .await
        .unwrap();
    for table in FORGOTTEN {
        eventually("there is something to forget", SOON, async || {
            (rows(&mut database, table).await > 0).then_some(())
        })
        .await;
    }

    gateway.clock.advance(Duration::from_hours(41 * 24));
    for table in FORGOTTEN {
        eventually(&format!("{table} is forgotten"), SOON, async || {
            (rows(&mut database, table).await == 0).then_some(())
        })
        .await;
    }
}

/// Tables whose rows go one by one, with what of them has an end.
const FORGOTTEN: [&str; 6] = [
    "dead_letters",
    "conversations where closed_at is not null",
    "idempotency_keys",
    "replays where ended_at is not null",
    "erasures where ended_at is not null",
    "lives where ended_at is not null",
];

async fn rows(database: &mut PgConnection, of: &str) -> i64 {
    let count = format!("select count(*) from {of}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(count))
        .fetch_one(database)
        .await
        .unwrap()
}

/// Messages are taken and delivered, both ways.
async fn goes_on(tenant: &Tenant) {
    for number in 0..10 {
        tenant
            .consumer_says(CONSUMER, &format!("in {number}"))
            .await;
        let id = tenant.send(CONSUMER, &format!("out {number}")).await;
        tenant.wait_for_status(&id, "Sent").await;
    }
}

/// What a long report does: it holds every partition of every table until it ends.
async fn read_everything(reader: &mut PgConnection, tables: &[Weekly]) {
    for table in tables {
        let look = format!("select count(*) from {}", table.table);
        sqlx::query(sqlx::AssertSqlSafe(look))
            .execute(&mut *reader)
            .await
            .unwrap();
    }
}

/// Tables of single weeks.
async fn tables_there(database: &mut PgConnection) -> usize {
    let count: i64 = sqlx::query_scalar(
        "select count(*) from pg_class where relkind = 'r' and relname ~ '_w[0-9]+$'",
    )
    .fetch_one(database)
    .await
    .unwrap();
    usize::try_from(count).unwrap()
}

fn tables() -> Vec<Weekly> {
    let environment = environment("postgres://nowhere/nothing", &[]);
    let config = Config::load(None, environment.into_iter()).unwrap();
    weekly_tables(&config.retention)
}
