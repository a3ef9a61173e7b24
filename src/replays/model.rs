//! Replays as values. Times are Unix milliseconds.

use crate::lanes::model::Life;
use crate::platform::job::JobState;
use crate::values::{Ccid, MessageId, ReplayId};

/// What a job has come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Dead letters that the filter lets through.
    pub matched: i64,
    /// Those that were put into their lanes again.
    pub queued: i64,
    /// Those that were not: suppressed by then, arrived after all, or retried otherwise.
    pub skipped: i64,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Which dead letters, as JSON.
    pub filter: String,
    pub rate_per_second: f64,
    /// Count them and change nothing.
    pub dry_run: bool,
}

/// A job as its tenant sees it.
#[derive(Debug, Clone)]
pub struct Replay {
    pub id: ReplayId,
    pub state: JobState,
    pub wanted: Wanted,
    pub figures: Figures,
    pub created_at: i64,
    pub ended_at: Option<i64>,
}

/// Which job, and under which life it is worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub ccid: Ccid,
    pub id: ReplayId,
    pub life: Life,
}

/// How far a running job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub figures: Figures,
    /// Whether its dead letters have been counted.
    pub counted: bool,
    /// The walk goes on behind this id.
    pub place: MessageId,
    /// Nothing is sent before this time.
    pub next_at: i64,
}

/// A running job as its owner works on it.
#[derive(Debug, Clone)]
pub struct Job {
    pub wanted: Wanted,
    pub created_at: i64,
    pub progress: Progress,
}
