//! Which keys of every tenant were used where, until that is written down: each key, route and tenant once a minute.

use std::collections::HashSet;
use std::mem::take;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::record::KeyRecord;
use crate::values::Ccid;

/// Uses that are known of one minute, and those that wait to be written, at most. More are only counted.
const USES_MAX: usize = 10_000;
const MINUTE_MS: i64 = 60_000;

/// The first use of a key of every tenant within a minute, on one route and for one tenant.
#[derive(Debug, Clone)]
pub struct KeyUse {
    pub key: Arc<KeyRecord>,
    /// Method and template.
    pub route: String,
    /// `None`: for no tenant in particular.
    pub ccid: Option<Ccid>,
    /// Where the call came from.
    pub address: Option<IpAddr>,
}

/// What waits to be written. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct KeyUses(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    /// Minutes since 1970-01-01.
    minute: i64,
    seen: HashSet<(Uuid, String, Option<Ccid>)>,
    waiting: Vec<KeyUse>,
    missed: u64,
}

impl KeyUses {
    pub(super) fn note(&self, used: KeyUse, now_ms: i64) {
        let mut noted = self.lock();
        let minute = now_ms.div_euclid(MINUTE_MS);
        if noted.minute != minute {
            noted.minute = minute;
            noted.seen.clear();
        }
        let identity = (used.key.id, used.route.clone(), used.ccid);
        if noted.seen.contains(&identity) {
            return;
        }
        if noted.seen.len() >= USES_MAX || noted.waiting.len() >= USES_MAX {
            noted.missed += 1;
            return;
        }
        noted.seen.insert(identity);
        noted.waiting.push(used);
    }

    /// What is to be written, and how many uses are not among it for want of room.
    pub fn take(&self) -> (Vec<KeyUse>, u64) {
        let mut noted = self.lock();
        (take(&mut noted.waiting), take(&mut noted.missed))
    }

    /// Keeps what could not be written for another time.
    pub fn give_back(&self, mut uses: Vec<KeyUse>) {
        let mut noted = self.lock();
        uses.append(&mut noted.waiting);
        noted.missed += uses.len().saturating_sub(USES_MAX) as u64;
        uses.truncate(USES_MAX);
        noted.waiting = uses;
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::auth::permission::PermissionSet;
    use crate::auth::record::KeyTenant;

    fn used(route: &str, ccid: Option<u128>) -> KeyUse {
        let key = KeyRecord {
            id: Uuid::nil(),
            tenant: KeyTenant::Every,
            name: "console".to_owned(),
            permissions: PermissionSet::everything(),
            enabled: true,
            expires_at: None,
            created_at: OffsetDateTime::UNIX_EPOCH,
        };
        KeyUse {
            key: Arc::new(key),
            route: route.to_owned(),
            ccid: ccid.map(|ccid| Ccid::from_uuid(Uuid::from_u128(ccid))),
            address: None,
        }
    }

    #[test]
    fn a_use_is_noted_once_for_each_route_tenant_and_minute() {
        let uses = KeyUses::default();
        for now_ms in [0, 1_000, 59_999] {
            uses.note(used("GET /a", None), now_ms);
            uses.note(used("GET /a", Some(1)), now_ms);
            uses.note(used("PUT /a", Some(1)), now_ms);
        }
        assert_eq!(uses.take().0.len(), 3);
        uses.note(used("GET /a", None), 59_999);
        assert!(uses.take().0.is_empty(), "what is written is not forgotten");
        uses.note(used("GET /a", None), 60_000);
        assert_eq!(uses.take().0.len(), 1);
    }

    #[test]
    fn there_is_an_end_to_what_is_noted_and_what_is_beyond_it_is_counted() {
        let uses = KeyUses::default();
        for number in 0..=USES_MAX {
            uses.note(used(&number.to_string(), None), 0);
        }
        let (waiting, missed) = uses.take();
        assert_eq!((waiting.len(), missed), (USES_MAX, 1));
        uses.note(used("in the next minute", None), 60_000);
        uses.give_back(waiting);
        let (waiting, missed) = uses.take();
        assert_eq!((waiting.len(), missed), (USES_MAX, 1));
    }
}
