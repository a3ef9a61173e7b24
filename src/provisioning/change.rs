//! One change of what is provisioned: a transaction that is seen by every replica once it is committed.

use sqlx::PgConnection;

use super::directory::{Directory, RefreshError};
use super::store;
use crate::platform::database::{Pool, Transaction};
use crate::values::Ccid;

/// A change under way. Dropped without [`Change::commit`] it leaves nothing behind.
#[derive(Debug)]
pub struct Change {
    transaction: Transaction,
    version: i64,
}

impl Change {
    /// Opens the change. From here to its end no other change runs, on any replica.
    pub async fn begin(pool: &Pool) -> sqlx::Result<Self> {
        Self::within(pool.begin().await?).await
    }

    /// Opens the change in a transaction that has begun with something else.
    pub async fn within(mut transaction: Transaction) -> sqlx::Result<Self> {
        let version = store::raise_version(&mut transaction).await?;
        Ok(Self {
            transaction,
            version,
        })
    }

    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// The version that rows of this change carry.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// Says that something of this tenant is changed, so that replicas read it again.
    pub async fn touch(&mut self, ccid: Ccid) -> sqlx::Result<()> {
        store::touch_tenant(&mut self.transaction, ccid, self.version).await
    }

    /// Goes on after what was done within it; where that was refused the change ends before anybody is told.
    pub async fn unless_refused<T, E>(self, done: Result<T, E>) -> Result<(Self, T), E> {
        let (transaction, done) = self.transaction.unless_refused(done).await?;
        let version = self.version;
        Ok((
            Self {
                transaction,
                version,
            },
            done,
        ))
    }

    /// Makes the change durable and puts it in force on this replica.
    ///
    /// # Errors
    ///
    /// The change may be durable nevertheless, where the commit's answer or the reading after it was lost. Changes may
    /// be repeated, so the caller is told to.
    pub async fn commit(self, pool: &Pool, directory: &Directory) -> Result<(), RefreshError> {
        self.transaction.commit().await?;
        directory.refresh(pool).await?;
        Ok(())
    }

    /// Makes the change durable while this replica has not read anything yet.
    pub async fn commit_before_start(self) -> sqlx::Result<()> {
        self.transaction.commit().await
    }
}
