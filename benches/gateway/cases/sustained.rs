//! Whether the tenth minute is like the second.

use std::error::Error;

use crate::bench::{Bench, Until};
use crate::doors::Door;
use crate::figures::{Figures, as_f64, median};
use crate::load::Load;
use crate::postgres::Sizes;
use crate::report::Report;

const MEGABYTE: f64 = 1024.0 * 1024.0;

pub async fn run(bench: &Bench) -> Result<(), Box<dyn Error>> {
    let report = &bench.report;
    Report::begin("sustained", "half of what is possible, minute by minute");
    let subject = bench.gateway().await?;
    bench
        .warm_up(&subject, Door::Submit, Until::Delivered)
        .await?;
    let flat_out = Load {
        rate: None,
        ..bench.load()
    };
    let possible = bench
        .rounds(&subject, Door::Submit, flat_out, Until::Delivered)
        .await?;
    let capacity = median(possible.iter().map(|figures| figures.delivered_per_second));
    report.add_rounds("sustained", "as much as possible", possible);
    let rate = bench.options.rate.unwrap_or(capacity / 2.0);
    let mut minutes = Vec::new();
    for minute in 1..=bench.options.minutes {
        let figures = bench
            .measure(
                &subject,
                Door::Submit,
                minute_at(bench, rate),
                Until::Delivered,
            )
            .await?;
        let sizes = bench.postgres.sizes().await?;
        report.add_rounds(
            "sustained",
            &format!("minute {minute}"),
            vec![figures.clone()],
        );
        show(bench, minute, sizes);
        minutes.push((figures, sizes));
    }
    compare(bench, rate, &minutes);
    Ok(())
}

fn minute_at(bench: &Bench, rate: f64) -> Load {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is positive and small"
    )]
    let requests = (rate * 60.0) as usize;
    Load {
        requests,
        rate: Some(rate),
        ..bench.load()
    }
}

fn show(bench: &Bench, minute: u32, sizes: Sizes) {
    for (name, bytes) in [
        ("queue", sizes.queue),
        ("queue's indexes", sizes.queue_indexes),
        ("all tables", sizes.tables),
        ("all indexes", sizes.indexes),
    ] {
        let figure = format!("sustained: MB of the {name} after minute {minute}");
        bench.report.shows(&figure, bytes / MEGABYTE);
    }
}

/// The first minute fills caches and is left out where there are more than two.
fn compare(bench: &Bench, rate: f64, minutes: &[(Figures, Sizes)]) {
    let skipped = usize::from(minutes.len() > 2);
    let (Some((first, before)), Some((last, after))) = (minutes.get(skipped), minutes.last())
    else {
        return;
    };
    let report = &bench.report;
    let slowest = minutes
        .iter()
        .map(|(figures, _)| figures.delivered_per_second)
        .fold(f64::INFINITY, f64::min);
    report.at_least(
        "sustained: slowest minute, of the rate asked for",
        slowest / rate,
        0.98,
        0.99,
    );
    let p99 = last.arrival_p99_ms / first.arrival_p99_ms;
    report.at_most(
        "sustained: p99 of the last minute, times the first",
        p99,
        1.5,
        1.2,
    );
    let queue = (after.queue + after.queue_indexes) / (before.queue + before.queue_indexes);
    report.at_most(
        "sustained: size of the queue, times the first minute's",
        queue,
        1.5,
        1.1,
    );
    let later = minutes.get(skipped + 1..).unwrap_or_default();
    let messages: usize = later.iter().map(|(figures, _)| figures.messages).sum();
    let grown = after.tables + after.indexes - before.tables - before.indexes;
    report.shows(
        "sustained: bytes of tables and indexes per message",
        grown / as_f64(messages),
    );
}
