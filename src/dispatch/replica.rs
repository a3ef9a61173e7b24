//! This replica among the others: its life, its beat, and which lanes are its own.
//!
//! A tick about every seventh of the lease raises our beat and shows the beats of the others. A replica is dead once its
//! beat was seen unchanged for 0.9 lease of our own monotonic time during which our own ticks all succeeded; so an
//! outage of the database moves no lane, and no clock has to agree with another. We start nothing later than 0.7 lease
//! after the sending of our last good tick. Death is one compare-and-set, and every write under a life checks it.

mod life;

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use sqlx::{ConnectOptions, PgConnection};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::context::DispatchContext;
use super::hand_over::HandOvers;
use super::handover::FollowerLoop;
use super::hold;
use super::lane::LaneLoop;
use super::share::share_of;
use super::wake::Waker;
use super::watch::Watch;
use crate::connectors::open_messaging;
use crate::history::model::Horizon;
use crate::lanes::model::{LaneId, Life};
use crate::lanes::ownership::{LaneSignal, OwnedLane};
use crate::lanes::store::{self, HoldPhase, LaneRow, Tick};
use crate::platform::database::within;
use crate::platform::telemetry::metric;

/// Shares of the lease; design rests on validity + one tick being less than the time until death.
const TICK_SHARE: f64 = 0.15;
const VALIDITY_SHARE: f64 = 0.7;
const SILENCE_SHARE: f64 = 0.9;
/// A longer time between two ticks of ours, as a share of the lease, means that we were not watching.
const GAP_SHARE: f64 = 0.5;
/// A tick comes at least this often however long the lease: what is provisioned is in force everywhere within a second,
/// also where nobody could be told of it.
pub const TICK_INTERVAL_MAX: Duration = Duration::from_millis(750);
/// How long the end of a life may take at the stop.
const LAST_WORDS_MAX: Duration = Duration::from_millis(500);
/// A claim or a release that we gave up may be carried out whenever the store gets to it, so this often it is looked
/// for without a reason.
const STRAYS_INTERVAL: Duration = Duration::from_mins(1);
/// Most lanes that one tick claims.
const CLAIM_MAX: usize = 20_000;
/// A lane that nobody has taken for so many ticks is taken by whoever sees it, beyond an even share.
const TICKS_TO_OTHERS: u32 = 10;

/// The loop of this replica.
#[derive(Debug)]
pub struct Replica {
    context: Arc<DispatchContext>,
    /// Whether this process sends at all, or only accepts.
    sends: bool,
    sights: Sights,
    connection: Option<PgConnection>,
    life: Option<Life>,
    watch: Watch,
    looked_for_strays: Instant,
    /// Ticks in a row that have shown a lane without an owner.
    ticks_waited: u32,
    hand_overs: HandOvers,
    /// Lanes of ours that nothing waited in when they were taken.
    seemed_empty: Vec<i64>,
}

/// Where a tick puts what it has seen for others.
#[derive(Debug)]
pub struct Sights {
    /// Told only of another version.
    pub directory_version: watch::Sender<i64>,
    pub feed: watch::Sender<Horizon>,
    pub waker: Waker,
}

/// The stages of a stop that this loop takes part in.
#[derive(Debug, Clone, Default)]
pub struct Stages {
    /// Cancelled by this loop when no lane is ours and no attempt is open any more.
    pub lanes_given_away: CancellationToken,
    /// Cancelled by the stop when nothing accepts any more.
    pub done_with_life: CancellationToken,
    /// Cancelled by this loop when the life has ended.
    pub life_ended: CancellationToken,
}

impl Replica {
    pub fn new(context: Arc<DispatchContext>, sends: bool, sights: Sights) -> Self {
        let lease = context.settings.lease;
        Self {
            watch: Watch::new(lease.mul_f64(SILENCE_SHARE), lease.mul_f64(GAP_SHARE)),
            looked_for_strays: context.clock.monotonic(),
            ticks_waited: 0,
            seemed_empty: Vec::new(),
            hand_overs: HandOvers::new(Arc::clone(&context)),
            context,
            sends,
            sights,
            connection: None,
            life: None,
        }
    }

    /// Takes a number and begins to beat. With `alone` no other replica can be alive: whoever was here before is dead.
    pub async fn begin(&mut self, alone: bool) -> sqlx::Result<()> {
        if alone {
            let connection = self.connection().await?;
            for life in store::standing_lives(connection).await? {
                store::end_life(connection, life).await?;
            }
        }
        self.beat(true).await
    }

    /// Ticks until the process is done with accepting, since accepts and results are proved by this life. When the
    /// stop begins the lanes are given away; others need not wait for more than their last open attempts.
    pub async fn run(mut self, stages: Stages) {
        let _ended = stages.life_ended.clone().drop_guard();
        let draining = self.context.lifecycle.draining();
        let mut provisioned = self.context.directory.changes();
        let to_look = self.sights.waker.asked().to_look;
        let mut giving_away = false;
        while !stages.done_with_life.is_cancelled() {
            tokio::select! {
                () = tokio::time::sleep(self.tick_interval()) => {}
                // A lane that was just provisioned is claimed at once.
                Ok(()) = provisioned.changed() => {}
                () = to_look.notified() => {}
                () = stages.done_with_life.cancelled() => break,
                () = draining.cancelled(), if !giving_away => {
                    giving_away = true;
                    self.hand_overs.give_all_away(self.life, stages.lanes_given_away.clone());
                }
            }
            // Half-open connections answer nothing, not even an error.
            let budget = self.lease().mul_f64(VALIDITY_SHARE);
            let beat = tokio::select! {
                beat = within(budget, self.beat(!giving_away)) => beat,
                // The stop does not wait for a store that answers nothing.
                () = stages.done_with_life.cancelled() => Err(sqlx::Error::WorkerCrashed),
            };
            if let Err(error) = beat {
                self.missed(&error);
            }
        }
        self.end().await;
    }

    async fn beat(&mut self, takes_lanes: bool) -> sqlx::Result<()> {
        let (life, tick) = self.tick(self.sends && takes_lanes).await?;
        self.tell(&tick);
        if hold::follow(&self.context, tick.hold) {
            return self.begin_anew(life).await;
        }
        // Whoever takes a lane reads it, so what is in it is marked first.
        let is_marked = tick.hold != Some(HoldPhase::Marking);
        if self.sends && takes_lanes && is_marked {
            self.balance(life, &tick).await?;
            self.take_strays(life).await?;
            self.look_where_work_is().await?;
        }
        self.context.count();
        Ok(())
    }

    fn tell(&self, tick: &Tick) {
        let asked = self.sights.waker.asked();
        self.sights.directory_version.send_if_modified(|version| {
            std::mem::replace(version, tick.directory_version) != tick.directory_version
        });
        self.sights.feed.send_replace(tick.feed);
        self.sights.waker.note_company(tick.beats.len() > 1);
        if tick.waits.cancellation {
            asked.to_cancel.notify_one();
        }
        if tick.waits.record {
            asked.to_chain.notify_one();
        }
    }

    /// Proves our life, or begins a new one where it has ended, and buries who has gone silent.
    async fn tick(&mut self, sends: bool) -> sqlx::Result<(Life, Tick)> {
        loop {
            let life = match self.life {
                Some(life) => life,
                None => self.register().await?,
            };
            let patience = self.lease().mul_f64(VALIDITY_SHARE / 2.0);
            let clock = self.context.clock.clone();
            let report = store::Report {
                sends,
                busy: self.context.ownership.busy(),
            };
            let connection = self.connection().await?;
            let sent_at = clock.monotonic();
            let tick = within(patience, store::tick(connection, life, &report)).await?;
            let answered_at = clock.monotonic();
            clock.observe_database_time(tick.now_ms, sent_at);
            if !tick.alive {
                self.life_ended(life);
                continue;
            }
            let validity = self.lease().mul_f64(VALIDITY_SHARE);
            self.context.ownership.renew(life, sent_at, validity);
            let others = tick
                .beats
                .iter()
                .copied()
                .filter(|(other, _)| *other != life);
            for (dead, beat) in self.watch.look((sent_at, answered_at), others) {
                self.bury(dead, beat).await?;
            }
            return Ok((life, tick));
        }
    }

    /// Takes an even share of the lanes, and gives away what is more.
    async fn balance(&mut self, life: Life, tick: &Tick) -> sqlx::Result<()> {
        let lanes = self.context.directory.snapshot().lanes().count();
        let share = share_of(life, lanes, &tick.senders);
        let mine = self.context.ownership.lanes();
        self.ticks_waited = if tick.waits.lane {
            self.ticks_waited + 1
        } else {
            0
        };
        if mine.len() > share {
            for lane in mine.into_iter().skip(share) {
                self.hand_overs.give_away(life, lane);
            }
            return Ok(());
        }
        let mut room = (share - mine.len()).min(CLAIM_MAX);
        if room == 0 && self.ticks_waited >= TICKS_TO_OTHERS {
            room = 1;
        }
        if !tick.waits.lane || room == 0 {
            return Ok(());
        }
        let connection = self.connection().await?;
        let claimed = store::claim_lanes(connection, life, room).await?;
        for row in &claimed {
            self.take(life, row);
        }
        Ok(())
    }

    /// What others accepted while a lane was on its way to us woke nobody: the claim did not see it yet, and the
    /// wake-up found no owner. A lane stays on the list until this has been asked.
    async fn look_where_work_is(&mut self) -> sqlx::Result<()> {
        if self.seemed_empty.is_empty() {
            return Ok(());
        }
        let empty = self.seemed_empty.clone();
        let connection = self.connection().await?;
        for lane in store::lanes_to_look_at(connection, &empty).await? {
            let signal = LaneSignal::LookForRows;
            self.context.ownership.signal(lane, signal);
        }
        self.seemed_empty.clear();
        Ok(())
    }

    fn take(&mut self, life: Life, row: &LaneRow) {
        if !row.has_rows {
            self.seemed_empty.push(row.lane.0);
        }
        let (owned, inbox) = OwnedLane::new(row.lane, self.context.settings.memory_deliveries_max);
        let (context, of_lane) = (Arc::clone(&self.context), (Arc::clone(&owned), inbox));
        let lane = if row.connector == open_messaging::CONNECTOR {
            FollowerLoop::new(context, of_lane, life, row).run().boxed()
        } else {
            LaneLoop::new(context, of_lane, life, row).run().boxed()
        };
        self.context.ownership.insert(owned);
        let (context, hand_overs, id) =
            (Arc::clone(&self.context), self.hand_overs.clone(), row.lane);
        let over = self.context.lifecycle.over();
        self.context.lifecycle.spawn_until_stop("lane", async move {
            tokio::select! {
                ended = AssertUnwindSafe(lane).catch_unwind() => {
                    if ended.is_err() {
                        error!(lane = id.0, "A lane's loop failed; it begins anew from the table");
                        context.ownership.remove(id);
                        hand_overs.expect_strays();
                    }
                }
                () = over.cancelled() => {}
            }
        });
    }

    /// Takes lanes that the database calls ours and that nobody here attends to.
    async fn take_strays(&mut self, life: Life) -> sqlx::Result<()> {
        let now = self.context.clock.monotonic();
        let is_time = now.duration_since(self.looked_for_strays) >= STRAYS_INTERVAL;
        if !self.hand_overs.are_strays_expected() && !is_time {
            return Ok(());
        }
        self.looked_for_strays = now;
        let hand_overs = self.hand_overs.clone();
        // Before the question, so that a lane that leaves meanwhile is not taken for one that stays.
        let leaving = hand_overs.leaving().clone();
        let connection = self.connection().await?;
        let found = store::lanes_of_life(connection, life)
            .await
            .inspect_err(|_| hand_overs.expect_strays())?;
        let attended: HashSet<LaneId> = self.context.ownership.lanes().into_iter().collect();
        for row in &found {
            if !attended.contains(&row.lane) && !leaving.contains(&row.lane) {
                self.take(life, row);
            }
        }
        Ok(())
    }

    fn missed(&mut self, error: &sqlx::Error) {
        metrics::counter!(metric::TICKS_FAILED).increment(1);
        warn!(error.cause = %error, "A tick failed");
        self.connection = None;
        self.watch.interrupt();
        // A claim whose answer was lost may have been granted.
        self.hand_overs.expect_strays();
    }

    async fn connection(&mut self) -> sqlx::Result<&mut PgConnection> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.context.database.hot.connect().await?,
        };
        Ok(self.connection.insert(connection))
    }

    fn lease(&self) -> Duration {
        self.context.settings.lease
    }

    fn tick_interval(&self) -> Duration {
        self.lease().mul_f64(TICK_SHARE).min(TICK_INTERVAL_MAX)
    }
}
