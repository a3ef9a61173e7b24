//! Everything that is sealed is sealed anew with the current master key, while replicas serve.
//!
//! What is still to be done follows from the rows alone, so a run that was killed is simply begun again. A batch locks its
//! rows, changes them and commits; a row that somebody is changing is left for later, so nobody waits for us longer than a
//! batch takes and no change is lost. It knows no plaintext for longer than one row takes.

mod column;

use std::fmt;
use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::sleep;
use uuid::Uuid;

use crate::audit::model::Author;
use crate::audit::{self, Action, Entry};
use crate::platform::clock::Clock;
use crate::platform::database::Pool;
use crate::platform::vault::{KeyId, SealedRow, Vault, VaultError, register};
pub use column::Column;

/// Looks at everything. More than two are needed only where somebody seals with another key meanwhile.
const PASSES_MAX: u32 = 10;
/// Between two looks, for those who are changing what was left out.
const PASS_INTERVAL: Duration = Duration::from_millis(300);

/// How fast it goes.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Values in one transaction.
    pub batch: i64,
    /// Between two transactions.
    pub pause: Duration,
}

/// What is told while it goes on.
pub type Told<'a> = &'a mut (dyn FnMut(u64) + Send);

/// Everything is sealed with the current master key.
#[derive(Debug)]
pub struct Rekeyed {
    pub values: u64,
    pub current: KeyId,
    /// Configured keys that nothing needs any more, and did before.
    pub replaced: Vec<KeyId>,
}

/// Why not everything is sealed with the current master key. What was done stays done.
#[derive(Debug, thiserror::Error)]
pub enum RekeyError {
    #[error("the database cannot be used: {0}; run it again to go on")]
    Database(#[from] sqlx::Error),
    #[error(
        "{} values cannot be opened with any configured master key; no other master key may be removed yet",
        .0.len()
    )]
    Unopened(Vec<Unopened>),
    #[error(
        "{0} values are still sealed with another master key: a replica seals with it, or holds them; restart the replicas \
         that have it as security.master_key, then run this again"
    )]
    Left(i64),
}

/// How many values another master key than this one has sealed.
pub async fn sealed_otherwise(connection: &mut PgConnection, key_id: KeyId) -> sqlx::Result<i64> {
    let mut count = 0;
    for column in Column::ALL {
        count += column.sealed_otherwise(connection, key_id).await?;
    }
    Ok(count)
}

/// A value that does not open in its place.
#[derive(Debug)]
pub struct Unopened {
    table: &'static str,
    ccid: Uuid,
    row: String,
    cause: VaultError,
}

impl fmt::Display for Unopened {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            table,
            ccid,
            row,
            cause,
        } = self;
        write!(formatter, "{table} of {ccid}, {row:?}: {cause}")
    }
}

/// Seals everything anew and says, after each batch, how many values that were so far.
pub async fn rekey(
    (pool, clock): (&Pool, &Clock),
    vault: &Vault,
    pace: Pace,
    told: Told<'_>,
) -> Result<Rekeyed, RekeyError> {
    let mut run = Run {
        pool,
        vault,
        pace,
        values: 0,
        told,
    };
    if run.left().await? > 0 {
        let record = run.entry(Action::RekeyBegun);
        let mut transaction = pool.begin().await?;
        audit::store::append(&mut transaction, &record).await?;
        transaction.commit().await?;
    }
    for pass in 0..PASSES_MAX {
        if pass > 0 {
            sleep(PASS_INTERVAL).await;
        }
        let unopened = run.pass().await?;
        let left = run.left().await?;
        if left == 0 {
            return run.end(clock.now_ms()).await;
        }
        if usize::try_from(left).is_ok_and(|left| left == unopened.len()) {
            return Err(RekeyError::Unopened(unopened));
        }
    }
    Err(RekeyError::Left(run.left().await?))
}

/// One call of the command.
struct Run<'a> {
    pool: &'a Pool,
    vault: &'a Vault,
    pace: Pace,
    values: u64,
    told: Told<'a>,
}

impl Run<'_> {
    /// Looks at everything once; what did not open stays as it is.
    async fn pass(&mut self) -> sqlx::Result<Vec<Unopened>> {
        let mut unopened = Vec::new();
        for column in Column::ALL {
            let mut after = (Uuid::nil(), String::new());
            while let Some(last) = self.batch(column, after, &mut unopened).await? {
                after = last;
                sleep(self.pace.pause).await;
            }
        }
        Ok(unopened)
    }

    /// Seals the next values of a column anew; the place of the last, if there was any.
    async fn batch(
        &mut self,
        column: Column,
        after: (Uuid, String),
        unopened: &mut Vec<Unopened>,
    ) -> sqlx::Result<Option<(Uuid, String)>> {
        let mut transaction = self.pool.begin().await?;
        let from = ((after.0, after.1.as_str()), self.pace.batch);
        let rows = column
            .lock_sealed_otherwise(&mut transaction, self.vault.current_id(), from)
            .await?;
        let last = rows.last().map(|row| (row.ccid, row.row.clone()));
        let mut anew = Vec::with_capacity(rows.len());
        for row in rows {
            match self.vault.reseal(&column.context(&row), &row.sealed) {
                Ok(sealed) => anew.push(SealedRow { sealed, ..row }),
                Err(cause) => unopened.push(Unopened {
                    table: column.table(),
                    ccid: row.ccid,
                    row: row.row,
                    cause,
                }),
            }
        }
        column.put_sealed(&mut transaction, &anew).await?;
        transaction.commit().await?;
        if !anew.is_empty() {
            self.values += anew.len() as u64;
            (self.told)(self.values);
        }
        Ok(last)
    }

    /// How many values another key has sealed.
    async fn left(&self) -> sqlx::Result<i64> {
        let mut connection = self.pool.acquire().await?;
        sealed_otherwise(&mut connection, self.vault.current_id()).await
    }

    /// Notes that no other key is needed. From here on none of them seals: a replica that would does not start.
    async fn end(self, now_ms: i64) -> Result<Rekeyed, RekeyError> {
        let mut transaction = self.pool.begin().await?;
        let replaced = register::replace_others(&mut transaction, self.vault, now_ms).await?;
        if self.values > 0 || !replaced.is_empty() {
            let names = replaced.iter().map(KeyId::to_string);
            let record = self.entry(Action::RekeyEnded).changing(names);
            audit::store::append(&mut transaction, &record).await?;
        }
        transaction.commit().await?;
        Ok(Rekeyed {
            values: self.values,
            current: self.vault.current_id(),
            replaced,
        })
    }

    fn entry(&self, action: Action) -> Entry {
        let current = self.vault.current_id().to_string();
        Entry::without_key(Author::CommandLine, (action, current))
    }
}
