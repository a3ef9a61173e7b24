//! Giving lanes away: to the others' share, at the stop, or because their loop has failed here.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
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
    releases: Arc<Releases>,
}

/// Lanes that are ready to be given back. Whoever's turn it is gives all of them back by one statement.
#[derive(Debug, Default)]
struct Releases {
    ready: Mutex<Vec<(LaneId, oneshot::Sender<bool>)>>,
    turn: tokio::sync::Mutex<()>,
}

impl HandOvers {
    pub fn new(context: Arc<DispatchContext>) -> Self {
        Self {
            context,
            tasks: TaskTracker::new(),
            leaving: Arc::default(),
            strays_expected: Arc::default(),
            releases: Arc::default(),
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
            let is_released = this.is_released(life, lane).await;
            // Before it is looked for.
            this.leaving().remove(&lane);
            if !is_released {
                this.expect_strays();
            }
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

    /// Gives a lane back, with all others that are ready meanwhile; whether that has worked.
    async fn is_released(&self, life: Life, lane: LaneId) -> bool {
        let (tell, told) = oneshot::channel();
        self.releases.ready().push((lane, tell));
        let turn = self.releases.turn.lock().await;
        let ready = std::mem::take(&mut *self.releases.ready());
        if !ready.is_empty() {
            let lanes: Vec<i64> = ready.iter().map(|(lane, _)| lane.0).collect();
            let released = self.release(life, &lanes).await;
            if let Err(error) = &released {
                warn!(lanes = lanes.len(), error.cause = %error, "Lanes could not be released; they stay here for now");
            }
            for (_, tell) in ready {
                // Who does not wait any more needs no answer.
                let _ = tell.send(released.is_ok());
            }
        }
        drop(turn);
        told.await.unwrap_or(false)
    }

    async fn release(&self, life: Life, lanes: &[i64]) -> sqlx::Result<()> {
        within(PATIENCE, async {
            let mut connection = self.context.database.queue.acquire().await?;
            store::release_lanes(&mut connection, life, lanes).await
        })
        .await
    }
}

impl Releases {
    fn ready(&self) -> MutexGuard<'_, Vec<(LaneId, oneshot::Sender<bool>)>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
