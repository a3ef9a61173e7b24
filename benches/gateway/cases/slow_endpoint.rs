//! How near an endpoint that takes its time comes to what its limit of open webhooks lets through.

use std::error::Error;
use std::time::Duration;

use crate::bench::{Bench, Until};
use crate::doors::Door;
use crate::figures::{as_f64, median};
use crate::report::Report;
use crate::tenant::Tenant;

const LATENCY: Duration = Duration::from_millis(50);
const IN_FLIGHT: usize = 512;

pub async fn run(bench: &Bench) -> Result<(), Box<dyn Error>> {
    let report = &bench.report;
    Report::begin("slow-endpoint", "answers take 50 ms, 512 are open at once");
    let mut tenant = Tenant::usual(&bench.sink.webhook("slow"));
    for channel in &mut tenant.channels {
        channel.max_in_flight = Some(IN_FLIGHT);
    }
    let subject = bench.gateways(1, tenant, &[]).await?;
    bench.sink.set_latency(LATENCY);
    // Many in a request, so that taking them in is not the limit.
    let load = Bench::bulk(bench.options.messages * 2);
    bench
        .measure(&subject, Door::Submit, load, Until::Delivered)
        .await?;
    let rounds = bench
        .rounds(&subject, Door::Submit, load, Until::Delivered)
        .await;
    let open = bench.sink.open_max();
    bench.sink.set_latency(Duration::ZERO);
    let rounds = rounds?;
    let rate = median(rounds.iter().map(|figures| figures.delivered_per_second));
    report.add_rounds("slow-endpoint", "gateway", rounds);
    let possible = as_f64(IN_FLIGHT) / LATENCY.as_secs_f64();
    report.at_least(
        "slow-endpoint: rate, of 512 / 50 ms",
        rate / possible,
        0.85,
        0.93,
    );
    let limit = as_f64(IN_FLIGHT);
    report.at_most("slow-endpoint: open at once", as_f64(open), limit, limit);
    Ok(())
}
