//! Submitted messages, one in a request, until their signed webhook has arrived.

use std::error::Error;

use super::side_by_side::Pair;
use crate::bench::{Bench, Until};
use crate::doors::Door;
use crate::figures::{Figures, as_f64};
use crate::reference::Kind;
use crate::report::Report;

pub async fn run(bench: &Bench) -> Result<(), Box<dyn Error>> {
    let report = &bench.report;
    Report::begin(
        "delivered",
        "a submitted message until its webhook has arrived",
    );
    let pair = Pair::start(bench, Kind::Pipeline, Door::Submit, Until::Delivered).await?;
    let rounds = pair.measure(bench, "delivered", bench.load()).await?;
    let rate = rounds.ratio(|figures| figures.delivered_per_second);
    report.at_least("delivered: rate, times the reference", rate, 0.4, 0.65);
    let cpu = rounds.ratio(Figures::cpu);
    report.at_most(
        "delivered: CPU of gateway and Postgres, times the reference",
        cpu,
        2.5,
        1.5,
    );
    let wal = rounds.of_gateway(|figures| figures.wal_bytes);
    report.at_most("delivered: WAL bytes per message", wal, 2000.0, 1500.0);
    let statements = rounds.of_gateway(|figures| figures.statements);
    report.at_most("delivered: statements per message", statements, 0.3, 0.12);
    let lost = rounds.of_gateway(|figures| as_f64(figures.missing + figures.repeats));
    report.at_most("delivered: missing and repeated", lost, 0.0, 0.0);
    Ok(())
}
