//! Erasures as values. Times are Unix milliseconds.

use crate::platform::job::JobState;
use crate::values::{Ccid, ErasureId};

/// What a job is going through. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Messages in both directions, with what happened to them.
    Messages,
    Conversations,
    /// Receipts that wait for a message.
    Receipts,
    /// Changes of suppressions that name the address.
    Events,
    /// The suppressions themselves, and jobs over this person's dead letters.
    Lists,
    /// Files that only these messages refer to.
    Files,
    /// What was written of them at the moment in which they were taken away.
    Ending,
}

impl Stage {
    const ORDER: [Self; 7] = [
        Self::Messages,
        Self::Conversations,
        Self::Receipts,
        Self::Events,
        Self::Lists,
        Self::Files,
        Self::Ending,
    ];

    /// As stored.
    pub const fn as_i16(self) -> i16 {
        match self {
            Self::Messages => 0,
            Self::Conversations => 1,
            Self::Receipts => 2,
            Self::Events => 3,
            Self::Lists => 4,
            Self::Files => 5,
            Self::Ending => 6,
        }
    }

    /// `None` for one of a later release.
    pub fn from_i16(number: i16) -> Option<Self> {
        let mut stages = Self::ORDER.into_iter();
        stages.find(|stage| stage.as_i16() == number)
    }

    /// What follows it.
    #[must_use]
    pub fn next(self) -> Self {
        let mut stages = Self::ORDER.into_iter();
        stages
            .find(|stage| stage.as_i16() > self.as_i16())
            .unwrap_or(Self::Ending)
    }
}

/// What a job has taken away, or would.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    pub messages: i64,
    pub conversations: i64,
    /// Receipts that waited for a message.
    pub receipts: i64,
    /// Events that named the address, beside those of messages and conversations.
    pub events: i64,
    /// Stored files; a dry run counts none.
    pub files: i64,
}

/// A job as its tenant sees it.
#[derive(Debug, Clone)]
pub struct Erasure {
    pub id: ErasureId,
    pub state: JobState,
    /// The pseudonym under which the audit speaks of the person.
    pub person: String,
    pub dry_run: bool,
    pub figures: Figures,
    pub created_at: i64,
    pub ended_at: Option<i64>,
}

/// How far a running job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub stage: Stage,
    /// The stage goes on behind this id.
    pub place: i64,
    /// Nothing is done before this time.
    pub next_at: i64,
    /// When something was taken away last.
    pub erased_at: i64,
    pub figures: Figures,
}

/// A running job as it is worked on.
#[derive(Debug, Clone)]
pub struct Job {
    pub ccid: Ccid,
    pub id: ErasureId,
    pub person: String,
    pub sealed_address: Vec<u8>,
    pub dry_run: bool,
    pub created_at: i64,
    pub progress: Progress,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_follows_another_until_the_ending() {
        let mut stage = Stage::Messages;
        for expected in Stage::ORDER {
            assert_eq!(stage, expected);
            assert_eq!(Stage::from_i16(stage.as_i16()), Some(stage));
            stage = stage.next();
        }
        assert_eq!(stage, Stage::Ending);
    }
}
