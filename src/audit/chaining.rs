//! The task that gives records their places in the chain and drops those that are old enough: one replica does it for
//! all, so that whoever writes a record never waits for another.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::chain::{Hash, Link};
use super::model::{Action, Author, Entry};
use super::store::{self, chain};
use crate::lanes;
use crate::lanes::model::Life;
use crate::lanes::ownership::Ownership;
use crate::platform::clock::Clock;
use crate::platform::database::{Pool, within};
use crate::platform::lifecycle::Lifecycle;
use crate::platform::telemetry::metric;

/// The name under which the replicas know whose task it is.
const TASK: &str = "chain audit";
/// Between a round that failed and the next.
const RETRY_INTERVAL_MS: i64 = 1_000;
/// Records that are chained in one transaction.
const ROWS_MAX: i64 = 1_000;
/// Old records that go at once, at most: what is more goes the next day.
const ROWS_PER_DROP: i64 = 100_000;
/// One transaction, also where the store answers nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks for records that are old enough.
const DROP_LOOK_INTERVAL_MS: i64 = 10 * 60_000;
/// Between two drops: each is on record itself.
const DROP_INTERVAL_MS: i64 = 24 * 3_600_000;
/// Between two log lines that tell the end of the chain, which is kept elsewhere by whoever keeps the log.
const ANCHOR_INTERVAL_MS: i64 = 3_600_000;

/// The task of one replica.
struct Chaining {
    pool: Pool,
    clock: Clock,
    ownership: Arc<Ownership>,
    asked: Arc<Notify>,
    /// How long records are kept.
    keep_ms: i64,
    /// When old records are looked for again, by this replica's clock.
    drop_at: i64,
    /// When the end of the chain was told last, by the same.
    told_at: i64,
}

/// Starts the task. Records are kept for `keep_ms`; `asked` is told with each tick while some wait for their place.
pub fn start(
    (pool, keep_ms): (&Pool, i64),
    (clock, ownership): (&Clock, &Arc<Ownership>),
    asked: Arc<Notify>,
    lifecycle: &Lifecycle,
) {
    let chaining = Chaining {
        pool: pool.clone(),
        clock: clock.clone(),
        ownership: Arc::clone(ownership),
        asked,
        keep_ms,
        drop_at: 0,
        told_at: 0,
    };
    let (draining, cut) = (lifecycle.draining(), lifecycle.cut());
    lifecycle.spawn_until_stop("audit chain", async move {
        tokio::select! {
            () = chaining.run(draining) => {}
            () = cut.cancelled() => {}
        }
    });
}

impl Chaining {
    async fn run(mut self, draining: CancellationToken) {
        while !draining.is_cancelled() {
            let next = match self.round(&draining).await {
                Ok(()) => self.drop_at,
                Err(error) => {
                    metrics::counter!(metric::AUDIT_ROUNDS_FAILED).increment(1);
                    warn!(error.cause = %error, "Records could not be chained now; the next round goes on");
                    self.clock.now_ms() + RETRY_INTERVAL_MS
                }
            };
            tokio::select! {
                () = self.asked.notified() => {}
                () = self.clock.sleep_until(next) => {}
                () = draining.cancelled() => {}
            }
        }
    }

    /// Chains whatever is there and drops what is old enough, if that is our task.
    async fn round(&mut self, draining: &CancellationToken) -> sqlx::Result<()> {
        let Some(mut life) = self.ownership.life() else {
            // The first tick that proves a life asks again where there is something to do.
            self.drop_at = self.clock.now_ms() + RETRY_INTERVAL_MS;
            return Ok(());
        };
        while within(PATIENCE, self.chain(life)).await? == Some(ROWS_MAX) {
            match self.ownership.life().filter(|_| !draining.is_cancelled()) {
                Some(present) => life = present,
                None => return Ok(()),
            }
        }
        let now_ms = self.clock.now_ms();
        if self.drop_at <= now_ms {
            within(PATIENCE, self.drop_old(life)).await?;
            self.drop_at = now_ms + DROP_LOOK_INTERVAL_MS;
        }
        Ok(())
    }

    /// Chains some records; `None` where it is another's task. Nobody else does so before the transaction has ended.
    async fn chain(&mut self, life: Life) -> sqlx::Result<Option<i64>> {
        let mut transaction = self.pool.begin().await?;
        if !lanes::store::hold_task(&mut transaction, life, TASK).await? {
            transaction.commit().await?;
            return Ok(None);
        }
        let mut head = chain::ends(&mut transaction).await?.head;
        let records = chain::unchained(&mut transaction, ROWS_MAX).await?;
        if records.is_empty() {
            transaction.commit().await?;
            return Ok(Some(0));
        }
        let mut links = Vec::with_capacity(records.len());
        for record in &records {
            let place = head.place + 1;
            let hash = Hash::of(record, place, head.hash);
            head = Link { place, hash };
            links.push((record.id, head));
        }
        chain::put_links(&mut transaction, &links).await?;
        transaction.commit().await?;
        self.tell(head);
        Ok(i64::try_from(links.len()).ok())
    }

    /// Now and then: the log is kept apart from the database, so it shows what was cut off or forged there.
    fn tell(&mut self, head: Link) {
        let now_ms = self.clock.now_ms();
        if now_ms - self.told_at >= ANCHOR_INTERVAL_MS {
            self.told_at = now_ms;
            info!(audit.anchor = %head, "The chain of records ends here");
        }
    }

    /// Drops old records, if that is our task and was not done a moment ago.
    async fn drop_old(&self, life: Life) -> sqlx::Result<()> {
        let mut transaction = self.pool.begin().await?;
        if !lanes::store::hold_task(&mut transaction, life, TASK).await? {
            return transaction.commit().await;
        }
        let ends = chain::ends(&mut transaction).await?;
        if ends.now_ms - ends.cut_at < DROP_INTERVAL_MS {
            return transaction.commit().await;
        }
        let before = ends.now_ms - self.keep_ms;
        let last = chain::drop_before(&mut transaction, (&ends, before), ROWS_PER_DROP).await?;
        if let Some(last) = last {
            let dropped = (Action::RecordsDropped, last.to_string());
            let record = Entry::without_key(Author::Gateway, dropped);
            store::append(&mut transaction, &record).await?;
            info!(audit.cut = %last, "Old records were dropped");
        }
        transaction.commit().await
    }
}
