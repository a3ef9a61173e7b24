//! What a gateway holds in memory: at rest, under load, and while many wait for an endpoint that hangs.

use std::error::Error;
use std::time::Duration;

use crate::bench::{Bench, Until};
use crate::doors::Door;
use crate::figures::median;
use crate::load::Load;
use crate::report::Report;
use crate::tenant::Tenant;
use crate::usage;

pub async fn run(bench: &Bench) -> Result<(), Box<dyn Error>> {
    let report = &bench.report;
    Report::begin("memory", "at rest, under load, with many waiting");
    let subject = bench.gateway().await?;
    let [program] = subject.programs.as_slice() else {
        return Err("one replica is measured".into());
    };
    let pause = Duration::from_secs(5);
    tokio::time::sleep(pause).await;
    let rest = usage::resident_megabytes(program.id())?;
    report.at_most("memory: MB at rest", rest, 40.0, 20.0);

    let load = Load {
        rate: None,
        ..bench.load()
    };
    let rounds = bench
        .rounds(&subject, Door::Submit, load, Until::Delivered)
        .await?;
    let peak = median(rounds.iter().map(|figures| figures.peak_megabytes));
    report.add_rounds("memory", "gateway", rounds);
    report.at_most("memory: MB under load, at most", peak, 60.0, 40.0);

    let other = Tenant::neighbour(&bench.sink.hanging_webhook());
    other.provision(&program.address).await?;
    let target = bench.target(Door::Submit, &subject.programs, &other);
    Bench::bulk(bench.options.queued).run(&target).await?;
    tokio::time::sleep(pause).await;
    let waiting = usage::resident_megabytes(program.id())?;
    let queued = bench.options.queued;
    report.at_most(
        &format!("memory: MB with {queued} waiting"),
        waiting,
        100.0,
        60.0,
    );
    Ok(())
}
