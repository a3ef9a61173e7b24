//! Postgres goes away and comes back, in every way it can.

use rand::RngExt;

use super::site::Site;

/// How Postgres ends.
#[derive(Debug, Clone, Copy)]
enum End {
    /// In order: connections are told and cut.
    Fast,
    /// At once, without a word; recovery follows.
    Immediate,
    /// `kill -9` of the server process.
    Kill,
}

#[tokio::test]
async fn a_fast_restart_of_postgres_under_load_loses_and_doubles_nothing() {
    restarts(&[End::Fast]).await;
}

#[tokio::test]
async fn an_immediate_restart_of_postgres_under_load_loses_and_doubles_nothing() {
    restarts(&[End::Immediate]).await;
}

#[tokio::test]
async fn a_kill_of_postgres_under_load_loses_and_doubles_nothing() {
    restarts(&[End::Kill]).await;
}

#[tokio::test]
#[ignore = "minutes of restarts; .ci/deep runs it"]
async fn a_long_row_of_restarts_of_postgres_loses_and_doubles_nothing() {
    let ends = [End::Fast, End::Immediate, End::Kill];
    let row: Vec<End> = (0..40)
        .map(|_| ends[rand::rng().random_range(0..ends.len())])
        .collect();
    restarts(&row).await;
}

async fn restarts(ends: &[End]) {
    let mut site = Site::start().await;
    for end in ends {
        match end {
            End::Fast => site.cluster.stop_fast().await,
            End::Immediate => site.cluster.stop_immediate().await,
            End::Kill => site.cluster.kill_9().await,
        }
        site.is_not_ready().await;
        site.cluster.start().await;
        site.recovers().await;
    }
    site.balances().await;
}
