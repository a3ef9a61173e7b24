//! Signed messages, one in a request, until the 200 that says they are stored.

use std::error::Error;

use super::side_by_side::Pair;
use crate::bench::{Bench, Until};
use crate::doors::Door;
use crate::figures::Figures;
use crate::reference::Kind;
use crate::report::Report;

pub async fn run(bench: &Bench) -> Result<(), Box<dyn Error>> {
    let report = &bench.report;
    Report::begin("accepts", "a signed message until it is stored");
    let pair = Pair::start(bench, Kind::Ingest, Door::ThirdParty, Until::Answered).await?;
    let rounds = pair.measure(bench, "accepts", bench.load()).await?;
    let rate = rounds.ratio(|figures| figures.answered_per_second);
    report.at_least("accepts: rate, times the reference", rate, 0.5, 0.75);
    let cpu = rounds.ratio(Figures::cpu);
    report.at_most(
        "accepts: CPU of gateway and Postgres, times the reference",
        cpu,
        2.0,
        1.3,
    );
    let commits = rounds.of_gateway(|figures| figures.commits * 1000.0);
    report.at_most("accepts: flushes per 1,000", commits, 100.0, 70.0);
    Ok(())
}
