//! How many attempts run at once in this process, and how many of them one tenant may hold.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::futures::Notified;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::values::Ccid;

/// The worker pool: attempts take a slot each and give it back when they end.
#[derive(Debug)]
pub struct Slots {
    all: Arc<Semaphore>,
    per_tenant_max: usize,
    tenants: Mutex<HashMap<Ccid, Weak<Semaphore>>>,
    freed: Notify,
}

/// A slot; given back when dropped.
#[derive(Debug)]
pub struct Slot {
    /// Of all and of the tenant; `None` only while it is being dropped.
    permits: Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>,
    slots: Arc<Slots>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Given back before anybody is told: whoever wakes has to find it.
        drop(self.permits.take());
        self.slots.freed.notify_waiters();
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
            all: Arc::new(Semaphore::new(max)),
            per_tenant_max,
            tenants: Mutex::new(HashMap::new()),
            freed: Notify::new(),
        })
    }

    /// Takes a slot for the tenant if there is one.
    pub fn take(self: &Arc<Self>, ccid: Ccid) -> Option<Slot> {
        let of_tenant = self.tenant(ccid).try_acquire_owned().ok()?;
        let of_all = Arc::clone(&self.all).try_acquire_owned().ok()?;
        Some(Slot {
            permits: Some((of_all, of_tenant)),
            slots: Arc::clone(self),
        })
    }

    /// Resolves when some slot is given back; enable it before looking for one.
    pub fn freed(&self) -> Notified<'_> {
        self.freed.notified()
    }

    /// Attempts under way.
    pub fn taken(&self, max: usize) -> usize {
        max.saturating_sub(self.all.available_permits())
    }

    fn tenant(&self, ccid: Ccid) -> Arc<Semaphore> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = tenants.get(&ccid).and_then(Weak::upgrade) {
            return semaphore;
        }
        // Tenants without attempts are forgotten, so the map is as small as what is under way.
        tenants.retain(|_, semaphore| semaphore.strong_count() > 0);
        let semaphore = Arc::new(Semaphore::new(self.per_tenant_max));
        tenants.insert(ccid, Arc::downgrade(&semaphore));
        semaphore
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::{Context, Wake, Waker};

    use super::*;

    const TENANT: Ccid = Ccid::from_uuid(uuid::Uuid::nil());

    /// Looks for a slot in the very moment of being woken.
    struct Waiter {
        slots: Arc<Slots>,
        found: AtomicBool,
    }

    impl Wake for Waiter {
        fn wake(self: Arc<Self>) {
            let found = self.slots.take(TENANT).is_some();
            self.found.store(found, Ordering::Release);
        }
    }

    #[test]
    fn whoever_is_woken_by_a_slot_finds_it_free() {
        let slots = Slots::new(1, 1.0);
        let taken = slots.take(TENANT).unwrap();
        assert!(slots.take(TENANT).is_none());
        let waiter = Arc::new(Waiter {
            slots: Arc::clone(&slots),
            found: AtomicBool::new(false),
        });
        let waker = Waker::from(Arc::clone(&waiter));
        let mut freed = std::pin::pin!(slots.freed());
        assert!(
            freed
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        drop(taken);
        assert!(waiter.found.load(Ordering::Acquire));
    }
}
