//! What a gateway does that has nothing to do, and how soon it is at work.

use std::error::Error;
use std::time::Duration;

use crate::bench::{Bench, Until};
use crate::doors::Door;
use crate::figures::median;
use crate::report::Report;
use crate::usage;

/// Few enough for each message to find the gateway asleep.
const RATE: f64 = 20.0;

pub async fn run(bench: &Bench) -> Result<(), Box<dyn Error>> {
    let report = &bench.report;
    Report::begin("idle", "a message now and then, and none");
    let subject = bench.gateway().await?;
    bench
        .warm_up(&subject, Door::Submit, Until::Delivered)
        .await?;
    // A p99 says something only of many.
    let mut load = bench.paced(RATE);
    load.requests *= 3;
    let rounds = bench
        .rounds(&subject, Door::Submit, load, Until::Delivered)
        .await?;
    let p99 = median(rounds.iter().map(|figures| figures.arrival_p99_ms));
    report.add_rounds("idle", "gateway, 20/s", rounds);
    report.at_most("idle: arrival p99 ms", p99, 20.0, 5.0);

    let seconds = f64::from(bench.options.seconds);
    let [program] = subject.programs.as_slice() else {
        return Err("one replica is measured".into());
    };
    let before = bench.postgres.counters(subject.database).await?;
    let used = usage::processor_time(program.id())?;
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    let after = bench.postgres.counters(subject.database).await?;
    let used = usage::processor_time(program.id())?.saturating_sub(used);
    let statements = (after.statements - before.statements) / seconds;
    report.at_most(
        "idle: statements a second of one replica",
        statements,
        2.0,
        1.7,
    );
    report.shows(
        "idle: CPU ms a second of one replica",
        used.as_secs_f64() * 1000.0 / seconds,
    );
    Ok(())
}
