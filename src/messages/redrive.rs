//! Dead letters that are sent again: each begins a new life, with its id, its content and its priority.

use sqlx::PgConnection;

use super::desk::{Desk, find};
use super::error::MessageError;
use super::status::Status;
use super::store::dead_letters;
use crate::history;
use crate::history::model::{Entry, Stream};
use crate::lanes::LaneId;
use crate::lanes::backlog::Full;
use crate::lanes::store::{self as lanes, Waiting};
use crate::statistics;
use crate::statistics::model::Change;
use crate::values::{Ccid, MessageId};

/// Dead letters that are sent again once the transaction is committed that says so.
#[derive(Debug, Default)]
#[must_use = "the lanes' owners have to be told"]
pub struct Redriven {
    pub messages: usize,
    lanes: Vec<LaneId>,
}

impl Desk {
    /// Sends a dead letter again, with the same id, as if it had just been accepted. [`Desk::redriven`] has to hear of
    /// it once the transaction is committed.
    pub async fn retry(
        &self,
        transaction: &mut PgConnection,
        ccid: Ccid,
        id: MessageId,
    ) -> Result<Redriven, MessageError> {
        let message = find(transaction, ccid, id).await?;
        let lane = message.lane.filter(|_| message.dead_letter);
        let lane = lane.map(LaneId).ok_or(MessageError::NotDead)?;
        self.make_room(ccid, lane).await?;
        let redriven = self.redrive(transaction, ccid, &[id]).await?;
        if redriven.messages == 0 {
            return Err(MessageError::NotDead);
        }
        Ok(redriven)
    }

    /// Takes note of a dead letter that is about to be sent again, as of any message that comes into a lane.
    pub async fn make_room(&self, ccid: Ccid, lane: LaneId) -> Result<(), Full> {
        self.submit.backlogs.admit(ccid, lane).await
    }

    /// Sends those of the messages again that are dead letters of the tenant.
    pub async fn redrive(
        &self,
        transaction: &mut PgConnection,
        ccid: Ccid,
        ids: &[MessageId],
    ) -> sqlx::Result<Redriven> {
        let revived = dead_letters::revive(transaction, ccid, ids).await?;
        if revived.is_empty() {
            return Ok(Redriven::default());
        }
        let now_ms = self.clock.now_ms();
        let waiting: Vec<Waiting> = revived.iter().map(|message| message.waiting).collect();
        let expires_at = now_ms + self.submit.message_age_max_ms;
        lanes::enqueue(transaction, ccid, &waiting, expires_at).await?;
        let channels: Vec<(Ccid, &str)> = revived
            .iter()
            .map(|message| (ccid, message.channel_id.as_str()))
            .collect();
        statistics::store::add(transaction, Change::Retried, &channels, now_ms).await?;
        let mut entries = Vec::with_capacity(waiting.len());
        for message in &waiting {
            let event = self.ids.next(&self.ownership).map_err(|_| no_lease())?;
            let subject = (ccid, message.id);
            entries.push(Entry::settled(
                subject,
                event,
                Stream::Both,
                Status::Queued.rank(),
            ));
        }
        history::store::append(transaction, &entries).await?;
        let mut lanes: Vec<LaneId> = waiting.iter().map(|message| message.lane).collect();
        lanes.sort_unstable();
        lanes.dedup();
        Ok(Redriven {
            messages: waiting.len(),
            lanes,
        })
    }

    /// Tells the lanes' owners that they have messages anew.
    pub fn redriven(&self, redriven: Redriven) {
        if !redriven.lanes.is_empty() {
            self.after.wake_owners(redriven.lanes);
        }
    }
}

/// To the caller a lease that cannot be proved is a store that cannot be reached.
fn no_lease() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::other("this replica's lease is not proved"))
}
