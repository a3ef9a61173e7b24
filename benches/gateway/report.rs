//! The figures of one run, as a line of a table.

use std::time::Duration;

use crate::load::Answered;
use crate::sink::Delivered;
use crate::usage::Usage;

#[derive(Debug)]
pub struct Report {
    pub messages: usize,
    pub answered: Answered,
    pub delivered: Delivered,
    pub gateway: Usage,
    pub postgres: Usage,
    pub wal_bytes: u64,
}

impl Report {
    pub const HEAD: &str = "\
| run | answered/s | answer p50 / p90 ms | delivered/s | arrival p50 / p90 ms | gateway CPU s/1k | Postgres CPU s/1k | WAL B/message | repeats | missing |
|---|---|---|---|---|---|---|---|---|---|";

    pub fn line(&self, name: &str) -> String {
        let answered_per_second = per_second(self.messages, self.answered.time);
        let (delivered_per_second, arrival, missing) = if self.delivered.latencies.is_empty() {
            ("–".to_owned(), "–".to_owned(), 0)
        } else {
            let count = self.delivered.latencies.len();
            (
                format!("{:.0}", per_second(count, self.delivered.time)),
                percentiles(&self.delivered.latencies),
                self.messages - count,
            )
        };
        format!(
            "| {name} | {answered_per_second:.0} | {} | {delivered_per_second} | {arrival} | {:.4} | {:.4} | {} | {} | {missing} |",
            percentiles(&self.answered.latencies),
            self.per_thousand(self.gateway),
            self.per_thousand(self.postgres),
            self.wal_bytes / u64::try_from(self.messages).unwrap_or(u64::MAX),
            self.delivered.repeats,
        )
    }

    /// The run that is in the middle by what it cost.
    pub fn median(mut reports: Vec<Self>) -> Self {
        reports.sort_by_key(|report| report.gateway.0 + report.postgres.0);
        reports.swap_remove(reports.len() / 2)
    }

    fn per_thousand(&self, usage: Usage) -> f64 {
        usage.0.as_secs_f64() / as_f64(self.messages) * 1000.0
    }
}

fn per_second(count: usize, time: Duration) -> f64 {
    as_f64(count) / time.as_secs_f64()
}

fn percentiles(latencies: &[Duration]) -> String {
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    let at = |percent: usize| {
        let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        sorted.get(index).copied().unwrap_or_default().as_secs_f64() * 1000.0
    };
    format!("{:.2} / {:.2}", at(50), at(90))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52 messages")]
fn as_f64(count: usize) -> f64 {
    count as f64
}
