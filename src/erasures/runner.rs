//! The task that works on erasures: every replica has it, and one of them does all of the work, one step at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::step::{NotDone, step};
use super::store;
use crate::lanes::model::Life;
use crate::messages::desk::Desk;
use crate::platform::database::within;
use crate::platform::job::Wake;
use crate::platform::lifecycle::Lifecycle;
use crate::platform::telemetry::metric;
use crate::platform::vault::Vault;
use crate::values::{Ccid, ErasureId};

/// Jobs that another replica has taken down are looked for this often.
const LOOK_INTERVAL_MS: i64 = 2_000;
/// How long it is waited before a step that failed is tried again.
const RETRY_MS: i64 = 1_000;
/// One step, also where the store answers nothing.
const STEP_TIME_MAX: Duration = Duration::from_secs(10);

/// The task of one replica.
#[derive(Debug)]
pub struct Runner {
    desk: Desk,
    vault: Arc<Vault>,
    wake: Wake,
}

impl Runner {
    pub fn start(desk: Desk, vault: Arc<Vault>, lifecycle: &Lifecycle) -> Wake {
        let wake = Wake::default();
        let runner = Self {
            desk,
            vault,
            wake: wake.clone(),
        };
        let (draining, cut) = (lifecycle.draining(), lifecycle.cut());
        lifecycle.spawn_until_stop("erasures", async move {
            // A step that is under way ends in peace unless that takes too long.
            tokio::select! {
                () = runner.run(draining) => {}
                () = cut.cancelled() => {}
            }
        });
        wake
    }

    async fn run(self, draining: CancellationToken) {
        while !draining.is_cancelled() {
            let next = self.round(&draining).await;
            tokio::select! {
                () = self.desk.clock.sleep_until(next) => {}
                () = self.wake.woken() => {}
                () = draining.cancelled() => {}
            }
        }
    }

    /// Works until nothing is due, and answers when to look again.
    async fn round(&self, draining: &CancellationToken) -> i64 {
        loop {
            let now_ms = self.desk.clock.now_ms();
            let life = self.desk.ownership.life();
            // Whoever cannot prove its lease begins nothing.
            let Some(life) = life.filter(|_| !draining.is_cancelled()) else {
                return now_ms + RETRY_MS;
            };
            let due = match within(STEP_TIME_MAX, self.first_due()).await {
                Ok(due) => due,
                Err(error) => {
                    failed(&error.into());
                    return now_ms + RETRY_MS;
                }
            };
            match due {
                Some((job, at)) if at <= now_ms => {
                    if !self.work_on(life, job).await {
                        return now_ms + LOOK_INTERVAL_MS;
                    }
                }
                Some((_, at)) => return at.min(now_ms + LOOK_INTERVAL_MS),
                None => return now_ms + LOOK_INTERVAL_MS,
            }
        }
    }

    async fn first_due(&self) -> sqlx::Result<Option<((Ccid, ErasureId), i64)>> {
        let mut connection = self.desk.database.jobs.acquire().await?;
        store::first_due(&mut connection).await
    }

    /// Does one step of a job; `false` where that is another replica's task. A job whose step fails lets others pass.
    async fn work_on(&self, life: Life, job: (Ccid, ErasureId)) -> bool {
        // Boxed: it is large, and the task holds it all its life.
        let step = Box::pin(step((&self.desk, &self.vault), life, job));
        let done = match tokio::time::timeout(STEP_TIME_MAX, step).await {
            Ok(done) => done,
            Err(_) => Err(NotDone::Store(crate::platform::database::error::timed_out())),
        };
        match done {
            Ok(is_ours) => is_ours,
            Err(error) => {
                failed(&error);
                let until = self.desk.clock.now_ms() + RETRY_MS;
                if let Err(error) = within(STEP_TIME_MAX, self.postpone(job, until)).await {
                    failed(&error.into());
                    return false;
                }
                true
            }
        }
    }

    async fn postpone(&self, job: (Ccid, ErasureId), until_ms: i64) -> sqlx::Result<()> {
        let mut connection = self.desk.database.jobs.acquire().await?;
        store::postpone(&mut connection, job, until_ms).await
    }
}

fn failed(error: &NotDone) {
    metrics::counter!(metric::ERASURE_STEPS_FAILED).increment(1);
    warn!(error.cause = %error, "A step of an erasure failed; it is tried again");
}
