//! What a lane does next: what it reads, what it starts, what an attempt that has ended comes to, and until when it
//! waits. No I/O, and no time but what it is told; `LaneLoop` does what it says and tells it what came of it.
//!
//! ```text
//!   hears ──→ reads ──→ starts ──→ rests ─┐
//!     ↑   (each kind once)                │
//!     └───────────────────────────────────┘
//! ```

mod intake;
mod reading;
mod settling;
mod starting;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use time::OffsetDateTime;

use self::reading::READINGS;
pub use self::reading::{Answer, BehindDue, FirstDue, Question};
pub use self::starting::{How, Start};
use super::brakes::Brakes;
use super::breaker::Breaker;
use super::context::DispatchSettings;
use super::cursor::Cursor;
use super::due::DueRows;
use super::gate::LaneOpen;
use super::queue::LaneQueue;
use crate::lanes::model::Place;
use crate::lanes::ownership::LaneSignal;
use crate::lanes::store::LaneRow;
use crate::provisioning::directory::Channel;

/// What is around a lane: its replica, and its tenant's settings.
pub trait Surroundings {
    /// The right to one attempt; given back when dropped.
    type Slot;

    /// Now, in Unix milliseconds. Never less than before.
    fn now_ms(&self) -> i64;

    /// The settings to send by, if there are any.
    fn channel(&self) -> Option<Arc<Channel>>;

    /// Whether the replica lets its lanes send.
    fn lets_send(&self) -> bool;

    /// A slot if there is one; otherwise the lane is told when its turn has come.
    fn take_slot(&self) -> Option<Self::Slot>;

    /// Nothing more starts now: a slot that was kept for the lane goes to the next.
    fn starts_nothing_more(&self, attempts_open: usize);
}

/// What a lane's loop is to do next.
#[derive(Debug)]
pub enum Next<S> {
    /// Ask the database, and tell the answer or that there was none.
    Read(Question),
    /// Begin this, and tell when it has ended.
    Begin(Start<S>),
    /// Wait for a signal, the end of an attempt, a slot, or this time (Unix ms).
    Wait { until: Option<i64> },
    /// The lane is somebody else's from now on.
    End,
}

/// What one lane knows and has decided.
#[derive(Debug)]
pub struct LaneCore {
    settings: Arc<DispatchSettings>,
    stage: Stage,
    cursor: Cursor,
    due: DueRows,
    queue: LaneQueue,
    brakes: Brakes,
    /// Signals that were taken from the inbox; they are heard next.
    unheard: VecDeque<LaneSignal>,
    unread: Unread,
    /// Results handed over and not durable yet.
    unrecorded: usize,
    /// Deliveries that are to wait in the table until a time (Unix ms) once their results are durable.
    put_by: HashMap<Place, i64>,
    /// Since when the connector's settings are as they are.
    saved_at: Option<OffsetDateTime>,
}

/// Where a round of the loop is.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Hears,
    /// How many kinds of reading this round has been through.
    Reads(usize),
    Starts,
    /// Everything was declined at that time (Unix ms). What time will change after it, the loop has to wait for.
    Rests {
        since_ms: i64,
    },
}

/// What has to be read from the database before anything is sent.
#[derive(Debug, Clone, Copy)]
struct Unread {
    /// Whether somebody has paused or resumed the lane.
    pause: bool,
    /// Which deliveries hold their successors, from the owner before.
    holding: bool,
}

impl LaneCore {
    /// A lane as it was claimed. Reads its rows at once if it has any.
    pub fn new(
        settings: Arc<DispatchSettings>,
        row: &LaneRow,
        channel: Option<&Channel>,
        now_ms: i64,
    ) -> Self {
        let failures = u32::try_from(row.failures_in_a_row).unwrap_or(0);
        let failing = (failures, row.failing_since);
        let mut breaker = Breaker::restore(settings.breaker, failing, row.parked_until);
        let saved_at = channel.map(|channel| channel.saved_at);
        // What it fails for may have been mended while nobody owned it.
        if was_mended(saved_at, breaker.failing_since()) {
            breaker.probe_soon(now_ms);
        }
        let mut core = Self {
            settings,
            stage: Stage::Hears,
            cursor: Cursor::default(),
            due: DueRows::default(),
            queue: LaneQueue::new(true),
            brakes: Brakes::new(breaker, row.paused),
            unheard: VecDeque::new(),
            unread: Unread {
                // Whoever paused or resumed it while it was on its way to us woke nobody.
                pause: row.has_rows || row.paused,
                holding: row.has_rows,
            },
            unrecorded: 0,
            put_by: HashMap::new(),
            saved_at,
        };
        if row.has_rows {
            core.read_again(now_ms);
        }
        core.apply_settings(channel, now_ms);
        core
    }

    /// What the gates of the lane's attempts look at.
    pub fn open(&self) -> Arc<LaneOpen> {
        self.brakes.open()
    }

    /// What is to be done next, while so many attempts are open.
    pub fn next<A: Surroundings>(&mut self, around: &A, attempts_open: usize) -> Next<A::Slot> {
        loop {
            match self.stage {
                Stage::Hears => {
                    self.hear_all(around);
                    self.stage = Stage::Reads(0);
                }
                Stage::Reads(READINGS) => self.stage = Stage::Starts,
                Stage::Reads(step) => {
                    self.stage = Stage::Reads(step + 1);
                    if let Some(question) = self.question(step, around.now_ms()) {
                        return Next::Read(question);
                    }
                }
                Stage::Starts => {
                    let now_ms = around.now_ms();
                    if let Some(start) = self.start(around, attempts_open, now_ms) {
                        return Next::Begin(start);
                    }
                    around.starts_nothing_more(attempts_open);
                    self.stage = Stage::Rests { since_ms: now_ms };
                }
                Stage::Rests { since_ms } => {
                    self.stage = Stage::Hears;
                    if self.brakes.is_releasing() && attempts_open == 0 && self.unrecorded == 0 {
                        return Next::End;
                    }
                    if self.unheard.is_empty() && !self.wants_to_read(since_ms) {
                        let until = self.wake_at(since_ms);
                        return Next::Wait { until };
                    }
                }
            }
        }
    }

    /// Whether a delivery is in memory, or its result is not durable yet.
    #[cfg(test)]
    pub fn knows(&self, place: Place) -> bool {
        self.queue.knows(place)
    }

    /// The time has come for which the loop has waited.
    pub fn advance(&mut self, now_ms: i64) {
        self.queue.advance(now_ms);
    }

    fn wake_at(&self, now_ms: i64) -> Option<i64> {
        let loose = self.brakes.loosen_at(now_ms, self.queue.has_ready());
        // Without room nothing is read however due it is; room comes with the end of an attempt. The same goes for a
        // lane that is given away, and one that is set back reads after that.
        let reads = self.room() > 0 && !self.brakes.is_releasing();
        let due = self.due.next().filter(|_| reads);
        let due = due.filter(|due| *due > now_ms || !self.brakes.is_set_back(now_ms));
        [loose, due, self.queue.next_timer()]
            .into_iter()
            .flatten()
            .min()
    }

    fn room(&self) -> usize {
        self.settings
            .memory_deliveries_max
            .saturating_sub(self.queue.len())
    }
}

/// Whether the settings were saved after the failures began (Unix ms).
fn was_mended(saved_at: Option<OffsetDateTime>, failing_since: Option<i64>) -> bool {
    let saved_at_ms = saved_at.map(|at| at.unix_timestamp_nanos() / 1_000_000);
    saved_at_ms
        .zip(failing_since)
        .is_some_and(|(saved_at_ms, since)| saved_at_ms > i128::from(since))
}
