//! How many attempts run at once in this process, and whose they are.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::fairness::Turns;
use crate::values::Ccid;

/// The worker pool: attempts take a slot each and give it back when they end.
#[derive(Debug)]
pub struct Slots {
    max: usize,
    turns: Mutex<Turns<Arc<Turn>>>,
}

/// A slot; given back when dropped, and then whoever's turn it is gets it.
#[derive(Debug)]
pub struct Slot {
    ccid: Ccid,
    slots: Arc<Slots>,
}

/// One lane's place among those that wait for a slot.
#[derive(Debug, Default)]
pub struct Turn {
    waits: AtomicBool,
    granted: Mutex<Option<Slot>>,
    came: Notify,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.turns().give_back(self.ccid);
        self.slots.grant();
    }
}

impl Slots {
    /// `max` attempts at once; one tenant holds at most `tenant_share` (0 to 1) of them, so that others always find some.
    pub fn new(max: usize, tenant_share: f64) -> Arc<Self> {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a small count"
        )]
        let per_tenant_max = ((max as f64 * tenant_share.clamp(0.0, 1.0)) as usize).max(1);
        Arc::new(Self {
            max,
            turns: Mutex::new(Turns::new(max, per_tenant_max)),
        })
    }

    /// A slot for a lane of the tenant, if there is one. Otherwise the lane waits for its turn.
    pub fn take(self: &Arc<Self>, ccid: Ccid, turn: &Arc<Turn>) -> Option<Slot> {
        let granted = turn.granted().take();
        granted.or_else(|| {
            let line_up = || (!turn.waits.swap(true, Ordering::AcqRel)).then(|| Arc::clone(turn));
            let taken = self.turns().take(ccid, line_up);
            taken.then(|| self.slot(ccid))
        })
    }

    /// Attempts under way.
    pub fn taken(&self) -> usize {
        self.max.saturating_sub(self.turns().free())
    }

    /// Gives each free slot to whoever's turn it is.
    fn grant(self: &Arc<Self>) {
        loop {
            let Some((ccid, turn)) = self.turns().grant() else {
                return;
            };
            turn.waits.store(false, Ordering::Release);
            let slot = self.slot(ccid);
            // Nobody else knows of a lane that was given away: its slot goes on to the next when this is dropped.
            let unused = turn.granted().replace(slot);
            turn.came.notify_one();
            // Given back only here: whoever is granted it may be this very lane, whose place was locked until now.
            drop(unused);
        }
    }

    fn slot(self: &Arc<Self>, ccid: Ccid) -> Slot {
        Slot {
            ccid,
            slots: Arc::clone(self),
        }
    }

    fn turns(&self) -> MutexGuard<'_, Turns<Arc<Turn>>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Resolves when a slot was granted, and keeps that until somebody waits for it.
    pub async fn comes(&self) {
        self.came.notified().await;
    }

    /// Lets a slot that was granted and is not needed go to the next.
    pub fn pass_on(&self) {
        let unused = self.granted().take();
        drop(unused);
    }

    fn granted(&self) -> MutexGuard<'_, Option<Slot>> {
        self.granted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const TENANT: Ccid = Ccid::from_uuid(uuid::Uuid::nil());

    #[test]
    fn whoever_waits_is_granted_the_slot_that_is_given_back() {
        let slots = Slots::new(1, 1.0);
        let (first, second, third) = (Arc::default(), Arc::default(), Arc::default());
        let taken = slots.take(TENANT, &first).unwrap();
        assert!(slots.take(TENANT, &second).is_none());
        assert!(slots.take(TENANT, &third).is_none());
        assert!(second.comes().now_or_never().is_none());
        drop(taken);
        assert!(second.comes().now_or_never().is_some());
        assert!(slots.take(TENANT, &third).is_none(), "it is the second's");
        assert!(slots.take(TENANT, &second).is_some());
    }

    #[test]
    fn a_slot_that_is_not_needed_goes_to_the_next() {
        let slots = Slots::new(1, 1.0);
        let (first, second, third) = (Arc::default(), Arc::default(), Arc::default());
        let taken = slots.take(TENANT, &first).unwrap();
        assert!(slots.take(TENANT, &second).is_none());
        assert!(slots.take(TENANT, &third).is_none());
        drop(taken);
        second.pass_on();
        assert!(third.comes().now_or_never().is_some());
        assert!(slots.take(TENANT, &third).is_some());
        assert_eq!(slots.taken(), 0);
    }

    #[test]
    fn a_lane_that_is_gone_keeps_no_slot() {
        let slots = Slots::new(1, 1.0);
        let (first, gone, third): (_, Arc<Turn>, _) =
            (Arc::default(), Arc::default(), Arc::default());
        let taken = slots.take(TENANT, &first).unwrap();
        assert!(slots.take(TENANT, &gone).is_none());
        assert!(slots.take(TENANT, &third).is_none());
        drop(gone);
        drop(taken);
        assert!(slots.take(TENANT, &third).is_some());
    }
}
