//! Two replicas: what it costs that the other one sends, and that nothing is lost and no limit is passed.

use std::error::Error;
use std::time::Duration;

use crate::bench::{Bench, Subject, Until};
use crate::doors::Door;
use crate::figures::{Figures, as_f64, median};
use crate::report::Report;
use crate::tenant::{Channel, Tenant};

/// Lanes that two replicas share.
const LANES: usize = 8;
/// Webhooks that one lane has open at once.
const IN_FLIGHT: usize = 16;
/// Short enough for the sink not to be the limit, and long enough for a lane to be at its own.
const LATENCY: Duration = Duration::from_millis(5);

pub async fn run(bench: &Bench) -> Result<(), Box<dyn Error>> {
    Report::begin("replicas", "two of them, each with half of the load");
    crosses_over(bench).await?;
    let one = shares_lanes(bench, 1).await?;
    let two = shares_lanes(bench, 2).await?;
    bench
        .report
        .shows("replicas: rate of 2, times that of 1", two / one);
    Ok(())
}

/// Every second message is accepted by the replica that does not send it.
async fn crosses_over(bench: &Bench) -> Result<(), Box<dyn Error>> {
    let tenant = Tenant::usual(&bench.sink.webhook("usual"));
    let subject = bench.gateways(2, tenant, &[]).await?;
    bench
        .warm_up(&subject, Door::Submit, Until::Delivered)
        .await?;
    let load = bench.paced(300.0);
    let rounds = bench
        .rounds(&subject, Door::Submit, load, Until::Delivered)
        .await?;
    let p50 = median(rounds.iter().map(|figures| figures.arrival_p50_ms));
    bench
        .report
        .add_rounds("replicas", "2 replicas, 1 lane, 300/s", rounds);
    bench
        .report
        .at_most("replicas: arrival p50 ms through 2", p50, 5.0, 2.0);
    Ok(())
}

/// Answers how many were delivered a second.
async fn shares_lanes(bench: &Bench, replicas: usize) -> Result<f64, Box<dyn Error>> {
    let mut tenant = Tenant::usual("");
    tenant.channels = (0..LANES)
        .map(|lane| Channel {
            max_in_flight: Some(IN_FLIGHT),
            ..Channel::new(
                &format!("1650466{lane:04}"),
                &bench.sink.webhook(&lane.to_string()),
            )
        })
        .collect();
    let subject = bench.gateways(replicas, tenant, &[]).await?;
    bench.sink.set_latency(LATENCY);
    let measured = share(bench, &subject).await;
    bench.sink.set_latency(Duration::ZERO);
    let (rounds, open) = measured?;
    let of = |of: fn(&Figures) -> f64| median(rounds.iter().map(of));
    let rate = of(|figures| figures.delivered_per_second);
    let lost = rounds
        .iter()
        .map(|figures| figures.missing + figures.repeats)
        .sum();
    let name = format!("{replicas} replica(s), {LANES} lanes");
    let report = &bench.report;
    report.add_rounds("replicas", &name, rounds);
    report.at_most(
        &format!("{name}: missing and repeated"),
        as_f64(lost),
        0.0,
        0.0,
    );
    let limit = as_f64(IN_FLIGHT);
    report.at_most(
        &format!("{name}: open in one lane"),
        as_f64(open),
        limit,
        limit,
    );
    Ok(rate)
}

/// The rounds, and the most webhooks that a lane had open in any of them.
async fn share(bench: &Bench, subject: &Subject) -> Result<(Vec<Figures>, usize), Box<dyn Error>> {
    bench
        .warm_up(subject, Door::Submit, Until::Delivered)
        .await?;
    // More than the lanes may have open, so that each is at its limit.
    let load = Bench::bulk(bench.options.messages);
    let (mut rounds, mut open) = (Vec::new(), 0);
    for _round in 0..bench.options.rounds {
        rounds.push(
            bench
                .measure(subject, Door::Submit, load, Until::Delivered)
                .await?,
        );
        open = open.max(bench.sink.open_max());
    }
    Ok((rounds, open))
}
