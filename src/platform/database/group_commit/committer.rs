//! A committer: one task with a connection of its own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::{Flush, GroupCommitOptions, NotWritten, State};
use crate::platform::database::error::{Fault, fault};
use crate::platform::database::within;
use crate::platform::telemetry::metric;

/// One statement or transaction may take this long before its connection is given up.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a committer without a connection tries for one.
const RECONNECT_INTERVAL: Duration = Duration::from_millis(100);
/// Largest sum of weights (bytes) of one batch.
const BATCH_BYTES_MAX: usize = 1 << 20;

pub(super) struct Committer<F: Flush> {
    pub(super) options: GroupCommitOptions,
    pub(super) connect: PgConnectOptions,
    pub(super) connection: Option<PgConnection>,
    pub(super) flush: Arc<F>,
    pub(super) receiver: mpsc::Receiver<F::Item>,
    /// The item that did not fit into the batch before; it comes first.
    pub(super) held_back: Option<F::Item>,
    /// Of this committer, beside the group's.
    pub(super) pending: Arc<AtomicUsize>,
    pub(super) state: Arc<State>,
}

impl<F: Flush> Committer<F> {
    /// Writes what comes until nobody can hand anything over any more.
    pub(super) async fn run(mut self) {
        while let Some(batch) = self.take_batch().await {
            self.write(batch).await;
        }
        if let Some(connection) = self.connection.take() {
            // A goodbye spares the server a log line; nothing depends on it.
            let _ = tokio::time::timeout(Duration::from_secs(1), connection.close()).await;
        }
    }

    /// Waits for one item, then takes what is there.
    async fn take_batch(&mut self) -> Option<Vec<F::Item>> {
        let first = match self.held_back.take() {
            Some(item) => item,
            None => self.receiver.recv().await?,
        };
        if !self.options.window.is_zero() {
            tokio::time::sleep(self.options.window).await;
        }
        let mut rows = self.flush.rows(&first);
        let mut bytes = self.flush.weight(&first);
        let mut batch = vec![first];
        while rows < self.options.batch_rows_max && bytes < BATCH_BYTES_MAX {
            let Ok(item) = self.receiver.try_recv() else {
                break;
            };
            // What follows an item that must wait must not overtake it, so the batch ends here.
            if rows + self.flush.rows(&item) > self.options.batch_rows_max
                || !self.flush.fits(&batch, &item)
            {
                self.held_back = Some(item);
                break;
            }
            rows += self.flush.rows(&item);
            bytes += self.flush.weight(&item);
            batch.push(item);
        }
        self.count_pending(self.state.pending.load(Ordering::Acquire));
        Some(batch)
    }

    async fn write(&mut self, batch: Vec<F::Item>) {
        let mut stack = vec![(batch, false)];
        let started = Instant::now();
        while let Some((mut batch, repeat)) = stack.pop() {
            match self.try_flush(&mut batch, repeat).await {
                Ok(answer) => {
                    self.count_time(started);
                    self.available(true);
                    let items = batch.len();
                    self.flush.written(batch, answer);
                    self.settle(items);
                }
                Err(error) => match self.count_failure(&error) {
                    Fault::Unavailable => {
                        self.retry_later(&mut stack, batch, started, &error).await;
                    }
                    Fault::Conflict => {
                        self.available(true);
                        stack.push((batch, repeat));
                    }
                    Fault::Data | Fault::Program if batch.len() > 1 => {
                        let second = batch.split_off(batch.len() / 2);
                        stack.push((second, repeat));
                        stack.push((batch, repeat));
                    }
                    Fault::Data | Fault::Program => {
                        // The store has answered, so it is there.
                        self.available(true);
                        warn!(committer = self.options.name, error.cause = %error, "An item cannot be stored and is refused");
                        self.settle(batch.len());
                        self.flush.not_written(batch, NotWritten::Refused);
                    }
                },
            }
        }
    }

    async fn try_flush(&mut self, batch: &mut [F::Item], repeat: bool) -> sqlx::Result<F::Answer> {
        let flushed = within(FLUSH_TIMEOUT, self.flush(batch, repeat)).await;
        // After any error the connection may be inside a transaction: a new one is cheap beside a wrong one.
        if flushed.is_err() {
            self.connection = None;
        }
        flushed
    }

    async fn flush(&mut self, batch: &mut [F::Item], repeat: bool) -> sqlx::Result<F::Answer> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect.connect().await.map_err(no_connection)?,
        };
        let connection = self.connection.insert(connection);
        self.flush.flush(connection, batch, repeat).await
    }

    async fn retry_later(
        &mut self,
        stack: &mut Vec<(Vec<F::Item>, bool)>,
        batch: Vec<F::Item>,
        started: Instant,
        error: &sqlx::Error,
    ) {
        self.flush.in_doubt(&batch);
        if self.state.available.swap(false, Ordering::AcqRel) {
            warn!(committer = self.options.name, error.cause = %error, "The store is not available");
        }
        if self
            .options
            .patience
            .is_none_or(|patience| started.elapsed() < patience)
        {
            tokio::time::sleep(RECONNECT_INTERVAL).await;
            stack.push((batch, true));
            return;
        }
        self.settle(batch.len());
        self.flush.not_written(batch, NotWritten::Unavailable);
        self.refuse_all_until_connected().await;
    }

    /// Refuses what waits, then stays here until the store answers, so that callers hear it at once.
    async fn refuse_all_until_connected(&mut self) {
        loop {
            let mut refused: Vec<_> = self.held_back.take().into_iter().collect();
            while let Ok(item) = self.receiver.try_recv() {
                refused.push(item);
            }
            if !refused.is_empty() {
                self.settle(refused.len());
                self.flush.not_written(refused, NotWritten::Unavailable);
            }
            if let Ok(connection) = within(FLUSH_TIMEOUT, writable(&self.connect)).await {
                self.connection = Some(connection);
                self.available(true);
                return;
            }
            tokio::time::sleep(RECONNECT_INTERVAL).await;
        }
    }

    fn available(&self, available: bool) {
        if !self.state.available.swap(available, Ordering::AcqRel) && available {
            info!(
                committer = self.options.name,
                "The store is available again"
            );
        }
    }

    fn settle(&self, items: usize) {
        self.pending.fetch_sub(items, Ordering::AcqRel);
        let before = self.state.pending.fetch_sub(items, Ordering::AcqRel);
        if before == items {
            self.state.settled.notify_waiters();
        }
        self.count_pending(before - items);
    }

    fn count_pending(&self, items: usize) {
        #[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
        let items = items as f64;
        metrics::gauge!(metric::COMMITS_PENDING, "committer" => self.options.name).set(items);
    }

    fn count_time(&self, started: Instant) {
        metrics::histogram!(metric::COMMIT_SECONDS, "committer" => self.options.name)
            .record(started.elapsed());
    }

    fn count_failure(&self, error: &sqlx::Error) -> Fault {
        let fault = fault(error);
        let labels = [("committer", self.options.name), ("fault", fault.as_str())];
        metrics::counter!(metric::COMMITS_FAILED, &labels).increment(1);
        fault
    }
}

/// Whatever keeps us from a connection says nothing about what is to be stored.
fn no_connection(error: sqlx::Error) -> sqlx::Error {
    match fault(&error) {
        Fault::Unavailable => error,
        Fault::Conflict | Fault::Data | Fault::Program => sqlx::Error::Io(io::Error::other(error)),
    }
}

/// A connection to a server that takes writes and has room for some: neither a standby takes them, nor an old primary
/// that was told not to, and a full disk refuses whatever grows while small changes still succeed.
async fn writable(connect: &PgConnectOptions) -> sqlx::Result<PgConnection> {
    let mut connection = connect.connect().await?;
    let takes_writes =
        sqlx::query_scalar::<_, bool>("select current_setting('transaction_read_only') = 'off'")
            .fetch_one(&mut connection)
            .await?;
    if !takes_writes {
        return Err(sqlx::Error::BeginFailed);
    }
    has_room(&mut connection).await?;
    Ok(connection)
}

/// Lets the server write some megabytes beside its tables, which leaves nothing behind: what does not fit into the
/// memory of a statement goes into a temporary file.
async fn has_room(connection: &mut PgConnection) -> sqlx::Result<()> {
    let mut transaction = connection.begin().await?;
    for setting in [
        "set local work_mem = '64kB'",
        "set local temp_tablespaces = ''",
    ] {
        sqlx::query(setting).execute(&mut *transaction).await?;
    }
    sqlx::query("select count(*) from generate_series(1, 150000)")
        .execute(&mut *transaction)
        .await?;
    transaction.rollback().await
}
