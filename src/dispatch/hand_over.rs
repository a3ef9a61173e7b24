//! Giving lanes away: to the others' share, at the stop, or because their loop has failed here.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::context::DispatchContext;
use crate::lanes::model::{LaneId, Life};
use crate::lanes::ownership::LaneSignal;
use crate::lanes::store;
use crate::platform::database::within;

/// How long the statement that gives a lane back may take. Where it fails, the lane is a stray.
const PATIENCE: Duration = Duration::from_secs(3);

/// The lanes of this replica that are on their way to somebody else; cheap to clone.
#[derive(Debug, Clone)]
pub struct HandOvers {
    context: Arc<DispatchContext>,
    tasks: TaskTracker,
    leaving: Arc<Mutex<HashSet<LaneId>>>,
    /// There may be lanes that are ours in the database and not in memory: an answer was lost, a loop failed, or a
    /// release did.
    strays_expected: Arc<AtomicBool>,
}

impl HandOvers {
    pub fn new(context: Arc<DispatchContext>) -> Self {
        Self {
            context,
            tasks: TaskTracker::new(),
            leaving: Arc::default(),
            strays_expected: Arc::default(),
        }
    }

    /// Hands a lane over gracefully: no accept counts on it, no attempt is open, all results are durable.
    pub fn give_away(&self, life: Life, lane: LaneId) {
        let Some(owned) = self.context.ownership.remove(lane) else {
            return;
        };
        self.leaving().insert(lane);
        let this = self.clone();
        self.tasks.spawn(async move {
            owned.accepts_ended().await;
            owned.signal(LaneSignal::Release);
            owned.loop_ended().await;
            if let Err(error) = this.release(life, lane).await {
                warn!(lane = lane.0, error.cause = %error, "A lane could not be released; it stays here for now");
                this.expect_strays();
            }
            this.leaving().remove(&lane);
        });
    }

    /// Gives all lanes away, and cancels `given_away` when they are.
    pub fn give_all_away(&self, life: Option<Life>, given_away: CancellationToken) {
        if let Some(life) = life {
            for lane in self.context.ownership.lanes() {
                self.give_away(life, lane);
            }
        }
        self.tasks.close();
        let tasks = self.tasks.clone();
        self.context
            .lifecycle
            .spawn_until_stop("hand-overs", async move {
                tasks.wait().await;
                given_away.cancel();
            });
    }

    pub fn expect_strays(&self) {
        self.strays_expected.store(true, Ordering::Release);
    }

    /// Whether there may be strays; asking takes note that they are being looked for.
    pub fn are_strays_expected(&self) -> bool {
        self.strays_expected.swap(false, Ordering::AcqRel)
    }

    /// The lanes on their way; these are no strays.
    pub fn leaving(&self) -> MutexGuard<'_, HashSet<LaneId>> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn release(&self, life: Life, lane: LaneId) -> sqlx::Result<()> {
        within(PATIENCE, async {
            let mut connection = self.context.database.queue.acquire().await?;
            store::release_lanes(&mut connection, life, &[lane.0]).await
        })
        .await
    }
}
