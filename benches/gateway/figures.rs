//! The figures of one run, and of several as a line of a table.

use std::time::Duration;

use serde::Serialize;

use crate::load::Answered;
use crate::sink::Delivered;

/// What one run took. What was not measured is not a number.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    pub messages: usize,
    pub answered_per_second: f64,
    pub answer_p50_ms: f64,
    pub answer_p90_ms: f64,
    pub delivered_per_second: f64,
    pub arrival_p50_ms: f64,
    pub arrival_p90_ms: f64,
    pub arrival_p99_ms: f64,
    /// Processor seconds for 1,000 messages.
    pub program_cpu: f64,
    pub postgres_cpu: f64,
    /// For each message.
    pub wal_bytes: f64,
    pub commits: f64,
    pub statements: f64,
    pub peak_megabytes: f64,
    pub repeats: usize,
    pub missing: usize,
}

/// A figure with its name and how many decimals are worth reading.
type Column = (&'static str, fn(&Figures) -> f64, usize);

const COLUMNS: [Column; 15] = [
    ("answered/s", |f| f.answered_per_second, 0),
    ("p50 ms", |f| f.answer_p50_ms, 2),
    ("p90 ms", |f| f.answer_p90_ms, 2),
    ("delivered/s", |f| f.delivered_per_second, 0),
    ("arrival p50 ms", |f| f.arrival_p50_ms, 2),
    ("p90 ms", |f| f.arrival_p90_ms, 2),
    ("p99 ms", |f| f.arrival_p99_ms, 2),
    ("program CPU s/1k", |f| f.program_cpu, 4),
    ("Postgres CPU s/1k", |f| f.postgres_cpu, 4),
    ("WAL B/message", |f| f.wal_bytes, 0),
    ("commits/message", |f| f.commits, 3),
    ("statements/message", |f| f.statements, 3),
    ("peak MB", |f| f.peak_megabytes, 0),
    ("repeats", |f| as_f64(f.repeats), 0),
    ("missing", |f| as_f64(f.missing), 0),
];

impl Figures {
    /// Those that callers and the sink saw; the others are for whoever counted them.
    pub fn seen(messages: usize, answered: &Answered, delivered: Option<&Delivered>) -> Self {
        let answers = Sorted::new(&answered.latencies);
        let (arrived, time) = delivered.map_or((Sorted::new(&[]), Duration::ZERO), |delivered| {
            (Sorted::new(&delivered.latencies), delivered.time)
        });
        Self {
            messages,
            answered_per_second: as_f64(messages) / answered.time.as_secs_f64(),
            answer_p50_ms: answers.percentile(50),
            answer_p90_ms: answers.percentile(90),
            delivered_per_second: delivered
                .map_or(f64::NAN, |_| as_f64(arrived.0.len()) / time.as_secs_f64()),
            arrival_p50_ms: arrived.percentile(50),
            arrival_p90_ms: arrived.percentile(90),
            arrival_p99_ms: arrived.percentile(99),
            program_cpu: f64::NAN,
            postgres_cpu: f64::NAN,
            wal_bytes: f64::NAN,
            commits: f64::NAN,
            statements: f64::NAN,
            peak_megabytes: f64::NAN,
            repeats: delivered.map_or(0, |delivered| delivered.repeats),
            missing: delivered.map_or(0, |_| messages.saturating_sub(arrived.0.len())),
        }
    }

    /// What both together used of the processors.
    pub fn cpu(&self) -> f64 {
        self.program_cpu + self.postgres_cpu
    }

    pub fn head() -> String {
        let names: Vec<&str> = COLUMNS.iter().map(|(name, _, _)| *name).collect();
        let rule = "---|".repeat(COLUMNS.len() + 1);
        format!("| run | {} |\n|{rule}", names.join(" | "))
    }

    /// The median of each figure.
    pub fn line(name: &str, rounds: &[Self]) -> String {
        let cells = COLUMNS.iter().map(|(_, of, decimals)| {
            let median = median(rounds.iter().map(of));
            if median.is_nan() {
                "–".to_owned()
            } else {
                format!("{median:.decimals$}")
            }
        });
        let cells: Vec<String> = cells.collect();
        format!("| {name} | {} |", cells.join(" | "))
    }
}

/// Latencies in order.
struct Sorted(Vec<Duration>);

impl Sorted {
    fn new(latencies: &[Duration]) -> Self {
        let mut sorted = latencies.to_vec();
        sorted.sort_unstable();
        Self(sorted)
    }

    /// In milliseconds.
    fn percentile(&self, percent: usize) -> f64 {
        let index = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        let latency = self.0.get(index);
        latency.map_or(f64::NAN, |latency| latency.as_secs_f64() * 1000.0)
    }
}

/// The upper one of the two in the middle where the number is even.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub fn as_f64(count: usize) -> f64 {
    count as f64
}
