//! The directory: who sends what through which connector, and who may call, in memory on every replica.
//!
//! Readers take a [`Snapshot`] and never wait. A change raises the version in the database; the replica that made it
//! refreshes before it answers, and the others do when they are told of it, or their tick shows it. Only tenants and keys that
//! are newer than the version held are read again.

mod carriers;
mod channel;
mod handover;
mod known;
mod read;
mod signed_call;
mod snapshot;
mod tenant;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use sqlx::{Connection, PgConnection};
use tokio::sync::{Mutex, watch};
use uuid::Uuid;

pub use channel::{CannotSend, Channel, ConnectorSettings, ReceivingChannel};
pub use handover::Handover;
pub use signed_call::SignedCall;
pub use snapshot::Snapshot;
pub use tenant::Defaults;

use super::store;
use crate::auth::{self, Keyring};
use crate::platform::database::{Pool, within};
use crate::platform::vault::Vault;
use crate::values::Ccid;

/// Where replicas are told that there is a newer version; who was not told sees it with the next tick.
pub const CHANGES_CHANNEL: &str = "nexus_gateway_directory";
/// Before every version.
const NOTHING_READ: i64 = -1;

/// One reading, be it of everything. While it lasts no change can be put in force.
const REFRESH_TIME_MAX: Duration = Duration::from_secs(10);

/// Why the directory could not be read; what was in memory stays in force.
#[derive(Debug, thiserror::Error)]
#[error("the directory cannot be read: {0}")]
pub struct RefreshError(#[from] sqlx::Error);

/// The snapshot in force, and how it is replaced. Clones share one state.
#[derive(Debug, Clone)]
pub struct Directory {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    snapshot: ArcSwap<Snapshot>,
    keyring: Keyring,
    vault: Arc<Vault>,
    /// The version in force, for whoever has to act on a change.
    in_force: watch::Sender<i64>,
    /// Held while reading, so that an older reading never replaces a newer one.
    refreshing: Mutex<()>,
}

impl Directory {
    /// Reads everything.
    pub async fn load(pool: &Pool, vault: Arc<Vault>) -> Result<Self, RefreshError> {
        let directory = Self {
            shared: Arc::new(Shared {
                snapshot: ArcSwap::from_pointee(Snapshot::empty(NOTHING_READ)),
                keyring: Keyring::default(),
                vault,
                in_force: watch::Sender::new(NOTHING_READ),
                refreshing: Mutex::new(()),
            }),
        };
        directory.refresh(pool).await?;
        Ok(directory)
    }

    /// What is in force at this moment. Hold it for one piece of work, not longer.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.snapshot.load_full()
    }

    /// The API keys, refreshed together with the rest.
    pub fn keyring(&self) -> &Keyring {
        &self.shared.keyring
    }

    /// Changes each time that a newer version is in force here.
    pub fn changes(&self) -> watch::Receiver<i64> {
        self.shared.in_force.subscribe()
    }

    pub fn version(&self) -> i64 {
        self.shared.snapshot.load().version()
    }

    /// Reads what changed since the version held, and puts it in force; whether there was anything.
    pub async fn refresh(&self, pool: &Pool) -> Result<bool, RefreshError> {
        within(REFRESH_TIME_MAX, self.read(pool)).await
    }

    /// Gives every channel of these tenants the lanes that it needs as they are provisioned now, within the change.
    pub(super) async fn give_lanes(
        &self,
        connection: &mut PgConnection,
        tenants: &[Ccid],
    ) -> sqlx::Result<()> {
        let ccids: Vec<Uuid> = tenants.iter().map(|ccid| ccid.as_uuid()).collect();
        read::give_lanes(connection, &self.shared.vault, &ccids).await
    }

    async fn read(&self, pool: &Pool) -> Result<bool, RefreshError> {
        let _alone = self.shared.refreshing.lock().await;
        let held = self.shared.snapshot.load_full();
        // One point in time for all statements, so that no tenant is seen half changed.
        let mut connection = pool.acquire().await?;
        let mut transaction = connection
            .begin_with("begin isolation level repeatable read, read only")
            .await?;
        let version = store::version(&mut transaction).await?;
        if version == held.version() {
            return Ok(false);
        }
        let keys = auth::store::changed_since(&mut transaction, held.version()).await?;
        let tenants =
            read::changed_tenants(&mut transaction, &self.shared.vault, held.version()).await?;
        transaction.rollback().await?;
        self.shared.keyring.apply(keys);
        self.shared
            .snapshot
            .store(Arc::new(held.with(version, tenants)));
        self.shared.in_force.send_replace(version);
        Ok(true)
    }
}
