//! A Postgres that is there, and takes its time: somebody holds a whole table, or every statement takes long to arrive.
#![expect(
    clippy::print_stdout,
    reason = "the figures are for whoever runs these tests"
)]

use std::time::Duration;

use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::site::Site;
use crate::harness::eventually::eventually;

/// What every message passes through, and every tick.
const HOTTEST: [&str; 3] = ["messages", "deliveries", "replicas"];
const HOT: [&str; 13] = [
    "messages",
    "deliveries",
    "message_states",
    "history",
    "inbound_keys",
    "provider_ids",
    "suppressions",
    "conversations",
    "lanes",
    "lives",
    "replicas",
    "directory",
    "statistics_deltas",
];
/// How long a table is held where nobody is refused because of it.
const HELD: Duration = Duration::from_secs(4);
/// What callers were promised, on a machine that has time for them.
const REFUSED_WITHIN: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_table_that_somebody_else_holds_costs_refusals_and_nothing_else() {
    hold(&HOTTEST).await;
}

#[tokio::test]
#[ignore = "minutes of locks; .ci/deep runs it"]
async fn whichever_table_somebody_else_holds_it_costs_refusals_in_time_and_nothing_else() {
    let slowest = hold(&HOT).await;
    assert!(slowest <= REFUSED_WITHIN, "{slowest:?}");
}

/// Locks each of these tables against everybody, one after the other; how long the slowest refusal took.
async fn hold(tables: &[&str]) -> Duration {
    let site = Site::start().await;
    let options = site.cluster.connect_options("nexus_gateway");
    let mut operator = options.connect().await.unwrap();
    for table in tables {
        let mut holding = operator.begin().await.unwrap();
        let lock = format!("lock table {table} in access exclusive mode");
        let locked = sqlx::query(AssertSqlSafe(lock))
            .execute(&mut *holding)
            .await;
        locked.unwrap();
        let before = site.load.ledger.refusals();
        let refused = eventually("some are refused", Duration::MAX, async || {
            (site.load.ledger.refusals() > before + 10).then_some(())
        });
        let refused = tokio::time::timeout(HELD, refused).await;
        println!("{table}: refused {}", refused.is_ok());
        site.lives().await;
        holding.rollback().await.unwrap();
        site.recovers().await;
    }
    let slowest = site.load.ledger.slowest_refusal();
    println!("the slowest refusal took {slowest:?}");
    site.balances().await;
    slowest
}

#[tokio::test]
async fn a_store_that_takes_two_seconds_for_each_statement_costs_refusals_and_nothing_else() {
    let (site, proxy) = Site::behind_a_proxy().await;
    proxy.delays(Duration::from_secs(2));
    site.is_not_ready().await;
    site.refuses_somebody().await;
    proxy.delays(Duration::ZERO);
    site.recovers().await;
    println!(
        "the slowest refusal took {:?}",
        site.load.ledger.slowest_refusal()
    );
    site.balances().await;
}
