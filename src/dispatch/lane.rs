//! The loop of one lane that this replica owns: does what its `lane_core` says, and tells it what came of it.
//!
//! ```text
//!   accept ──arrived──┐                        ┌─ attempt ─ gate ─ provider
//!   table ──rows──────┤→ queue ─ admitted? ────┤
//!   timers ──due──────┘     (breaker, caps,    └→ outcome → decision → results ──recorded──→ forget
//!                            rate, pause)
//! ```

use std::sync::Arc;

use tokio::sync::mpsc;
use tracing::warn;

use super::attempt::Attempt;
use super::context::DispatchContext;
use super::judgement::Judge;
use super::lane_core::{How, LaneCore, Next, Question, Start, Surroundings};
use super::open_attempts::{Ended, OpenAttempts};
use super::rows::Rows;
use super::slots::{Slot, Turn};
use crate::lanes::model::Life;
use crate::lanes::ownership::{LaneSignal, OwnedLane};
use crate::lanes::store::LaneRow;
use crate::platform::telemetry::metric;
use crate::provisioning::directory::Channel;
use crate::values::Ccid;

/// One lane's loop.
pub struct LaneLoop {
    core: LaneCore,
    replica: Here,
    inbox: mpsc::UnboundedReceiver<LaneSignal>,
    life: Life,
    rows: Rows,
    attempts: OpenAttempts,
}

/// The lane in its replica.
struct Here {
    context: Arc<DispatchContext>,
    owned: Arc<OwnedLane>,
    ccid: Ccid,
    /// Its place among the lanes that wait for a slot.
    turn: Arc<Turn>,
}

impl std::fmt::Debug for LaneLoop {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("LaneLoop")
            .field("lane", &self.replica.owned.lane)
            .finish_non_exhaustive()
    }
}

impl LaneLoop {
    /// A lane as it was claimed.
    pub fn new(
        context: Arc<DispatchContext>,
        (owned, inbox): (Arc<OwnedLane>, mpsc::UnboundedReceiver<LaneSignal>),
        life: Life,
        row: &LaneRow,
    ) -> Self {
        let replica = Here {
            context,
            owned,
            ccid: row.ccid,
            turn: Arc::default(),
        };
        let settings = Arc::clone(&replica.context.settings);
        let channel = replica.channel();
        Self {
            core: LaneCore::new(settings, row, channel.as_deref(), replica.now_ms()),
            rows: Rows::new(
                (row.ccid, row.lane),
                replica.context.database.queue.clone(),
                replica.context.clock.clone(),
            ),
            attempts: OpenAttempts::default(),
            replica,
            inbox,
            life,
        }
    }

    /// Runs until the lane is given away, the life ends, or everything is cut.
    pub async fn run(mut self) {
        let _running = self.replica.owned.running();
        loop {
            match self.core.next(&self.replica, self.attempts.len()) {
                Next::Read(question) => self.read(question).await,
                Next::Begin(start) => self.begin(start),
                Next::Wait { until } => {
                    if !self.wait(until).await {
                        return;
                    }
                }
                Next::End => return,
            }
        }
    }

    async fn read(&mut self, question: Question) {
        let answer = self.rows.ask(question).await;
        while let Ok(signal) = self.inbox.try_recv() {
            self.listen(signal);
        }
        match answer {
            Ok(answer) => self.core.told(answer, self.replica.now_ms()),
            Err(error) => {
                metrics::counter!(metric::LANE_READS_FAILED).increment(1);
                warn!(lane.id = self.replica.owned.lane.0, error.cause = %error, "A lane could not be read; it tries again");
                self.core.not_told(self.replica.now_ms());
            }
        }
    }

    fn begin(&mut self, start: Start<Slot>) {
        let Start {
            arrival,
            channel,
            slot,
            how,
        } = start;
        let attempt = Attempt {
            context: Arc::clone(&self.replica.context),
            life: self.life,
            channel,
            open: self.core.open(),
        };
        match how {
            How::Send => self.attempts.begin(attempt, arrival, slot),
            How::Report => self.attempts.skip(attempt, arrival, slot),
            How::Resolve => self.attempts.resolve(attempt, arrival, slot),
        }
    }

    /// Waits until something happens; `false` where nothing will happen any more.
    async fn wait(&mut self, until: Option<i64>) -> bool {
        let clock = &self.replica.context.clock;
        tokio::select! {
            signal = self.inbox.recv() => match signal {
                Some(signal) => self.listen(signal),
                None => return false,
            },
            Some(ended) = self.attempts.next() => self.settle(ended).await,
            () = self.replica.turn.comes() => {}
            () = clock.sleep_until(until.unwrap_or(i64::MAX)) => self.core.advance(clock.now_ms()),
        }
        true
    }

    /// Takes a signal from the inbox, which has room again then.
    fn listen(&mut self, signal: LaneSignal) {
        if let LaneSignal::Arrived(arrivals) = &signal {
            self.replica.owned.took_in(arrivals.len());
        }
        self.core.listen(signal);
    }

    async fn settle(&mut self, ended: Ended) {
        let context = &self.replica.context;
        let judge = Judge {
            settings: &context.settings,
            ids: &context.ids,
            life: self.life,
            owner: &self.replica.owned,
            channel: &ended.channel,
            now_ms: self.replica.now_ms(),
            jitter: rand::random(),
        };
        if let Some(row) = self.core.settle(&judge, ended.arrival, &ended.report) {
            context.results.record(*row).await;
        }
    }
}

impl Surroundings for Here {
    type Slot = Slot;

    fn now_ms(&self) -> i64 {
        self.context.clock.now_ms()
    }

    fn channel(&self) -> Option<Arc<Channel>> {
        let directory = self.context.directory.snapshot();
        directory.lane(self.owned.lane).cloned()
    }

    fn lets_send(&self) -> bool {
        let context = &self.context;
        !context.ownership.is_held() && !context.lifecycle.draining().is_cancelled()
    }

    fn take_slot(&self) -> Option<Slot> {
        self.context.slots.take(self.ccid, &self.turn)
    }

    fn starts_nothing_more(&self, attempts_open: usize) {
        self.turn.pass_on();
        self.owned.set_open_attempts(attempts_open);
    }
}
