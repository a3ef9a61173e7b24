//! Every API key of the deployment in memory, so that no request waits for the database to know who calls.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use time::OffsetDateTime;

use super::key::{ApiKey, KeyHash};
use super::record::KeyRecord;
use super::store::ChangedKey;
use super::uses::KeyUses;

/// The keys that exist, by their hashes. Clones share one state.
///
/// Whoever reads the changed rows also decides when: the ring holds no version of its own.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    keys: Arc<ArcSwap<HashMap<KeyHash, Arc<KeyRecord>>>>,
    uses: KeyUses,
}

impl Keyring {
    /// Takes up what was read. Calls must not overlap, or the older of two readings might stay.
    pub fn apply(&self, changed: Vec<ChangedKey>) {
        if changed.is_empty() {
            return;
        }
        let mut keys = HashMap::clone(&self.keys.load());
        for ChangedKey { hash, record } in changed {
            match record {
                Some(record) => keys.insert(hash, Arc::new(record)),
                None => keys.remove(&hash),
            };
        }
        self.keys.store(Arc::new(keys));
    }

    /// What is known of the use of keys of every tenant, until it is written down.
    pub fn uses(&self) -> &KeyUses {
        &self.uses
    }

    /// The key that is presented, if it exists and opens anything at this moment.
    ///
    /// The look-up is by hash, so its duration says nothing about how much of a guess was right.
    pub fn live(&self, key: &ApiKey, now: OffsetDateTime) -> Option<Arc<KeyRecord>> {
        self.keys
            .load()
            .get(&key.hash())
            .filter(|record| record.is_live(now))
            .cloned()
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;
    use crate::auth::permission::PermissionSet;
    use crate::auth::record::KeyTenant;

    const NOON: OffsetDateTime = datetime!(2026-11-21 12:00 UTC);

    fn record() -> KeyRecord {
        KeyRecord {
            id: Uuid::nil(),
            tenant: KeyTenant::Every,
            name: "console".to_owned(),
            permissions: PermissionSet::everything(),
            enabled: true,
            expires_at: None,
            created_at: NOON,
        }
    }

    fn ring_with(key: &ApiKey, record: KeyRecord) -> Keyring {
        let ring = Keyring::default();
        ring.apply(vec![ChangedKey {
            hash: key.hash(),
            record: Some(record),
        }]);
        ring
    }

    #[test]
    fn a_known_key_opens_and_another_does_not() {
        let key = ApiKey::generate();
        let ring = ring_with(&key, record());
        assert!(ring.live(&key, NOON).is_some());
        assert!(ring.live(&ApiKey::generate(), NOON).is_none());
    }

    #[test]
    fn a_key_opens_until_the_moment_of_its_end() {
        let key = ApiKey::generate();
        let ring = ring_with(
            &key,
            KeyRecord {
                expires_at: Some(NOON),
                ..record()
            },
        );
        assert!(ring.live(&key, NOON - Duration::milliseconds(1)).is_some());
        assert!(ring.live(&key, NOON).is_none());
    }

    #[test]
    fn a_disabled_key_opens_nothing() {
        let key = ApiKey::generate();
        let ring = ring_with(
            &key,
            KeyRecord {
                enabled: false,
                ..record()
            },
        );
        assert!(ring.live(&key, NOON).is_none());
    }

    #[test]
    fn a_deleted_key_is_gone_and_the_others_stay() {
        let (deleted, kept) = (ApiKey::generate(), ApiKey::generate());
        let ring = ring_with(&deleted, record());
        ring.apply(vec![ChangedKey {
            hash: kept.hash(),
            record: Some(record()),
        }]);
        ring.apply(vec![ChangedKey {
            hash: deleted.hash(),
            record: None,
        }]);
        assert!(ring.live(&deleted, NOON).is_none());
        assert!(ring.live(&kept, NOON).is_some());
    }
}
