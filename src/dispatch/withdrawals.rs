//! Which messages of this replica's lanes are under way, and which were called back. The two exclude each other: what
//! is under way cannot be called back, and of what was called back no attempt begins.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::values::MessageId;

/// Messages that were called back and whose deliveries were not met yet. Beyond them none is called back.
const WITHDRAWN_MAX: usize = 100_000;

/// How a message stands between its attempts and whoever wants it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Attempts whose results are not durable yet.
    UnderWay(u32),
    /// Whether it is called back is being written down: attempts wait for it.
    Held,
    /// It was called back, and its delivery is still in its lane.
    Withdrawn,
}

/// Shared by all lanes of this replica. It knows what is under way, and what was called back since it began; what was
/// called back before is known by its message's status.
#[derive(Debug, Default)]
pub struct Withdrawals {
    standings: Mutex<HashMap<MessageId, Standing>>,
    decided: Notify,
}

impl Withdrawals {
    /// Begins an attempt, once nobody is about to call the message back; `false` where somebody has. It ends with
    /// [`Withdrawals::ended`].
    pub async fn begin(&self, id: MessageId) -> bool {
        loop {
            let decided = self.decided.notified();
            tokio::pin!(decided);
            // Registered before we look, so that a decision made meanwhile still wakes us.
            decided.as_mut().enable();
            match self.try_begin(id) {
                Standing::UnderWay(_) => return true,
                Standing::Withdrawn => return false,
                Standing::Held => decided.await,
            }
        }
    }

    fn try_begin(&self, id: MessageId) -> Standing {
        let mut standings = self.standings();
        let standing = standings.entry(id).or_insert(Standing::UnderWay(0));
        if let Standing::UnderWay(attempts) = standing {
            *attempts += 1;
        }
        *standing
    }

    /// The result of an attempt is durable or will never be, or the attempt did not begin after all; or a delivery that
    /// was called back is gone.
    pub fn ended(&self, id: MessageId) {
        let mut standings = self.standings();
        match standings.get_mut(&id) {
            Some(Standing::UnderWay(attempts)) if *attempts > 1 => *attempts -= 1,
            Some(Standing::UnderWay(_) | Standing::Withdrawn) => {
                standings.remove(&id);
            }
            Some(Standing::Held) | None => {}
        }
    }

    /// Keeps attempts from beginning until [`Withdrawals::decide`]; `false` where one is under way.
    pub fn hold(&self, id: MessageId) -> bool {
        let mut standings = self.standings();
        match standings.get(&id) {
            Some(Standing::UnderWay(_)) => false,
            Some(Standing::Held | Standing::Withdrawn) => true,
            None if standings.len() >= WITHDRAWN_MAX => false,
            None => {
                standings.insert(id, Standing::Held);
                true
            }
        }
    }

    /// Ends a hold: with `withdrawn` no attempt begins any more, else they go on.
    pub fn decide(&self, id: MessageId, withdrawn: bool) {
        let mut standings = self.standings();
        if standings.get(&id) == Some(&Standing::Held) {
            if withdrawn {
                standings.insert(id, Standing::Withdrawn);
            } else {
                standings.remove(&id);
            }
        }
        drop(standings);
        self.decided.notify_waiters();
    }

    fn standings(&self) -> MutexGuard<'_, HashMap<MessageId, Standing>> {
        self.standings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: MessageId = MessageId::from_i64(1);

    #[tokio::test]
    async fn what_is_under_way_cannot_be_called_back_until_its_last_result_is_durable() {
        let withdrawals = Withdrawals::default();
        assert!(withdrawals.begin(ID).await);
        assert!(withdrawals.begin(ID).await);
        assert!(!withdrawals.hold(ID));
        withdrawals.ended(ID);
        assert!(!withdrawals.hold(ID));
        withdrawals.ended(ID);
        assert!(withdrawals.hold(ID));
    }

    #[tokio::test]
    async fn no_attempt_begins_of_what_was_called_back_until_its_delivery_is_gone() {
        let withdrawals = Withdrawals::default();
        assert!(withdrawals.hold(ID));
        withdrawals.decide(ID, true);
        assert!(!withdrawals.begin(ID).await);
        assert!(withdrawals.hold(ID), "once more is as good as once");
        withdrawals.decide(ID, true);
        assert!(!withdrawals.begin(ID).await);
        withdrawals.ended(ID);
        assert!(withdrawals.standings().is_empty());
    }

    #[tokio::test]
    async fn an_attempt_waits_for_the_decision() {
        for withdrawn in [true, false] {
            let withdrawals = Withdrawals::default();
            assert!(withdrawals.hold(ID));
            let deciding = async { withdrawals.decide(ID, withdrawn) };
            let (began, ()) = tokio::join!(biased; withdrawals.begin(ID), deciding);
            assert_eq!(began, !withdrawn);
        }
    }

    #[tokio::test]
    async fn the_number_of_messages_that_are_called_back_has_a_limit() {
        let withdrawals = Withdrawals::default();
        for number in 0..WITHDRAWN_MAX {
            let id = MessageId::from_i64(i64::try_from(number).unwrap());
            assert!(withdrawals.hold(id));
        }
        assert!(!withdrawals.hold(MessageId::from_i64(i64::MAX)));
    }
}
