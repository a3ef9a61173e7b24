//! What all jobs have in common that go on by themselves: where they stand, and how their task is woken.

use std::sync::Arc;

use tokio::sync::Notify;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    Running,
    Completed,
    Cancelled,
}

impl JobState {
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

/// Wakes the task where a job was made; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    pub fn wake(&self) {
        self.0.notify_one();
    }

    /// Somebody has made a job since this was asked last.
    pub async fn woken(&self) {
        self.0.notified().await;
    }
}
