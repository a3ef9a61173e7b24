//! Whoever waits for a tenant's feed to grow is told when it does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::values::Ccid;

/// With more tenants than this in memory, those whom nobody follows any more are looked for.
const TENANTS_KEPT: usize = 1_024;

/// Tells followers that there is something to read; clones share them. Nobody is told what, or that it can be read
/// already: the feed ends where the oldest transaction is open.
#[derive(Debug, Clone, Default)]
pub struct FeedGrowth {
    tenants: Arc<Mutex<HashMap<Ccid, watch::Sender<()>>>>,
}

impl FeedGrowth {
    /// Changes each time that the tenant's feed has grown.
    pub fn follow(&self, ccid: Ccid) -> watch::Receiver<()> {
        let mut tenants = self.tenants();
        if tenants.len() >= TENANTS_KEPT {
            tenants.retain(|_, followers| followers.receiver_count() > 0);
        }
        let followers = tenants
            .entry(ccid)
            .or_insert_with(|| watch::Sender::new(()));
        followers.subscribe()
    }

    /// Tells whoever follows this tenant.
    pub fn tell(&self, ccid: Ccid) {
        if let Some(followers) = self.tenants().get(&ccid) {
            followers.send_replace(());
        }
    }

    /// Tells everybody: something may have been missed.
    pub fn tell_all(&self) {
        for followers in self.tenants().values() {
            followers.send_replace(());
        }
    }

    fn tenants(&self) -> MutexGuard<'_, HashMap<Ccid, watch::Sender<()>>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const fn tenant(number: u128) -> Ccid {
        Ccid::from_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn only_followers_of_the_tenant_are_told() {
        let growth = FeedGrowth::default();
        let (one, other) = (growth.follow(tenant(1)), growth.follow(tenant(2)));
        growth.tell(tenant(1));
        assert!(one.has_changed().unwrap());
        assert!(!other.has_changed().unwrap());
        growth.tell_all();
        assert!(other.has_changed().unwrap());
    }

    #[test]
    fn tenants_whom_nobody_follows_are_forgotten() {
        let growth = FeedGrowth::default();
        let followed = growth.follow(tenant(0));
        for number in 1..3_000 {
            drop(growth.follow(tenant(number)));
        }
        assert!(growth.tenants().len() <= TENANTS_KEPT);
        growth.tell(tenant(0));
        assert!(followed.has_changed().unwrap());
    }
}
