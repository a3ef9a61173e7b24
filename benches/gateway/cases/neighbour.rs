//! What a tenant notices of another one whose endpoint hangs.

use std::error::Error;

use crate::bench::{Bench, Subject, Until};
use crate::doors::Door;
use crate::figures::median;
use crate::report::Report;
use crate::tenant::Tenant;

/// Messages a second of the tenant that is all right.
const RATE: f64 = 300.0;

pub async fn run(bench: &Bench) -> Result<(), Box<dyn Error>> {
    let report = &bench.report;
    Report::begin(
        "neighbour",
        "one tenant while many messages of another wait for an endpoint that hangs",
    );
    let subject = bench.gateway().await?;
    bench
        .warm_up(&subject, Door::Submit, Until::Delivered)
        .await?;
    let alone = arrive(bench, &subject, "alone").await?;
    let neighbour = Tenant::neighbour(&bench.sink.hanging_webhook());
    for program in &subject.programs {
        neighbour.provision(&program.address).await?;
    }
    let target = bench.target(Door::Submit, &subject.programs, &neighbour);
    let queued = bench.options.queued;
    Bench::bulk(queued).run(&target).await?;
    let beside = arrive(bench, &subject, &format!("beside {queued}")).await?;
    let figure = format!("neighbour: p99 beside {queued}, times that alone");
    report.at_most(&figure, beside / alone, 1.5, 1.1);
    Ok(())
}

/// The p99 of arrivals in milliseconds, the median of the rounds.
async fn arrive(bench: &Bench, subject: &Subject, name: &str) -> Result<f64, Box<dyn Error>> {
    let load = bench.paced(bench.options.rate.unwrap_or(RATE));
    let rounds = bench
        .rounds(subject, Door::Submit, load, Until::Delivered)
        .await?;
    let p99 = median(rounds.iter().map(|figures| figures.arrival_p99_ms));
    bench.report.add_rounds("neighbour", name, rounds);
    Ok(p99)
}
