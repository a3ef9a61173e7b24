//! The one way into the gateway for messages of either direction: group commit of drafts.
//!
//! A *unit* is what is stored whole or not at all: one signed body, or one message of a submission. `acceptor` writes
//! many of them at once; whoever waits for one hears of it when it is durable.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::acceptor::Acceptor;
use super::keyed::Submission;
use super::model::{AcceptError, Accepted, Draft, Outcome};
use crate::lanes::ids::Ids;
use crate::lanes::model::LaneId;
use crate::lanes::ownership::Ownership;
use crate::platform::clock::Clock;
use crate::platform::database::Database;
use crate::platform::database::group_commit::{GroupCommit, GroupCommitOptions, Line, NotWritten};
use crate::platform::lifecycle::Lifecycle;
use crate::platform::telemetry::metric;
use crate::suppressions::proof::Proofs;
use crate::values::{Ccid, MessageId};

/// Told after each flush what others have to know. Called once per flush, never per message.
pub trait AfterAccept: Send + Sync + 'static {
    /// Lanes that other replicas own have new rows.
    fn wake_owners(&self, lanes: Vec<LaneId>);
    /// The feeds of these tenants have new events.
    fn feed_grew(&self, tenants: BTreeSet<Ccid>);
}

/// Accepts messages; cheap to clone.
#[derive(Clone)]
pub struct Accept {
    committer: GroupCommit<Acceptor>,
}

impl std::fmt::Debug for Accept {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Accept").finish_non_exhaustive()
    }
}

/// What the committers work with.
pub struct AcceptParts {
    pub clock: Clock,
    pub ids: Arc<Ids>,
    pub ownership: Arc<Ownership>,
    pub after: Arc<dyn AfterAccept>,
    pub proofs: Proofs,
}

impl std::fmt::Debug for AcceptParts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("AcceptParts")
            .finish_non_exhaustive()
    }
}

impl Accept {
    /// Starts `committers` tasks, each with a connection of its own.
    pub fn start(
        parts: AcceptParts,
        database: &Database,
        committers: usize,
        lifecycle: &Lifecycle,
    ) -> Self {
        let options = GroupCommitOptions {
            name: "accept",
            committers,
            batch_rows_max: 256,
            waiting_max: 16_384,
            patience: Some(Duration::from_millis(700)),
            window: Duration::ZERO,
        };
        Self {
            committer: GroupCommit::start(
                &options,
                &database.hot,
                &Arc::new(Acceptor::new(parts)),
                lifecycle,
            ),
        }
    }

    /// Whether messages can be stored at this moment, as far as is known.
    pub fn available(&self) -> bool {
        self.committer.available()
    }

    /// Begins a line: units offered in one are stored, and later sent, in the order of their offers.
    pub fn line(&self) -> Line {
        self.committer.line()
    }

    /// Stores the drafts whole or not at all; answers once they are durable.
    pub async fn store(&self, drafts: Vec<Draft>) -> Result<Vec<Accepted>, AcceptError> {
        let outcome = self.offer(self.line(), drafts).await;
        let each = outcome.unwrap_or(Err(AcceptError::Unavailable))?;
        each.into_iter().collect()
    }

    /// Hands a unit over; the answer comes through the receiver.
    pub fn offer(&self, line: Line, drafts: Vec<Draft>) -> oneshot::Receiver<Outcome> {
        self.offer_unit(line, drafts, None)
    }

    /// Stores the drafts of a submission that is made once, each for itself, with its key.
    pub async fn store_once(&self, drafts: Vec<Draft>, submission: Submission) -> Outcome {
        let answer = self.offer_unit(self.line(), drafts, Some(submission));
        answer.await.unwrap_or(Err(AcceptError::Unavailable))
    }

    fn offer_unit(
        &self,
        line: Line,
        drafts: Vec<Draft>,
        submission: Option<Submission>,
    ) -> oneshot::Receiver<Outcome> {
        let (reply, answer) = oneshot::channel();
        let unit = Unit {
            drafts,
            ids: Vec::new(),
            submission,
            reply,
        };
        if let Err((unit, why)) = self.committer.offer_in(line, unit) {
            unit.answer(Err(why.into()));
        }
        answer
    }
}

/// A unit on its way. The ids are made when it is first written.
#[derive(Debug)]
pub struct Unit {
    pub(super) drafts: Vec<Draft>,
    pub(super) ids: Vec<MessageId>,
    /// Of a submission under a key: its drafts stand or fall each for itself, and its results are stored with them.
    pub(super) submission: Option<Submission>,
    pub(super) reply: oneshot::Sender<Outcome>,
}

impl Unit {
    /// Whether both are submissions under one key.
    pub(super) fn has_key_of(&self, other: &Self) -> bool {
        self.submission
            .as_ref()
            .zip(other.submission.as_ref())
            .is_some_and(|(mine, others)| mine.call.is_under_key_of(&others.call))
    }

    /// Takes out the drafts that have become messages: not those that repeat an earlier one.
    pub(super) fn take_stored(&mut self, outcome: &Outcome) -> Vec<(Draft, MessageId)> {
        let each = outcome.as_deref().unwrap_or_default();
        let drafts = std::mem::take(&mut self.drafts).into_iter();
        let with_ids = drafts.zip(&self.ids).zip(each);
        with_ids
            .filter(|((_, id), each)| each.is_ok_and(|accepted| **id == accepted.id))
            .map(|((draft, id), _)| (draft, *id))
            .collect()
    }

    pub(super) fn answer(self, outcome: Outcome) {
        match &outcome {
            // Its drafts may be taken out by now, or its ids not made yet.
            Err(error) => count_refused(*error, self.drafts.len().max(self.ids.len())),
            Ok(each) => {
                for error in each.iter().filter_map(|each| each.err()) {
                    count_refused(error, 1);
                }
            }
        }
        // The caller may have gone; what is stored stays stored.
        let _ = self.reply.send(outcome);
    }
}

fn count_refused(error: AcceptError, messages: usize) {
    let messages = u64::try_from(messages).unwrap_or(u64::MAX);
    metrics::counter!(metric::MESSAGES_REFUSED, "reason" => error.class()).increment(messages);
}

impl From<NotWritten> for AcceptError {
    fn from(why: NotWritten) -> Self {
        match why {
            NotWritten::Unavailable | NotWritten::Full => Self::Unavailable,
            NotWritten::Refused => Self::Refused,
        }
    }
}
