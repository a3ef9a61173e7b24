//! Whether a message may refer to a file, and what stands in its place when the message is sent.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::platform::database::Pool;

use super::error::ReferenceRefused;
use super::id::stored_at;
use super::link::{Links, NoPublicUrl};
use super::store;
use crate::platform::clock::Clock;
use crate::platform::database::within;
use crate::values::{Ccid, MediaId, MessageId};

/// Files that are known to be there; a file never changes, so what is known stays true. Beyond so many all are forgotten.
const KNOWN_MAX: usize = 50_000;
/// How long a look-up may take, with the wait for a connection.
const PATIENCE: Duration = Duration::from_secs(3);

/// Judges references and resolves them; cheap to clone.
#[derive(Debug, Clone)]
pub struct References {
    pool: Pool,
    clock: Clock,
    links: Links,
    /// How long files are kept, in milliseconds.
    keep_ms: i64,
    known: Arc<Mutex<HashSet<(Ccid, MediaId)>>>,
}

impl References {
    pub fn new(pool: Pool, clock: Clock, links: Links, keep_ms: i64) -> Self {
        Self {
            pool,
            clock,
            links,
            keep_ms,
            known: Arc::default(),
        }
    }

    /// For each of these references, why a message of the tenant may not have it. One that was found good before costs no
    /// look-up, and all others together cost one.
    pub async fn judge(
        &self,
        ccid: Ccid,
        ids: &[MediaId],
    ) -> sqlx::Result<Vec<Result<(), ReferenceRefused>>> {
        let unsure = |id: &&MediaId| self.is_recent(**id).is_ok() && !self.knows(ccid, **id);
        let asked: HashSet<MediaId> = ids.iter().filter(unsure).copied().collect();
        let found = self.look_up(ccid, &asked).await?;
        let judged = ids.iter().map(|id| {
            self.is_recent(*id)?;
            let is_there = !asked.contains(id) || found.contains(id);
            is_there.then_some(()).ok_or(ReferenceRefused::Unknown)
        });
        Ok(judged.collect())
    }

    /// What stands in place of a reference in what is sent. Where links can no longer be made, since an operator took away
    /// the address under which they lead here, it is the reference itself.
    pub fn link(&self, (ccid, message): (Ccid, MessageId), id: MediaId) -> String {
        let link = self.links.to(ccid, id, message.unix_ms());
        link.unwrap_or_else(|NoPublicUrl| id.reference())
    }

    /// Remembers a file that is there.
    pub(super) fn learn(&self, ccid: Ccid, id: MediaId) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert((ccid, id));
    }

    /// What can be said of a reference without asking anybody.
    fn is_recent(&self, id: MediaId) -> Result<(), ReferenceRefused> {
        let stored_at = stored_at(id).ok_or(ReferenceRefused::Unknown)?;
        if !self.links.can_be_made() {
            return Err(ReferenceRefused::NoLinks);
        }
        // The link must not outlive the file.
        if self.clock.now_ms() > stored_at + self.keep_ms - self.links.lifetime_ms() {
            return Err(ReferenceRefused::TooOld);
        }
        Ok(())
    }

    fn knows(&self, ccid: Ccid, id: MediaId) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(&(ccid, id))
    }

    /// Which of these are there; they are remembered.
    async fn look_up(
        &self,
        ccid: Ccid,
        asked: &HashSet<MediaId>,
    ) -> sqlx::Result<HashSet<MediaId>> {
        if asked.is_empty() {
            return Ok(HashSet::new());
        }
        let ids: Vec<MediaId> = asked.iter().copied().collect();
        let found = within(PATIENCE, async {
            let mut connection = self.pool.acquire().await?;
            store::existing(&mut connection, ccid, &ids).await
        })
        .await?;
        for id in &found {
            self.learn(ccid, *id);
        }
        Ok(found.into_iter().collect())
    }
}
