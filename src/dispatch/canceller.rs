//! Grants or refuses wishes to call messages of this replica's lanes back.
//!
//! A wish is granted in one transaction that proves our life and that the lane is ours, and only while no attempt is
//! under way and none can begin. A wish for a message that is under way is left until its result is durable.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Connection;
use tokio::sync::Notify;
use tracing::warn;

use super::context::DispatchContext;
use super::withdrawals::Withdrawals;
use crate::history;
use crate::history::model::Entry;
use crate::lanes::LaneId;
use crate::lanes::ids::Ids;
use crate::lanes::model::Life;
use crate::lanes::ownership::Ownership;
use crate::lanes::store::{self, Cancellation};
use crate::messages::status::Status;
use crate::messages::store::cancel;
use crate::platform::clock::Clock;
use crate::platform::database::{Database, within};
use crate::platform::telemetry::metric;
use crate::statistics;
use crate::statistics::model::Change;
use crate::values::{Ccid, MessageId};

/// While a wish stands, for the end of the attempt that is under way.
const LOOK_AGAIN_INTERVAL: Duration = Duration::from_millis(50);
/// How long one look, or one decision, may take before it is begun anew.
const PATIENCE: Duration = Duration::from_secs(2);
const RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// The task of one replica.
pub struct Canceller {
    database: Database,
    clock: Clock,
    ids: Arc<Ids>,
    ownership: Arc<Ownership>,
    withdrawals: Arc<Withdrawals>,
    /// Told when somebody has a wish, and by each tick while one stands.
    asked: Arc<Notify>,
}

impl std::fmt::Debug for Canceller {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Canceller").finish_non_exhaustive()
    }
}

impl Canceller {
    pub fn start(context: &DispatchContext, asked: Arc<Notify>) {
        let canceller = Self {
            database: context.database.clone(),
            clock: context.clock.clone(),
            ids: Arc::clone(&context.ids),
            ownership: Arc::clone(&context.ownership),
            withdrawals: Arc::clone(&context.withdrawals),
            asked,
        };
        let over = context.lifecycle.over();
        context.lifecycle.spawn_until_stop("canceller", async move {
            tokio::select! {
                () = canceller.run() => {}
                () = over.cancelled() => {}
            }
        });
    }

    async fn run(self) {
        loop {
            let pause = match within(PATIENCE, self.look()).await {
                Ok(wishes) if wishes.is_empty() => None,
                Ok(wishes) => {
                    self.decide(&wishes).await;
                    Some(LOOK_AGAIN_INTERVAL)
                }
                Err(error) => {
                    failed(&error);
                    Some(RETRY_INTERVAL)
                }
            };
            tokio::select! {
                () = self.asked.notified() => {}
                () = tokio::time::sleep(pause.unwrap_or(Duration::MAX)) => {}
            }
        }
    }

    /// The wishes that are ours to decide.
    async fn look(&self) -> sqlx::Result<Vec<Cancellation>> {
        let ours: HashSet<LaneId> = self.ownership.lanes().into_iter().collect();
        if ours.is_empty() {
            return Ok(Vec::new());
        }
        let mut connection = self.database.queue.acquire().await?;
        let mut wishes = store::wished_cancellations(&mut connection).await?;
        wishes.retain(|wish| ours.contains(&wish.lane));
        Ok(wishes)
    }

    /// Decides all of which no attempt is under way. Until the store has answered, none of them begins.
    async fn decide(&self, wishes: &[Cancellation]) {
        let Some(life) = self.ownership.life() else {
            return;
        };
        let held = wishes.iter().filter(|wish| self.withdrawals.hold(wish.id));
        let held: Vec<Cancellation> = held.copied().collect();
        if held.is_empty() {
            return;
        }
        // A transaction whose answer was lost may stand, so the question is asked until there is an answer. Once our
        // life is over it grants nothing more, and tells what was granted before.
        let granted: HashSet<MessageId> = loop {
            match within(PATIENCE, self.grant(life, &held)).await {
                Ok(cancelled) => break cancelled.into_iter().collect(),
                Err(error) => failed(&error),
            }
            tokio::time::sleep(RETRY_INTERVAL).await;
        };
        for wish in &held {
            self.withdrawals.decide(wish.id, granted.contains(&wish.id));
        }
    }

    /// Writes down what is called back, and answers which messages are.
    async fn grant(&self, life: Life, held: &[Cancellation]) -> sqlx::Result<Vec<MessageId>> {
        let mut connection = self.database.queue.acquire().await?;
        let mut transaction = connection.begin().await?;
        let taken = store::take_wishes(&mut transaction, life, held).await?;
        let cancelled = cancel::cancel(&mut transaction, &taken).await?;
        let entries: Vec<Entry> = cancelled
            .iter()
            .map(|message| {
                let subject = (message.ccid, message.id);
                let id = self.ids.next_of(life);
                Entry::settled(subject, id, message.stream, Status::Cancelled.rank())
            })
            .collect();
        history::store::append(&mut transaction, &entries).await?;
        let channels: Vec<(Ccid, &str)> = cancelled
            .iter()
            .map(|message| (message.ccid, message.channel_id.as_str()))
            .collect();
        let now_ms = self.clock.now_ms();
        statistics::store::add(&mut transaction, Change::Cancelled, &channels, now_ms).await?;
        transaction.commit().await?;
        // An earlier try may have granted some of them.
        let asked: Vec<(Ccid, MessageId)> = held.iter().map(|wish| (wish.ccid, wish.id)).collect();
        cancel::cancelled_of(&mut connection, &asked).await
    }
}

fn failed(error: &sqlx::Error) {
    metrics::counter!(metric::CANCELLATIONS_FAILED).increment(1);
    warn!(error.cause = %error, "Wishes to cancel messages could not be decided now; it is tried again");
}
