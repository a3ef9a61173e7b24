//! Connections that are lent one at a time.
//!
//! A pool of sqlx tries each connection that is given back, and waits for the answer without end: where the way to the
//! store swallows everything its place is lost for ever. Here it has a second, after which its place is free again.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgConnection, PgPool, Postgres, raw_sql};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long whoever asks waits for a connection.
const LENT_WITHIN: Duration = Duration::from_secs(2);
/// How long a connection that is given back may take to answer.
const GIVEN_BACK_WITHIN: Duration = Duration::from_secs(1);

/// A number of connections; cheap to clone, and clones share them.
#[derive(Debug, Clone)]
pub struct Pool {
    connections: PgPool,
    turns: Arc<Semaphore>,
}

/// A place among those who may borrow at this moment.
#[derive(Debug)]
pub struct Turn {
    _permit: Option<OwnedSemaphorePermit>,
}

/// A connection that is given back when this is dropped.
#[derive(Debug)]
pub struct Lent {
    connection: PoolConnection<Postgres>,
    /// Whether it is closed instead, because a transaction is open on it.
    closes: bool,
}

/// A transaction on a lent connection. Dropped without [`Transaction::commit`] it leaves nothing
/// behind, and its connection is closed.
#[derive(Debug)]
pub struct Transaction(Lent);

impl Pool {
    /// At most `size` connections, each opened when it is first needed.
    pub fn new(options: PgConnectOptions, size: u32) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(size)
            .acquire_timeout(LENT_WITHIN)
            .idle_timeout(Duration::from_mins(10));
        Self {
            connections: pool.connect_lazy_with(options),
            turns: Arc::new(Semaphore::new(size as usize)),
        }
    }

    /// Waits until it is one's turn to borrow, in the order of asking and however long it takes. This is for a crowd that
    /// wants to borrow at once: a wait for the others says nothing about the store, so it should not use up the time
    /// within which a connection has to be there.
    pub async fn turn(&self) -> Turn {
        Turn {
            // It is never closed; nobody would have to wait then.
            _permit: Arc::clone(&self.turns).acquire_owned().await.ok(),
        }
    }

    /// Waits up to 2 s for a connection that answers.
    pub async fn acquire(&self) -> sqlx::Result<Lent> {
        Ok(Lent {
            connection: self.connections.acquire().await?,
            closes: false,
        })
    }

    /// The same with a transaction opened on it.
    pub async fn begin(&self) -> sqlx::Result<Transaction> {
        let mut lent = self.acquire().await?;
        // Set first: whoever waits for this may give up at any moment.
        lent.closes = true;
        raw_sql("begin").execute(&mut *lent).await?;
        Ok(Transaction(lent))
    }

    /// Ends all connections, waiting for those that are lent.
    pub async fn close(&self) {
        self.connections.close().await;
    }
}

impl Transaction {
    pub async fn commit(mut self) -> sqlx::Result<()> {
        raw_sql("commit").execute(&mut *self.0).await?;
        self.0.closes = false;
        Ok(())
    }

    /// Goes on after what was done within it. Where that was refused everything is undone and every lock let go first,
    /// which dropping does only some time later, so that whoever is told can try again at once.
    pub async fn unless_refused<T, E>(mut self, done: Result<T, E>) -> Result<(Self, T), E> {
        match done {
            Ok(done) => Ok((self, done)),
            Err(refused) => {
                // Whoever cannot be told loses the connection, and with it the transaction.
                if raw_sql("rollback").execute(&mut *self.0).await.is_ok() {
                    self.0.closes = false;
                }
                Err(refused)
            }
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if self.closes {
            return self.connection.close_on_drop();
        }
        let given_back = self.connection.return_to_pool();
        #[expect(
            clippy::disallowed_methods,
            reason = "nothing can be awaited here; it ends within its time"
        )]
        tokio::spawn(tokio::time::timeout(GIVEN_BACK_WITHIN, given_back));
    }
}

impl Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl Deref for Transaction {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}
