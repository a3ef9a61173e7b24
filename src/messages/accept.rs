//! The one way into the gateway for messages of either direction: group commit of drafts.
//!
//! A *unit* is what is stored whole or not at all: one signed body, or one message of a submission. `acceptor` writes
//! many of them at once; whoever waits for one hears of it when it is durable.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::acceptor::Acceptor;
use super::model::{AcceptError, Accepted, Draft};
use crate::lanes::ids::Ids;
use crate::lanes::model::LaneId;
use crate::lanes::ownership::Ownership;
use crate::platform::clock::Clock;
use crate::platform::database::Database;
use crate::platform::database::group_commit::{GroupCommit, GroupCommitOptions, Line, NotWritten};
use crate::platform::lifecycle::Lifecycle;
use crate::platform::telemetry::metric;
use crate::values::MessageId;

/// Told after each flush what others have to know. Called once per flush, never per message.
pub trait AfterAccept: Send + Sync + 'static {
    /// Lanes that other replicas own have new rows.
    fn wake_owners(&self, lanes: Vec<LaneId>);
    /// The feed has new events.
    fn feed_grew(&self);
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
        self.offer(self.line(), drafts)
            .await
            .unwrap_or(Err(AcceptError::Unavailable))
    }

    /// Hands a unit over; the answer comes through the receiver.
    pub fn offer(
        &self,
        line: Line,
        drafts: Vec<Draft>,
    ) -> oneshot::Receiver<Result<Vec<Accepted>, AcceptError>> {
        let (reply, answer) = oneshot::channel();
        let unit = Unit {
            drafts,
            ids: Vec::new(),
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
    pub(super) reply: oneshot::Sender<Result<Vec<Accepted>, AcceptError>>,
}

impl Unit {
    /// Takes out the drafts that have become messages: not those that repeat an earlier one.
    pub(super) fn take_stored(
        &mut self,
        outcome: &Result<Vec<Accepted>, AcceptError>,
    ) -> Vec<(Draft, MessageId)> {
        let accepted = outcome.as_deref().unwrap_or_default();
        let drafts = std::mem::take(&mut self.drafts).into_iter();
        let with_ids = drafts.zip(&self.ids).zip(accepted);
        with_ids
            .filter(|((_, id), accepted)| **id == accepted.id)
            .map(|((draft, id), _)| (draft, *id))
            .collect()
    }

    pub(super) fn answer(self, answer: Result<Vec<Accepted>, AcceptError>) {
        if let Err(error) = &answer {
            // Its drafts may be taken out by now, or its ids not made yet.
            let messages = self.drafts.len().max(self.ids.len());
            let messages = u64::try_from(messages).unwrap_or(u64::MAX);
            metrics::counter!(metric::MESSAGES_REFUSED, "reason" => error.class())
                .increment(messages);
        }
        // The caller may have gone; what is stored stays stored.
        let _ = self.reply.send(answer);
    }
}

impl From<NotWritten> for AcceptError {
    fn from(why: NotWritten) -> Self {
        match why {
            NotWritten::Unavailable | NotWritten::Full => Self::Unavailable,
            NotWritten::Refused => Self::Refused,
        }
    }
}
