//! What taking a message in costs when many others came before it in the same week.

use std::error::Error;

use nexus_gateway::platform::clock::Clock;
use nexus_gateway::platform::database::partitions::week_of;

use crate::bench::{Bench, Subject, Until};
use crate::doors::Door;
use crate::figures::{Figures, median};
use crate::load::Load;
use crate::postgres::GATEWAY;
use crate::report::Report;

pub async fn run(bench: &Bench) -> Result<(), Box<dyn Error>> {
    let report = &bench.report;
    Report::begin(
        "keys",
        "signed messages, beside the de-duplication keys of earlier ones",
    );
    let subject = bench.gateway().await?;
    bench
        .warm_up(&subject, Door::ThirdParty, Until::Answered)
        .await?;
    bench.postgres.tidy(GATEWAY).await?;
    let empty = accept(bench, &subject, "no keys").await?;
    let week = week_of(Clock::system().now_ms());
    let keys = bench.options.keys;
    bench
        .postgres
        .add_keys(subject.tenant.ccid, week, keys)
        .await?;
    bench.postgres.tidy(GATEWAY).await?;
    let full = accept(bench, &subject, &format!("{keys} keys")).await?;
    let figure = format!("keys: CPU with {keys}, times that with none");
    report.at_most(&figure, full / empty, 1.5, 1.2);
    Ok(())
}

/// The processor time of both, the median of the rounds.
async fn accept(bench: &Bench, subject: &Subject, name: &str) -> Result<f64, Box<dyn Error>> {
    let load = Load {
        rate: None,
        ..bench.load()
    };
    let rounds = bench
        .rounds(subject, Door::ThirdParty, load, Until::Answered)
        .await?;
    let cpu = median(rounds.iter().map(Figures::cpu));
    bench.report.add_rounds("keys", name, rounds);
    Ok(cpu)
}
