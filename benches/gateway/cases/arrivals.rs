//! How long a message takes from when it is due to its webhook, at rates that leave the machine idle in between.

use std::error::Error;

use super::side_by_side::Pair;
use crate::bench::{Bench, Until};
use crate::doors::Door;
use crate::reference::Kind;
use crate::report::Report;

pub async fn run(bench: &Bench) -> Result<(), Box<dyn Error>> {
    let report = &bench.report;
    Report::begin("arrivals", "from when a message is due to its webhook");
    let pair = Pair::start(bench, Kind::Pipeline, Door::Submit, Until::Delivered).await?;
    let slow = pair.measure(bench, "at 300/s", bench.paced(300.0)).await?;
    let fast = pair
        .measure(bench, "at 2,000/s", bench.paced(2000.0))
        .await?;
    let times = slow.ratio(|figures| figures.arrival_p50_ms);
    report.at_most(
        "arrivals: p50 at 300/s, times the reference",
        times,
        1.5,
        1.2,
    );
    let faster = fast.ratio(|figures| figures.arrival_p50_ms);
    report.shows("arrivals: p50 at 2,000/s, times the reference", faster);
    let p50 = |figures: &crate::figures::Figures| figures.arrival_p50_ms;
    let growth = fast.of_gateway(p50) / slow.of_gateway(p50);
    report.at_most(
        "arrivals: p50 at 2,000/s, times that at 300/s",
        growth,
        2.0,
        1.3,
    );
    Ok(())
}
