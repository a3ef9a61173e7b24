//! Calling a message back.
//!
//! Only the owner of the message's lane knows whether an attempt is under way, so any replica writes the wish down,
//! wakes the owner, and waits for what becomes of the message. An attempt that is under way goes first: the wish stands
//! until its result is stored, and is granted if that leaves the message `Queued`. A wish whose caller gives up is taken
//! back, so that no message is cancelled behind anybody's back.

use std::time::Duration;

use super::desk::Desk;
use super::error::MessageError;
use super::status::Status;
use super::store::read::{self, Direction, Stored};
use crate::lanes::LaneId;
use crate::lanes::store::{self as lanes, Cancellation};
use crate::platform::telemetry::metric;
use crate::values::{Ccid, MessageId};

/// Longer than the longest attempt and the writing down of its result.
const PATIENCE: Duration = Duration::from_secs(13);
/// Between two looks at the message.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// Between two wake-ups of the owner, should one be lost.
const LOOKS_PER_WAKE_UP: u32 = 50;

impl Desk {
    /// Calls a message back; calling it back twice is as good as once.
    ///
    /// # Errors
    ///
    /// [`MessageError::NotQueued`] where something has come of it, [`MessageError::UnderWay`] where no end of an
    /// attempt was seen in time. In both cases the message was not cancelled.
    pub async fn cancel(&self, ccid: Ccid, id: MessageId) -> Result<(), MessageError> {
        let message = self.present(ccid, id).await?;
        let Some(lane) = message.lane.map(LaneId) else {
            return Err(MessageError::NotQueued);
        };
        if let Some(decided) = decided(&message) {
            return decided;
        }
        let wish = Cancellation { ccid, id, lane };
        let granted = self.wait_for_owner(wish).await;
        let outcome = match granted {
            Ok(()) => "cancelled",
            Err(MessageError::UnderWay) => "under_way",
            Err(_) => "refused",
        };
        metrics::counter!(metric::CANCELLATIONS, "outcome" => outcome).increment(1);
        granted
    }

    async fn wait_for_owner(&self, wish: Cancellation) -> Result<(), MessageError> {
        let began = self.clock.monotonic();
        let mut looks: u32 = 0;
        while self.clock.monotonic().duration_since(began) < PATIENCE {
            if looks.is_multiple_of(LOOKS_PER_WAKE_UP) {
                let mut connection = self.database.jobs.acquire().await?;
                lanes::ask_to_cancel(&mut connection, wish).await?;
            }
            looks += 1;
            tokio::time::sleep(LOOK_INTERVAL).await;
            if let Some(decided) = decided(&self.present(wish.ccid, wish.id).await?) {
                self.take_back(wish).await?;
                return decided;
            }
        }
        // Whoever comes first of us and the owner decides: after this it is one or the other.
        self.take_back(wish).await?;
        decided(&self.present(wish.ccid, wish.id).await?).unwrap_or(Err(MessageError::UnderWay))
    }

    async fn take_back(&self, wish: Cancellation) -> Result<(), MessageError> {
        let mut connection = self.database.jobs.acquire().await?;
        lanes::withdraw_wish(&mut connection, wish.ccid, wish.id).await?;
        Ok(())
    }

    async fn present(&self, ccid: Ccid, id: MessageId) -> Result<Stored, MessageError> {
        let mut connection = self.database.reads.acquire().await?;
        let found = read::by_ids(&mut connection, ccid, &[id]).await?;
        found.into_iter().next().ok_or(MessageError::UnknownMessage)
    }
}

/// Whether the wish is granted or refused; `None` while it can still be either.
fn decided(message: &Stored) -> Option<Result<(), MessageError>> {
    if message.direction == Direction::Inbound {
        return Some(Err(MessageError::NotQueued));
    }
    if message.status.may_be_cancelled() {
        return None;
    }
    let is_cancelled = message.status == Status::Cancelled;
    Some(is_cancelled.then_some(()).ok_or(MessageError::NotQueued))
}
