//! The loop of one lane that this replica owns: takes in, sends within the lane's caps, records.
//!
//! ```text
//!   accept ──arrived──┐                        ┌─ attempt ─ gate ─ provider
//!   table ──rows──────┤→ queue ─ admitted? ────┤
//!   timers ──due──────┘     (breaker, caps,    └→ outcome → decision → results ──recorded──→ forget
//!                            rate, pause)
//! ```

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::attempt::{self, Attempt};
use super::brakes::Brakes;
use super::breaker::Breaker;
use super::context::DispatchContext;
use super::judgement::{self, Judge, Judged};
use super::open_attempts::{Ended, OpenAttempts};
use super::queue::{LaneQueue, is_deferred};
use super::results::ResultRow;
use super::rows::Rows;
use super::slots::Slot;
use crate::connectors::outcome::NotStarted;
use crate::lanes::model::{Arrival, Life};
use crate::lanes::ownership::{LaneSignal, OwnedLane};
use crate::lanes::store::LaneRow;
use crate::platform::telemetry::metric;
use crate::provisioning::directory::Channel;
use crate::values::{Ccid, MessageId};

/// One lane's loop.
pub struct LaneLoop {
    context: Arc<DispatchContext>,
    owned: Arc<OwnedLane>,
    inbox: mpsc::UnboundedReceiver<LaneSignal>,
    /// Signals that were passed over to find what was handed over before them; they come next.
    unheard: VecDeque<LaneSignal>,
    life: Life,
    ccid: Ccid,
    rows: Rows,
    queue: LaneQueue,
    brakes: Brakes,
    attempts: OpenAttempts,
    /// Results handed over and not durable yet.
    unrecorded: usize,
    /// Deliveries that are to wait in the table until a time (Unix ms) once their results are durable.
    put_by: HashMap<MessageId, i64>,
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
            unrecorded: 0,
            put_by: HashMap::new(),
            unheard: VecDeque::new(),
            unread: Unread {
                pause: false,
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
            let slots = Arc::clone(&self.context.slots);
            let freed = slots.freed();
            tokio::pin!(freed);
            // Registered before we look, so that a slot freed meanwhile still wakes us.
            freed.as_mut().enable();
            self.start_attempts();
            if self.brakes.is_releasing() && self.attempts.is_empty() && self.unrecorded == 0 {
                return;
            }
            let wake_at = self.wake_at();
            let clock = self.context.clock.clone();
            tokio::select! {
                signal = self.inbox.recv() => match signal {
                    Some(signal) => self.hear(signal),
                    None => return,
                },
                Some(ended) = self.attempts.next() => self.settle(ended).await,
                () = freed, if self.queue.has_ready() && self.may_start() => {}
                () = clock.sleep_until(wake_at.unwrap_or(i64::MAX)) => self.queue.advance(clock.now_ms()),
            }
        }
    }

    fn hear(&mut self, signal: LaneSignal) {
        match signal {
            LaneSignal::Arrived(arrivals) => {
                let arrivals = self.sifted(arrivals);
                self.take_in(arrivals);
            }
            LaneSignal::LookForRows => {
                self.rows.look();
                // Somebody may have paused or resumed the endpoint, or its settings may have changed.
                self.unread.pause = true;
                self.apply_settings();
            }
            LaneSignal::ReadAgain => self.rows.read_again(),
            LaneSignal::Recorded {
                results,
                done,
                waiting,
            } => {
                self.unrecorded -= results;
                self.queue.forget(&done);
                for id in waiting {
                    if let Some(due_at) = self.put_by.remove(&id) {
                        self.queue.forget(&[id]);
                        self.rows.note_due(due_at);
                    }
                }
            }
            LaneSignal::Release => self.brakes.release(),
        }
    }

    fn apply_settings(&mut self) {
        if let Some(channel) = self.channel() {
            self.queue.set_ordered(channel.keeps_order());
            let now_ms = self.context.clock.now_ms();
            self.brakes.set_rate(channel.rate_per_second(), now_ms);
        }
    }

    /// What of a hand-over is taken in; the rest is read from the table in its turn.
    fn sifted(&mut self, mut arrivals: Vec<Arrival>) -> Vec<Arrival> {
        self.owned.took_in(arrivals.len());
        self.rows.sift(&mut arrivals);
        if self.room() < arrivals.len() {
            self.rows.leave_in_table(&mut arrivals);
        }
        arrivals
    }

    fn take_in(&mut self, arrivals: Vec<Arrival>) {
        let now_ms = self.context.clock.now_ms();
        for arrival in arrivals {
            if is_deferred(&arrival.delivery, now_ms)
                && !self.context.keeps_in_memory(&arrival.delivery, now_ms)
            {
                let holds_until = arrival.delivery.holds_until;
                self.queue.hold_successors(&arrival, holds_until, now_ms);
                self.rows
                    .note_due(arrival.delivery.due_at.unwrap_or(now_ms));
            } else {
                self.queue.push(arrival, now_ms);
            }
        }
    }

    /// Takes in a page of the table together with what was handed over while it was read. Own rows become visible in
    /// any order: one that the cursor has passed may be in the inbox, and what was accepted after it on the page.
    fn take_in_page(&mut self, mut page: Vec<Arrival>) {
        while let Ok(signal) = self.inbox.try_recv() {
            match signal {
                LaneSignal::Arrived(arrivals) => page.extend(self.sifted(arrivals)),
                LaneSignal::ReadAgain => {
                    // Something of before this page was not handed over, so the page is read once more, behind it.
                    self.rows.read_again();
                    return;
                }
                LaneSignal::LookForRows | LaneSignal::Recorded { .. } | LaneSignal::Release => {
                    self.unheard.push_back(signal);
                }
            }
        }
        page.sort_by_key(|arrival| arrival.delivery.place);
        self.take_in(page);
    }

    /// Reads from the database what has to be known, and what there is room for.
    async fn refill(&mut self) {
        let now_ms = self.context.clock.now_ms();
        if self.brakes.is_releasing() || self.brakes.is_set_back(now_ms) {
            return;
        }
        if let Err(error) = self.read(now_ms).await {
            metrics::counter!(metric::LANE_READS_FAILED).increment(1);
            warn!(lane.id = self.owned.lane.0, error.cause = %error, "A lane could not be read; it tries again");
            self.brakes.set_back(self.context.clock.now_ms());
        }
    }

    async fn read(&mut self, now_ms: i64) -> sqlx::Result<()> {
        // A pause of our own counts from when it is decided, though the table says so only once it is recorded.
        let is_settled = self.unrecorded == 0 || !self.brakes.is_paused();
        if self.unread.pause && is_settled {
            if self.rows.is_paused().await? {
                self.brakes.pause();
            } else {
                self.brakes.resume(self.context.settings.breaker);
            }
            self.unread.pause = false;
        }
        if self.unread.holding {
            let holding = self.rows.read_holding().await?;
            self.take_in(holding);
            self.unread.holding = false;
        }
        if self.rows.next_due().is_some_and(|due| due <= now_ms) && self.room() > 0 {
            let due = self.rows.read_due(|id| self.queue.knows(id)).await?;
            self.take_in(due);
        }
        // Half empty before more is read, so that a page is worth its statement.
        let is_half_empty = self.queue.len() * 2 <= self.context.settings.memory_deliveries_max;
        if self.rows.is_behind() && is_half_empty {
            let page = self.rows.read_on(self.room()).await?;
            self.take_in_page(page);
        }
        Ok(())
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
            // Last, since a slot that is given back unused wakes every lane that waits for one.
            let Some(slot) = self.context.slots.take(self.ccid) else {
                self.brakes.breaker.not_started();
                return;
            };
            if let Some(arrival) = self.queue.pop() {
                self.start(arrival, channel, slot, now_ms);
            }
        }
    }

    fn start(&mut self, arrival: Arrival, channel: Arc<Channel>, slot: Slot, now_ms: i64) {
        if arrival.delivery.expires_at <= now_ms || arrival.delivery.announced_at.is_some() {
            self.brakes.breaker.not_started();
            return self.attempts.skip(channel, arrival, slot);
        }
        self.brakes.charge(attempt::parts(&arrival), now_ms);
        let attempt = Attempt {
            context: Arc::clone(&self.context),
            life: self.life,
            channel,
            open: self.brakes.open(),
        };
        self.attempts.begin(attempt, arrival, slot);
    }

    /// Whether this lane may begin an attempt at all.
    fn may_start(&self) -> bool {
        !self.unread.pause
            && !self.unread.holding
            && !self.context.lifecycle.draining().is_cancelled()
            && self.brakes.let_go(self.context.clock.now_ms())
    }

    /// Turns an attempt's report into what is recorded, and lets the recipient's next delivery go.
    async fn settle(&mut self, ended: Ended) {
        let Ended {
            arrival,
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
                let mut later = arrival.clone();
                later.delivery.attempt += 1;
                later.delivery.holds_until = wait.holds_until;
                later.delivery.due_at = Some(wait.due_at);
                later.checked_at = None;
                if self.context.keeps_in_memory(&later.delivery, now_ms) {
                    self.queue.wait(later, wait, now_ms);
                } else {
                    self.put_by.insert(later.message.id, wait.due_at);
                    self.queue.wait_in_table(&later, wait, now_ms);
                }
                self.record(*row).await;
            }
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

    fn room(&self) -> usize {
        self.context
            .settings
            .memory_deliveries_max
            .saturating_sub(self.queue.len())
    }

    fn wake_at(&self) -> Option<i64> {
        let now_ms = self.context.clock.now_ms();
        let loose = self.brakes.loosen_at(now_ms, self.queue.has_ready());
        // Without room nothing is read however due it is; room comes with the end of an attempt. The same goes for a
        // lane that is given away, and one that is set back reads after that.
        let reads = self.room() > 0 && !self.brakes.is_releasing();
        let due = self.rows.next_due().filter(|_| reads);
        let due = due.filter(|due| *due > now_ms || !self.brakes.is_set_back(now_ms));
        [loose, due, self.queue.next_timer()]
            .into_iter()
            .flatten()
            .min()
    }
}
