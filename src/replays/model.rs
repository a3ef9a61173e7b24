//! Replays as values. Times are Unix milliseconds.

use crate::lanes::model::Life;
use crate::values::{Ccid, MessageId, ReplayId};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Running,
    Completed,
    Cancelled,
}

impl State {
    /// As stored.
    pub const fn as_i16(self) -> i16 {
        match self {
            Self::Running => 0,
            Self::Completed => 1,
            Self::Cancelled => 2,
        }
    }

    /// One of a later release is not one that runs here.
    pub const fn from_i16(number: i16) -> Self {
        match number {
            0 => Self::Running,
            2 => Self::Cancelled,
            _ => Self::Completed,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }
}

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
    pub state: State,
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
