//! Opt-outs that reach us beside messages and applications: mails that came back, complaints, and links that were
//! followed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::model::OptOut;
use super::proof::Proofs;
use super::routes::SETTLES;
use super::store::{self, Change};
use crate::lanes::ids::{Ids, NoLease};
use crate::lanes::ownership::Ownership;
use crate::platform::clock::Clock;
use crate::platform::database::Pool;
use crate::values::Ccid;

/// Suppressions that one transaction adds.
const ROWS_MAX: usize = 500;

/// Takes them; cheap to clone.
#[derive(Debug, Clone)]
pub struct OptOuts {
    pub pool: Pool,
    pub clock: Clock,
    pub ids: Arc<Ids>,
    pub ownership: Arc<Ownership>,
    pub proofs: Proofs,
}

/// Why opt-outs were not taken. Some of them may have been, and all may come again.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    #[error("suppressions cannot be stored: {0}")]
    Store(#[from] sqlx::Error),
    #[error("no id can be given to the event of a suppression: {0}")]
    NoLease(#[from] NoLease),
}

impl OptOuts {
    /// Suppresses these addresses of a tenant. When it returns no send to one of them begins any more, also where another
    /// call has just suppressed it.
    ///
    /// What a message has led to once it does not lead to again: whoever has opted in since stays so.
    pub async fn take(
        &self,
        ccid: Ccid,
        opt_outs: impl IntoIterator<Item = OptOut>,
    ) -> Result<(), NotTaken> {
        // In the order of their keys, so that two calls never wait for each other in a circle; the first of each stands.
        let mut by_key = BTreeMap::new();
        for opt_out in opt_outs {
            let key = (
                opt_out.channel_id.as_str().to_owned(),
                opt_out.address.clone(),
            );
            by_key.entry(key).or_insert(opt_out);
        }
        if by_key.is_empty() {
            return Ok(());
        }
        let opt_outs: Vec<OptOut> = by_key.into_values().collect();
        let mut connection = self.pool.acquire().await?;
        for some in opt_outs.chunks(ROWS_MAX) {
            let mut changes = Vec::with_capacity(some.len());
            for opt_out in some {
                changes.push((opt_out, self.change()?));
            }
            store::add(&mut connection, (&self.proofs, ccid), &changes).await?;
        }
        drop(connection);
        tokio::time::sleep(SETTLES).await;
        Ok(())
    }

    /// The same for one who asks for it here and now, however often the same message has led to it.
    pub async fn take_wish(&self, ccid: Ccid, opt_out: OptOut) -> Result<(), NotTaken> {
        let changes = [(&opt_out, self.change()?)];
        let mut connection = self.pool.acquire().await?;
        store::add_again(&mut connection, (&self.proofs, ccid), &changes).await?;
        drop(connection);
        tokio::time::sleep(SETTLES).await;
        Ok(())
    }

    fn change(&self) -> Result<Change, NoLease> {
        Ok(Change {
            now_ms: self.clock.now_ms(),
            event: self.ids.next(&self.ownership)?,
        })
    }
}
