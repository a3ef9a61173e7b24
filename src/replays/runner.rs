//! The task that works on replays: one per replica, whatever its role, and one step at a time.

use std::collections::HashMap;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::model::Held;
use super::step::{Next, step};
use super::store;
use crate::lanes;
use crate::lanes::model::Life;
use crate::messages::desk::Desk;
use crate::platform::database::within;
use crate::platform::job::Wake;
use crate::platform::lifecycle::Lifecycle;
use crate::platform::telemetry::metric;
use crate::values::{Ccid, ReplayId};

/// Jobs without an owner are looked for this often.
const LOOK_INTERVAL_MS: i64 = 10_000;
/// How long it is waited before a step that failed is tried again.
const RETRY_MS: i64 = 1_000;
/// Jobs that one replica works on; the rest waits, or is another's.
const JOBS_MAX: i64 = 256;
/// One step, also where the store answers nothing.
const STEP_TIME_MAX: Duration = Duration::from_secs(5);
/// How long leaving the jobs to others may take at the stop.
const LAST_WORDS_MAX: Duration = Duration::from_millis(500);

/// The task of one replica.
#[derive(Debug)]
pub struct Runner {
    desk: Desk,
    wake: Wake,
    /// The life under which the jobs are held.
    life: Option<Life>,
    /// When each job goes on, Unix milliseconds.
    jobs: HashMap<(Ccid, ReplayId), i64>,
    /// When jobs are looked for again.
    look_at: i64,
}

impl Runner {
    pub fn start(desk: Desk, lifecycle: &Lifecycle) -> Wake {
        let wake = Wake::default();
        let runner = Self {
            desk,
            wake: wake.clone(),
            life: None,
            jobs: HashMap::new(),
            look_at: 0,
        };
        let (draining, cut) = (lifecycle.draining(), lifecycle.cut());
        lifecycle.spawn_until_stop("replays", async move {
            // A step that is under way ends in peace unless that takes too long.
            tokio::select! {
                () = runner.run(draining) => {}
                () = cut.cancelled() => {}
            }
        });
        wake
    }

    async fn run(mut self, draining: CancellationToken) {
        while !draining.is_cancelled() {
            self.look().await;
            self.steps(&draining).await;
            let next = self.jobs.values().copied().min();
            let next = next.map_or(self.look_at, |next| next.min(self.look_at));
            tokio::select! {
                () = self.desk.clock.sleep_until(next) => {}
                () = self.wake.woken() => self.look_at = 0,
                () = draining.cancelled() => {}
            }
        }
        self.release().await;
    }

    /// Looks for jobs that nobody works on.
    async fn look(&mut self) {
        let life = self.desk.ownership.life();
        if life != self.life {
            self.jobs.clear();
            self.life = life;
            self.look_at = 0;
        }
        let now_ms = self.desk.clock.now_ms();
        if self.look_at > now_ms {
            return;
        }
        self.look_at = now_ms + LOOK_INTERVAL_MS;
        let Some(life) = life else {
            // Nothing is ours to work on while our lease is not proved.
            self.look_at = now_ms + RETRY_MS;
            return;
        };
        match within(STEP_TIME_MAX, claim(&self.desk, life)).await {
            Ok(held) => held.iter().for_each(|held| self.take(held, now_ms)),
            Err(error) => {
                failed(&error);
                self.look_at = now_ms + RETRY_MS;
            }
        }
    }

    fn take(&mut self, held: &Held, now_ms: i64) {
        let key = (held.ccid, held.id);
        if self.jobs.insert(key, now_ms).is_none() {
            info!(replay.id = %held.id, ccid = %held.ccid, "This replica works on a replay");
        }
    }

    /// Does one step of every job whose time has come.
    async fn steps(&mut self, draining: &CancellationToken) {
        let now_ms = self.desk.clock.now_ms();
        let due = self.jobs.iter().filter(|(_, next)| **next <= now_ms);
        let due: Vec<(Ccid, ReplayId)> = due.map(|(key, _)| *key).collect();
        for key in due {
            // Whoever cannot prove its lease begins nothing.
            let Some(life) = self
                .desk
                .ownership
                .life()
                .filter(|_| !draining.is_cancelled())
            else {
                return;
            };
            let (ccid, id) = key;
            let held = Held { ccid, id, life };
            // Boxed: it is large, and the task holds it all its life.
            let step = Box::pin(step(&self.desk, held));
            match within(STEP_TIME_MAX, step).await {
                Ok(Next::At(next)) => {
                    self.jobs.insert(key, next);
                }
                Ok(Next::Gone) => {
                    self.jobs.remove(&key);
                }
                Err(error) => {
                    failed(&error);
                    self.jobs.insert(key, self.desk.clock.now_ms() + RETRY_MS);
                }
            }
        }
    }

    /// Leaves the jobs to others, who would else wait for this life to be over.
    async fn release(&self) {
        let Some(life) = self.life.filter(|_| !self.jobs.is_empty()) else {
            return;
        };
        let released = within(LAST_WORDS_MAX, async {
            let mut connection = self.desk.database.jobs.acquire().await?;
            store::release(&mut connection, life).await
        });
        if let Err(error) = released.await {
            failed(&error);
        }
    }
}

/// Takes the jobs that no standing life works on. A life that begins meanwhile may lose one to us; only the row's owner
/// goes on with it.
async fn claim(desk: &Desk, life: Life) -> sqlx::Result<Vec<Held>> {
    let mut connection = desk.database.jobs.acquire().await?;
    if !store::any_running(&mut connection).await? {
        return Ok(Vec::new());
    }
    let standing = lanes::store::standing_lives(&mut connection).await?;
    store::claim(&mut connection, life, &standing, JOBS_MAX).await
}

fn failed(error: &sqlx::Error) {
    metrics::counter!(metric::REPLAY_STEPS_FAILED).increment(1);
    warn!(error.cause = %error, "A step of a replay failed; it is tried again");
}
