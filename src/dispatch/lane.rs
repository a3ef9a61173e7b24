//! The loop of one lane that this replica owns: takes in, sends within the lane's caps, records.
//!
//! ```text
//!   accept ──arrived──┐                        ┌─ attempt ─ gate ─ provider
//!   table ──rows──────┤→ queue ─ admitted? ────┤
//!   timers ──due──────┘     (breaker, caps,    └→ outcome → decision → results ──recorded──→ forget
//!                            rate, pause)
//! ```

mod intake;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::mpsc;
use tracing::debug;

use super::attempt::{self, Attempt};
use super::brakes::Brakes;
use super::breaker::Breaker;
use super::context::DispatchContext;
use super::judgement::{self, Judge, Judged};
use super::open_attempts::{Ended, OpenAttempts};
use super::queue::{LaneQueue, Wait};
use super::results::ResultRow;
use super::rows::Rows;
use super::slots::{Slot, Turn};
use crate::connectors::outcome::NotStarted;
use crate::lanes::model::{Arrival, Life, Place};
use crate::lanes::ownership::{LaneSignal, OwnedLane};
use crate::lanes::store::LaneRow;
use crate::provisioning::directory::Channel;
use crate::values::Ccid;

/// One lane's loop.
pub struct LaneLoop {
    context: Arc<DispatchContext>,
    owned: Arc<OwnedLane>,
    inbox: mpsc::UnboundedReceiver<LaneSignal>,
    /// Signals that were taken from the inbox; they are heard next.
    unheard: VecDeque<LaneSignal>,
    life: Life,
    ccid: Ccid,
    rows: Rows,
    queue: LaneQueue,
    brakes: Brakes,
    attempts: OpenAttempts,
    /// Its place among the lanes that wait for a slot.
    turn: Arc<Turn>,
    /// Results handed over and not durable yet.
    unrecorded: usize,
    /// Deliveries that are to wait in the table until a time (Unix ms) once their results are durable.
    put_by: HashMap<Place, i64>,
    unread: Unread,
}

/// What has to be read from the database before anything is sent.
#[derive(Debug, Clone, Copy)]
struct Unread {
    /// Whether somebody has paused or resumed the lane.
    pause: bool,
    /// Which deliveries hold their successors, from the owner before.
    holding: bool,
}

impl std::fmt::Debug for LaneLoop {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("LaneLoop")
            .field("lane", &self.owned.lane)
            .finish_non_exhaustive()
    }
}

impl LaneLoop {
    /// A lane as it was claimed. Reads its rows at once if it has any.
    pub fn new(
        context: Arc<DispatchContext>,
        (owned, inbox): (Arc<OwnedLane>, mpsc::UnboundedReceiver<LaneSignal>),
        life: Life,
        row: &LaneRow,
    ) -> Self {
        let mut rows = Rows::new(
            (row.ccid, row.lane),
            context.database.queue.clone(),
            context.clock.clone(),
        );
        if row.has_rows {
            rows.read_again();
        }
        let failures = u32::try_from(row.failures_in_a_row).unwrap_or(0);
        let breaker = Breaker::restore(context.settings.breaker, failures, row.parked_until);
        let mut lane = Self {
            brakes: Brakes::new(breaker, row.paused),
            queue: LaneQueue::new(true),
            attempts: OpenAttempts::default(),
            turn: Arc::default(),
            unrecorded: 0,
            put_by: HashMap::new(),
            unheard: VecDeque::new(),
            unread: Unread {
                // Whoever paused or resumed it while it was on its way to us woke nobody.
                pause: row.has_rows || row.paused,
                holding: row.has_rows,
            },
            ccid: row.ccid,
            context,
            owned,
            inbox,
            life,
            rows,
        };
        lane.apply_settings();
        lane
    }

    /// Runs until the lane is given away, the life ends, or everything is cut.
    pub async fn run(mut self) {
        let owned = Arc::clone(&self.owned);
        let _running = owned.running();
        loop {
            while let Some(signal) = self.unheard.pop_front() {
                self.hear(signal);
            }
            self.refill().await;
            self.start_attempts();
            self.turn.pass_on();
            self.owned.set_open_attempts(self.attempts.len());
            if self.brakes.is_releasing() && self.attempts.is_empty() && self.unrecorded == 0 {
                return;
            }
            if !self.unheard.is_empty() || self.wants_page() {
                continue;
            }
            let wake_at = self.wake_at();
            let (clock, turn) = (self.context.clock.clone(), Arc::clone(&self.turn));
            tokio::select! {
                signal = self.inbox.recv() => match signal {
                    Some(signal) => self.listen(signal),
                    None => return,
                },
                Some(ended) = self.attempts.next() => self.settle(ended).await,
                () = turn.comes() => {}
                () = clock.sleep_until(wake_at.unwrap_or(i64::MAX)) => self.queue.advance(clock.now_ms()),
            }
        }
    }

    fn start_attempts(&mut self) {
        while self.may_start() && self.queue.has_ready() {
            let now_ms = self.context.clock.now_ms();
            let Some(channel) = self.channel() else {
                self.brakes.set_back(now_ms);
                return;
            };
            let in_flight_max = channel.max_in_flight(self.context.settings.lane_max_in_flight);
            if self.attempts.len() >= in_flight_max || !self.brakes.admit(now_ms) {
                return;
            }
            // Last, since whoever asks for a slot in vain waits for its turn.
            let Some(slot) = self.context.slots.take(self.ccid, &self.turn) else {
                self.brakes.breaker.not_started();
                return;
            };
            if let Some(arrival) = self.queue.pop() {
                self.start(arrival, channel, slot, now_ms);
            }
        }
    }

    fn start(&mut self, arrival: Arrival, channel: Arc<Channel>, slot: Slot, now_ms: i64) {
        if arrival.delivery.was_held() {
            self.brakes.breaker.not_started();
            let with = (Arc::clone(&self.context), channel);
            return self.attempts.resolve(with, arrival, slot);
        }
        let attempt = Attempt {
            context: Arc::clone(&self.context),
            life: self.life,
            channel,
            open: self.brakes.open(),
        };
        // What a restore left open is sent again where that is safe.
        let is_open = arrival.delivery.announced_at.is_some() && !attempt.channel.repeats_safe();
        if arrival.delivery.expires_at <= now_ms || is_open {
            self.brakes.breaker.not_started();
            return self.attempts.skip(attempt, arrival, slot);
        }
        self.brakes.charge(attempt::parts(&arrival), now_ms);
        self.attempts.begin(attempt, arrival, slot);
    }

    /// Whether this lane may begin an attempt at all.
    fn may_start(&self) -> bool {
        !self.unread.pause
            && !self.unread.holding
            && !self.context.ownership.is_held()
            && !self.context.lifecycle.draining().is_cancelled()
            && self.brakes.let_go(self.context.clock.now_ms())
    }

    /// Turns an attempt's report into what is recorded, and lets the recipient's next delivery go.
    async fn settle(&mut self, ended: Ended) {
        let Ended {
            mut arrival,
            report,
            channel,
        } = ended;
        let now_ms = self.context.clock.now_ms();
        let judge = Judge {
            context: &self.context,
            life: self.life,
            owner: &self.owned,
            channel: &channel,
        };
        match judgement::judge(&judge, &arrival, &report, &mut self.brakes.breaker) {
            Judged::NotStarted(why) => self.put_off(arrival, why, now_ms),
            Judged::Ended(row) => {
                if row.endpoint.as_ref().is_some_and(|endpoint| endpoint.pause) {
                    self.brakes.pause();
                }
                self.record(*row).await;
                self.queue.finished(&arrival);
            }
            Judged::Waits(row, wait) => {
                self.wait(arrival, wait, now_ms);
                self.record(*row).await;
            }
            Judged::Held(row, until) => {
                arrival.delivery.announced_at = Some(now_ms.min(until - 1));
                let wait = Wait {
                    due_at: until,
                    holds_until: None,
                };
                self.wait(arrival, wait, now_ms);
                self.record(*row).await;
            }
        }
    }

    /// Puts a delivery by, in memory or in the table, whose attempt has ended.
    fn wait(&mut self, mut arrival: Arrival, wait: Wait, now_ms: i64) {
        arrival.delivery.attempt += 1;
        arrival.delivery.holds_until = wait.holds_until;
        arrival.delivery.due_at = Some(wait.due_at);
        arrival.checked_at = None;
        if self.context.keeps_in_memory(&arrival.delivery, now_ms) {
            self.queue.wait(arrival, wait, now_ms);
        } else {
            self.put_by.insert(arrival.delivery.place, wait.due_at);
            self.queue.wait_in_table(&arrival, wait, now_ms);
        }
    }

    async fn record(&mut self, row: ResultRow) {
        self.unrecorded += 1;
        self.context.results.record(row).await;
    }

    /// The gate kept the attempt from beginning: nothing is charged, and it begins anew when what kept it has passed.
    fn put_off(&mut self, mut arrival: Arrival, why: NotStarted, now_ms: i64) {
        debug!(message.id = %arrival.delivery.place.id, "An attempt did not begin: {}", why.class());
        arrival.checked_at = None;
        self.queue.put_back(arrival);
        if !matches!(why, NotStarted::LaneClosed) {
            self.brakes.set_back(now_ms);
        }
    }

    fn channel(&self) -> Option<Arc<Channel>> {
        self.context
            .directory
            .snapshot()
            .lane(self.owned.lane)
            .cloned()
    }

    fn wake_at(&self) -> Option<i64> {
        let now_ms = self.context.clock.now_ms();
        let loose = self.brakes.loosen_at(now_ms, self.queue.has_ready());
        // Without room nothing is read however due it is; room comes with the end of an attempt. The same goes for a
        // lane that is given away, and one that is set back reads after that.
        let reads = self.room() > 0 && !self.brakes.is_releasing();
        let due = self.rows.due.next().filter(|_| reads);
        let due = due.filter(|due| *due > now_ms || !self.brakes.is_set_back(now_ms));
        [loose, due, self.queue.next_timer()]
            .into_iter()
            .flatten()
            .min()
    }
}
