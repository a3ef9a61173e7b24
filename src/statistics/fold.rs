//! The task that folds the rows beside the messages into totals: one replica does it for all.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::store;
use crate::lanes;
use crate::lanes::model::Life;
use crate::lanes::ownership::Ownership;
use crate::platform::clock::Clock;
use crate::platform::database::{Pool, within};
use crate::platform::lifecycle::Lifecycle;
use crate::platform::telemetry::metric;

/// The name under which the replicas know whose task it is.
const TASK: &str = "fold statistics";
/// Between two rounds.
const INTERVAL_MS: i64 = 10_000;
/// Rows of one transaction, some 50 ms.
const ROWS_MAX: i64 = 10_000;
/// One transaction, also where the store answers nothing.
const PATIENCE: Duration = Duration::from_secs(5);

/// The task of one replica.
struct Folding {
    pool: Pool,
    clock: Clock,
    ownership: Arc<Ownership>,
    /// The life under which the task was ours at last.
    held: Option<Life>,
}

/// Starts the task.
pub fn start(pool: &Pool, clock: &Clock, ownership: &Arc<Ownership>, lifecycle: &Lifecycle) {
    let folding = Folding {
        pool: pool.clone(),
        clock: clock.clone(),
        ownership: Arc::clone(ownership),
        held: None,
    };
    let (draining, cut) = (lifecycle.draining(), lifecycle.cut());
    lifecycle.spawn_until_stop("statistics", async move {
        tokio::select! {
            () = folding.run(draining) => {}
            () = cut.cancelled() => {}
        }
    });
}

impl Folding {
    async fn run(mut self, draining: CancellationToken) {
        while !draining.is_cancelled() {
            self.round(&draining).await;
            tokio::select! {
                () = self.clock.sleep_until(self.clock.now_ms() + INTERVAL_MS) => {}
                () = draining.cancelled() => {}
            }
        }
    }

    /// Folds whatever is there, if that is our task.
    async fn round(&mut self, draining: &CancellationToken) {
        while let Some(life) = self.ownership.life().filter(|_| !draining.is_cancelled()) {
            match within(PATIENCE, self.fold(life)).await {
                Ok(Some(ROWS_MAX)) => {}
                Ok(_) => return,
                Err(error) => {
                    metrics::counter!(metric::STATISTICS_FOLDS_FAILED).increment(1);
                    warn!(error.cause = %error, "Statistics could not be folded now; the next round goes on");
                    return;
                }
            }
        }
    }

    /// Folds some rows; `None` where there are none, or it is another's task. Nobody else does so before the transaction has ended.
    async fn fold(&mut self, life: Life) -> sqlx::Result<Option<i64>> {
        if !store::any_to_fold(&mut *self.pool.acquire().await?).await? {
            return Ok(None);
        }
        let mut transaction = self.pool.begin().await?;
        if !lanes::store::hold_task(&mut transaction, life, TASK).await? {
            transaction.commit().await?;
            return Ok(None);
        }
        let folded = store::fold(&mut transaction, ROWS_MAX).await?;
        transaction.commit().await?;
        if self.held.replace(life) != Some(life) {
            info!(replica = life.number, "This replica folds the statistics");
        }
        Ok(Some(folded))
    }
}
