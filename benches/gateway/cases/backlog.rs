//! What delivering costs Postgres while many others of the same lane wait for their time.

use std::error::Error;

use nexus_gateway::platform::clock::{Clock, rfc3339};

use crate::bench::{Bench, Subject, Until};
use crate::doors::Door;
use crate::figures::{Figures, median};
use crate::load::Load;
use crate::postgres::GATEWAY;
use crate::report::Report;

/// What is delivered while the others wait.
const DELIVERED: usize = 20_000;
/// A backlog that nobody notices.
const FEW: usize = 10_000;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

pub async fn run(bench: &Bench) -> Result<(), Box<dyn Error>> {
    let report = &bench.report;
    Report::begin(
        "backlog",
        "delivering 20,000 while others wait for their time",
    );
    let subject = bench.gateway().await?;
    bench
        .warm_up(&subject, Door::Submit, Until::Delivered)
        .await?;
    wait(bench, &subject, FEW).await?;
    let few = deliver(bench, &subject, "10,000 wait").await?;
    let waiting = bench.options.waiting;
    wait(bench, &subject, waiting.saturating_sub(FEW)).await?;
    let many = deliver(bench, &subject, &format!("{waiting} wait")).await?;
    report.at_most(
        &format!("backlog: Postgres CPU with {waiting} waiting, times that with 10,000"),
        many / few,
        1.5,
        1.15,
    );
    let snapshot = bench.postgres.held_snapshot(GATEWAY).await?;
    let held = deliver(bench, &subject, "and a snapshot is held").await?;
    drop(snapshot);
    report.at_most(
        "backlog: the same with a snapshot held open",
        held / few,
        2.0,
        1.3,
    );
    Ok(())
}

/// Submits messages for tomorrow.
async fn wait(bench: &Bench, subject: &Subject, messages: usize) -> Result<(), Box<dyn Error>> {
    let mut target = bench.target(Door::Submit, &subject.programs, &subject.tenant);
    target.not_before = Some(rfc3339(Clock::system().now_ms() + DAY_MS));
    Bench::bulk(messages).run(&target).await?;
    bench.postgres.tidy(GATEWAY).await
}

/// Postgres's processor time, the median of the rounds.
async fn deliver(bench: &Bench, subject: &Subject, name: &str) -> Result<f64, Box<dyn Error>> {
    let load = Load {
        requests: DELIVERED,
        rate: None,
        ..bench.load()
    };
    let rounds = bench
        .rounds(subject, Door::Submit, load, Until::Delivered)
        .await?;
    let of = |figures: &Figures| figures.postgres_cpu;
    let cpu = median(rounds.iter().map(of));
    bench.report.add_rounds("backlog", name, rounds);
    Ok(cpu)
}
