//! Connections for each kind of work, so that no work can take another's.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use super::error::timed_out;
use super::lending::Pool;

/// A flush is given up after 2 s; what the server still does for it then is of no use to anybody.
const HOT_STATEMENT_TIMEOUT: Duration = Duration::from_millis(2_500);

/// How connections are opened. The tick, the committers and the listener open one each; everything else borrows.
#[derive(Debug, Clone)]
pub struct Database {
    /// For statements on the message path: short time-outs, and plans that stay on their indexes while tables grow.
    pub hot: Arc<PgConnectOptions>,
    /// Reading lanes from the queue, with the settings of the message path.
    pub queue: Pool,
    /// Look-ups of API calls.
    pub reads: Pool,
    /// Files that messages refer to: as strict as the message path.
    pub media: Pool,
    /// Provisioning, clean-up and other work that may take a moment.
    pub jobs: Pool,
}

/// Sizes of the borrowed pools.
#[derive(Debug, Clone, Copy)]
pub struct PoolSizes {
    pub queue: u32,
    pub reads: u32,
    pub jobs: u32,
    pub media: u32,
    /// After this the server gives a statement up; on the message path after 2.5 s where that is sooner.
    pub statement_timeout: Duration,
}

impl Database {
    /// Prepares the pools; nothing is connected yet.
    pub fn new(options: &PgConnectOptions, sizes: PoolSizes) -> Self {
        let options = options.clone().application_name("nexus-gateway");
        let patient = options.clone().options([
            ("statement_timeout", milliseconds(sizes.statement_timeout)),
            ("idle_in_transaction_session_timeout", "5s".to_owned()),
            ("jit", "off".to_owned()),
        ]);
        // The queue's tables are empty one minute and hold millions the next. A plan made for the first must not
        // scan the second, so on these connections every look-up goes by an index whatever the statistics say.
        let hot = options.options([
            (
                "statement_timeout",
                milliseconds(sizes.statement_timeout.min(HOT_STATEMENT_TIMEOUT)),
            ),
            ("idle_in_transaction_session_timeout", "1s".to_owned()),
            ("lock_timeout", "2s".to_owned()),
            ("synchronous_commit", "on".to_owned()),
            ("jit", "off".to_owned()),
            ("plan_cache_mode", "force_generic_plan".to_owned()),
            ("enable_seqscan", "off".to_owned()),
            ("enable_hashjoin", "off".to_owned()),
            ("enable_mergejoin", "off".to_owned()),
            // Nor may a nested loop keep a copy of what was a handful of rows when its plan was made.
            ("enable_bitmapscan", "off".to_owned()),
            ("enable_material", "off".to_owned()),
        ]);
        Self {
            queue: Pool::new(hot.clone(), sizes.queue),
            media: Pool::new(hot.clone(), sizes.media),
            hot: Arc::new(hot),
            reads: Pool::new(patient.clone(), sizes.reads),
            jobs: Pool::new(patient, sizes.jobs),
        }
    }

    /// Ends the borrowed pools, waiting for what is borrowed.
    pub async fn close(&self) {
        self.queue.close().await;
        self.reads.close().await;
        self.media.close().await;
        self.jobs.close().await;
    }
}

/// Waits for work with a borrowed connection no longer than `budget`. The server's own time-outs do not reach us where
/// the way to it swallows everything.
pub async fn within<T, E: From<sqlx::Error>>(
    budget: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    tokio::time::timeout(budget, work)
        .await
        .unwrap_or_else(|_| Err(timed_out().into()))
}

fn milliseconds(time: Duration) -> String {
    format!("{}ms", time.as_millis())
}
