//! One change of what is provisioned: a transaction that is seen by every replica once it is committed.

use sqlx::PgConnection;

use super::directory::{Directory, RefreshError};
use super::store;
use crate::audit::{self, Entry};
use crate::platform::database::{Pool, Transaction};
use crate::values::Ccid;

/// A change under way. Dropped without [`Change::commit`] it leaves nothing behind.
#[derive(Debug)]
pub struct Change {
    transaction: Transaction,
    version: i64,
    touched: Vec<Ccid>,
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
            touched: Vec::new(),
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
        if !self.touched.contains(&ccid) {
            self.touched.push(ccid);
        }
        store::touch_tenant(&mut self.transaction, ccid, self.version).await
    }

    /// Goes on after what was done within it; where that was refused the change ends before anybody is told.
    pub async fn unless_refused<T, E>(self, done: Result<T, E>) -> Result<(Self, T), E> {
        let (transaction, done) = self.transaction.unless_refused(done).await?;
        let (version, touched) = (self.version, self.touched);
        Ok((
            Self {
                transaction,
                version,
                touched,
            },
            done,
        ))
    }

    /// Makes the change durable with the record of who made it, and puts it in force on this replica.
    ///
    /// # Errors
    ///
    /// The change may be durable nevertheless, where the commit's answer or the reading after it was lost. Changes may
    /// be repeated, so the caller is told to.
    pub async fn commit(
        mut self,
        record: &Entry,
        (pool, directory): (&Pool, &Directory),
    ) -> Result<(), RefreshError> {
        directory
            .give_lanes(&mut self.transaction, &self.touched)
            .await?;
        self.commit_before_start(record).await?;
        directory.refresh(pool).await?;
        Ok(())
    }

    /// Makes the change durable with its record while this replica has not read anything yet.
    pub async fn commit_before_start(mut self, record: &Entry) -> sqlx::Result<()> {
        audit::store::append(&mut self.transaction, record).await?;
        self.transaction.commit().await
    }
}
