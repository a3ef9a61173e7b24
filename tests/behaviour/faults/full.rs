//! Postgres' disk is full: once the one with the tables, where it refuses what needs room, and once the one with the
//! log, where it cannot go on at all.
#![expect(
    clippy::print_stdout,
    reason = "the figures are for whoever runs these tests"
)]

use std::time::{Duration, Instant};

use nexus_gateway::platform::database::embedded::Durability;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use super::site::Site;
use crate::harness::cluster::private;
use crate::harness::disk::{order, run_with_disks};

/// Everything goes on by itself so soon after there is room again.
const RESUMES: Duration = Duration::from_secs(5);

#[test]
fn a_full_disk_below_the_tables_costs_refusals_and_nothing_else() {
    run_with_disks(concat!(module_path!(), "::fills_the_tables_disk"), "1");
}

#[test]
fn a_full_disk_below_the_log_costs_refusals_and_nothing_else() {
    run_with_disks(concat!(module_path!(), "::fills_the_logs_disk"), "1");
}

#[test]
#[ignore = "minutes of full disks; .ci/deep runs it"]
fn disks_that_are_full_again_and_again_lose_and_double_nothing_and_are_soon_forgotten() {
    run_with_disks(concat!(module_path!(), "::fills_the_tables_disk"), "10");
    run_with_disks(concat!(module_path!(), "::fills_the_logs_disk"), "5");
}

#[tokio::test]
#[ignore = "not a test: the tests above run it where it may mount disks"]
async fn fills_the_tables_disk() {
    let Some(times) = times() else { return };
    let mut cluster = private(Durability::Full).await;
    cluster.moves_to_a_disk("base", 128).await;
    let site = Site::start_on(cluster).await;
    for _ in 0..times {
        site.cluster.disk().fill();
        site.is_not_ready().await;
        site.refuses_somebody().await;
        site.stays_unready().await;
        let room = Instant::now();
        site.cluster.disk().make_room();
        resumes(&site, room, times).await;
    }
    site.balances().await;
}

#[tokio::test]
#[ignore = "not a test: the tests above run it where it may mount disks"]
async fn fills_the_logs_disk() {
    let Some(times) = times() else { return };
    let mut cluster = private(Durability::Full).await;
    cluster.moves_to_a_disk("pg_wal", 96).await;
    let mut site = Site::start_on(cluster).await;
    for _ in 0..times {
        site.cluster.disk().fill();
        let options = site.cluster.connect_options("postgres");
        tokio::select! {
            () = site.cluster.gives_up() => {}
            () = the_log_grows(&options) => {}
        }
        site.is_not_ready().await;
        site.refuses_somebody().await;
        // Whoever looks after it starts it again and again.
        site.cluster.does_not_start().await;
        site.cluster.does_not_start().await;
        site.cluster.disk().make_room();
        site.cluster.start().await;
        resumes(&site, Instant::now(), times).await;
    }
    site.balances().await;
}

/// Writes as much as can be written, again and again.
async fn the_log_grows(options: &PgConnectOptions) {
    loop {
        if let Ok(mut connection) = options.connect().await {
            while sqlx::query("select pg_logical_emit_message(true, 'test', repeat('x', 1000000))")
                .execute(&mut connection)
                .await
                .is_ok()
            {}
        }
        // The server recovers meanwhile, or does not.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Everything works again, in time where the test has the machine to itself.
async fn resumes(site: &Site, room: Instant, times: usize) {
    let promised = site.load.ledger.promised().len();
    site.load.reaches(promised + 10).await;
    let took = room.elapsed();
    site.recovers().await;
    println!("messages are taken {took:?} after there is room");
    assert!(times == 1 || took < RESUMES, "{took:?}");
}

fn times() -> Option<usize> {
    order().map(|times| times.parse().unwrap())
}
