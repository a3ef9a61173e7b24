//! How much waits in each lane, so that no lane takes more than it may.
//!
//! Nothing is counted per message. Every replica estimates for itself: what it counted last, and what it has accepted
//! since. It counts anew when a tenth of the room that was left is used up, so the nearer a lane is to its limit, the
//! oftener; but counting never takes more than a twentieth of the time. Several replicas may together pass the limit
//! by what they accept between two counts.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tracing::warn;

use super::model::LaneId;
use super::store;
use crate::platform::clock::Clock;
use crate::platform::database::{Pool, within};
use crate::platform::telemetry::metric;
use crate::values::Ccid;

/// The share of the free room after which it is counted anew.
const STEPS: i64 = 10;
/// A count is trusted this many times as long as it took.
const PAUSES: u32 = 20;
/// How long a count may take before it is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// The lane has as much as it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many messages wait for this channel's endpoint")]
pub struct Full;

/// The backlogs of the lanes that this replica accepts for; cheap to clone.
#[derive(Debug, Clone)]
pub struct Backlogs(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    pool: Pool,
    clock: Clock,
    /// Deliveries of one lane.
    lane_max: i64,
    lanes: RwLock<HashMap<LaneId, Arc<Backlog>>>,
}

/// One lane's.
#[derive(Debug, Default)]
struct Backlog {
    estimate: AtomicI64,
    /// From this estimate on it is counted anew.
    count_at: AtomicI64,
    /// Until when the last count is trusted. Held while it is counted.
    trusted_until: Mutex<Option<Instant>>,
}

impl Backlogs {
    pub fn new(pool: Pool, clock: Clock, lane_max: i64) -> Self {
        Self(Arc::new(Shared {
            pool,
            clock,
            lane_max,
            lanes: RwLock::default(),
        }))
    }

    /// Takes note of a message that is about to be accepted. A lane that cannot be counted takes it.
    pub async fn admit(&self, ccid: Ccid, lane: LaneId) -> Result<(), Full> {
        let backlog = self.0.of(lane);
        let estimate = backlog.estimate.fetch_add(1, Ordering::AcqRel) + 1;
        if estimate < backlog.count_at.load(Ordering::Acquire) {
            return Ok(());
        }
        self.0.look(&backlog, ccid, lane).await
    }
}

impl Shared {
    fn of(&self, lane: LaneId) -> Arc<Backlog> {
        let lanes = self.lanes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(backlog) = lanes.get(&lane) {
            return Arc::clone(backlog);
        }
        drop(lanes);
        let mut lanes = self.lanes.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lanes.entry(lane).or_default())
    }

    /// Counts if the last count is not to be trusted any more, and decides about one message.
    async fn look(&self, backlog: &Backlog, ccid: Ccid, lane: LaneId) -> Result<(), Full> {
        let mut trusted_until = backlog.trusted_until.lock().await;
        let began = self.clock.monotonic();
        if trusted_until.is_none_or(|until| until <= began) {
            let counted = within(PATIENCE, async {
                let mut connection = self.pool.acquire().await?;
                store::backlog(&mut connection, (ccid, lane), self.lane_max).await
            });
            let counted = counted.await.unwrap_or_else(|error: sqlx::Error| {
                metrics::counter!(metric::BACKLOG_COUNTS_FAILED).increment(1);
                warn!(lane.id = lane.0, error.cause = %error, "A lane's backlog could not be counted; it takes messages");
                0
            });
            let took = self.clock.monotonic().duration_since(began);
            *trusted_until = Some(began + took * (PAUSES + 1));
            backlog.estimate.store(counted + 1, Ordering::Release);
            let step = ((self.lane_max - counted) / STEPS).max(1);
            // Whoever would be one too many always looks.
            let count_at = (counted + 1 + step).min(self.lane_max + 1);
            backlog.count_at.store(count_at, Ordering::Release);
        }
        if backlog.estimate.load(Ordering::Acquire) > self.lane_max {
            backlog.estimate.fetch_sub(1, Ordering::AcqRel);
            return Err(Full);
        }
        Ok(())
    }
}
