//! What this replica may do at this moment: its lease, and the lanes that it owns.
//!
//! Accepts ask here whether a lane is ours and hand committed messages over in memory; dispatch registers lanes and
//! takes them back. A lane that is being given away takes no further accept as its owner, and is only released once
//! the accepts that were under way have ended.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::model::{Arrival, LaneId, Life, Place};
use super::store::HoldPhase;
use crate::platform::clock::Clock;

/// What a lane's loop is told.
#[derive(Debug)]
pub enum LaneSignal {
    /// Committed by an accept of this replica.
    Arrived(Vec<Arrival>),
    /// Other replicas accepted something, or the lane's row changed.
    LookForRows,
    /// The lane's settings may have changed, or somebody may have resumed it: nothing is read unless it is stopped.
    Refresh,
    /// Something may have been missed: read the lane again from its beginning.
    ReadAgain,
    /// That many results are through: durable, or not to be written any more.
    Recorded {
        results: usize,
        /// These deliveries are done with.
        done: Vec<Place>,
        /// These wait in the table until they are due.
        waiting: Vec<Place>,
    },
    /// Give the lane away once its open attempts have ended.
    Release,
}

/// One lane that this replica owns.
#[derive(Debug)]
pub struct OwnedLane {
    pub lane: LaneId,
    inbox: mpsc::UnboundedSender<LaneSignal>,
    /// Arrivals sent and not yet taken in; bounds the memory of a lane whose loop is busy.
    waiting: AtomicUsize,
    waiting_max: usize,
    /// Open attempts, as its loop last said.
    open_attempts: AtomicUsize,
    accepting: AtomicUsize,
    accepts_ended: Notify,
    loop_ended: CancellationToken,
}

impl OwnedLane {
    /// A lane whose loop reads from the receiver. At most `waiting_max` arrivals wait in memory for it.
    pub fn new(
        lane: LaneId,
        waiting_max: usize,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<LaneSignal>) {
        let (inbox, receiver) = mpsc::unbounded_channel();
        let lane = Self {
            lane,
            inbox,
            waiting: AtomicUsize::new(0),
            waiting_max,
            open_attempts: AtomicUsize::new(0),
            accepting: AtomicUsize::new(0),
            accepts_ended: Notify::new(),
            loop_ended: CancellationToken::new(),
        };
        (Arc::new(lane), receiver)
    }

    /// Tells the loop. A loop that has ended needs no telling: its lane is read from the table by the next owner.
    pub fn signal(&self, signal: LaneSignal) {
        let _ = self.inbox.send(signal);
    }

    /// Hands committed messages over; where too many wait already, the loop reads them from the table instead.
    pub fn hand_over(&self, arrivals: Vec<Arrival>) {
        let count = arrivals.len();
        if self.waiting.fetch_add(count, Ordering::AcqRel) + count > self.waiting_max {
            self.waiting.fetch_sub(count, Ordering::AcqRel);
            self.signal(LaneSignal::ReadAgain);
        } else {
            self.signal(LaneSignal::Arrived(arrivals));
        }
    }

    /// The loop has taken in what [`OwnedLane::hand_over`] sent.
    pub fn took_in(&self, count: usize) {
        self.waiting.fetch_sub(count, Ordering::AcqRel);
    }

    /// The loop has that many attempts open.
    pub fn set_open_attempts(&self, count: usize) {
        self.open_attempts.store(count, Ordering::Relaxed);
    }

    /// The loop ends when this is dropped, however it ends.
    pub fn running(&self) -> DropGuard {
        self.loop_ended.clone().drop_guard()
    }

    /// Waits until the loop has ended.
    pub async fn loop_ended(&self) {
        self.loop_ended.cancelled().await;
    }

    /// Waits until no accept is under way that believes this lane to be ours. Call after `Ownership::remove`.
    pub async fn accepts_ended(&self) {
        loop {
            let ended = self.accepts_ended.notified();
            if self.accepting.load(Ordering::Acquire) == 0 {
                return;
            }
            ended.await;
        }
    }
}

/// While it lives, its lane is not given away.
#[derive(Debug)]
pub struct AcceptGuard(Arc<OwnedLane>);

impl AcceptGuard {
    pub fn lane(&self) -> &OwnedLane {
        &self.0
    }
}

impl Drop for AcceptGuard {
    fn drop(&mut self) {
        if self.0.accepting.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.accepts_ended.notify_one();
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Lease {
    life: Life,
    /// When the tick was sent that proved it.
    proved_at: Instant,
    /// No attempt starts and no id is made after this.
    valid_until: Instant,
}

/// This replica's lease and lanes; shared by everything that accepts or sends.
#[derive(Debug)]
pub struct Ownership {
    clock: Clock,
    lease: ArcSwapOption<Lease>,
    lanes: RwLock<HashMap<LaneId, Arc<OwnedLane>>>,
    /// The hold after a restore, as the last tick showed it.
    hold: watch::Sender<Option<HoldPhase>>,
}

impl Ownership {
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            lease: ArcSwapOption::empty(),
            lanes: RwLock::new(HashMap::new()),
            hold: watch::Sender::new(None),
        }
    }

    /// A tick that was sent at `sent_at` succeeded; the lease counts from there.
    pub fn renew(&self, life: Life, sent_at: Instant, validity: Duration) {
        self.lease.store(Some(Arc::new(Lease {
            life,
            proved_at: sent_at,
            valid_until: sent_at + validity,
        })));
    }

    /// The life is over: nothing may start, and no lane is ours.
    pub fn end_life(&self) -> Vec<Arc<OwnedLane>> {
        self.lease.store(None);
        self.drain()
    }

    /// From now on accepts treat every lane as somebody else's.
    pub fn drain(&self) -> Vec<Arc<OwnedLane>> {
        self.write().drain().map(|(_, lane)| lane).collect()
    }

    /// The life under which ids may be made and attempts may start at this moment.
    pub fn life(&self) -> Option<Life> {
        let lease = self.lease.load();
        lease
            .as_ref()
            .filter(|lease| self.clock.monotonic() < lease.valid_until)
            .map(|lease| lease.life)
    }

    /// Whether a tick has succeeded lately: the sign that the store takes writes.
    pub fn proved_within(&self, age: Duration) -> bool {
        self.lease
            .load()
            .as_ref()
            .is_some_and(|lease| self.clock.monotonic().duration_since(lease.proved_at) <= age)
    }

    /// Takes note of the hold after a restore, and tells what it was before.
    pub fn set_hold(&self, hold: Option<HoldPhase>) -> Option<HoldPhase> {
        let mut before = hold;
        self.hold.send_if_modified(|present| {
            before = std::mem::replace(present, hold);
            before != hold
        });
        before
    }

    /// Whether nothing may be sent because of a restore.
    pub fn is_held(&self) -> bool {
        self.hold.borrow().is_some()
    }

    /// The hold after a restore, now and whenever it changes.
    pub fn hold(&self) -> watch::Receiver<Option<HoldPhase>> {
        self.hold.subscribe()
    }

    /// From now on accepts hand over to this lane.
    pub fn insert(&self, lane: Arc<OwnedLane>) {
        self.write().insert(lane.lane, lane);
    }

    /// From now on accepts treat the lane as somebody else's.
    pub fn remove(&self, lane: LaneId) -> Option<Arc<OwnedLane>> {
        self.write().remove(&lane)
    }

    /// The guard of an accept into a lane of ours; `None` if the lane is somebody else's.
    pub fn begin_accept(&self, lane: LaneId) -> Option<AcceptGuard> {
        let lanes = self.lanes.read().unwrap_or_else(PoisonError::into_inner);
        let owned = lanes.get(&lane)?;
        // Counted under the lock, so that whoever removes the lane sees it.
        owned.accepting.fetch_add(1, Ordering::AcqRel);
        Some(AcceptGuard(Arc::clone(owned)))
    }

    /// Tells the lane's loop if the lane is ours.
    pub fn signal(&self, lane: LaneId, signal: LaneSignal) {
        if let Some(owned) = self
            .lanes
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&lane)
        {
            owned.signal(signal);
        }
    }

    /// The lanes that are ours.
    pub fn lanes(&self) -> Vec<LaneId> {
        self.lanes
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .copied()
            .collect()
    }

    /// Our lanes with open attempts, and how many.
    pub fn busy(&self) -> Vec<(LaneId, usize)> {
        let lanes = self.lanes.read().unwrap_or_else(PoisonError::into_inner);
        lanes
            .values()
            .map(|owned| (owned.lane, owned.open_attempts.load(Ordering::Relaxed)))
            .filter(|(_, open)| *open > 0)
            .collect()
    }

    pub fn count(&self) -> usize {
        self.lanes
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<LaneId, Arc<OwnedLane>>> {
        self.lanes.write().unwrap_or_else(PoisonError::into_inner)
    }
}
