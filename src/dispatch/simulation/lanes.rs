//! The loops of lanes, which do what their cores say. As `lane` does.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::FutureExt;
use rand::RngExt;
use tokio::sync::mpsc;
use tokio_util::sync::DropGuard;

use super::statements::Purpose;
use super::tables::{Ask, Told};
use super::world::{Event, World};
use crate::dispatch::lane_core::{Answer, LaneCore, Next, Surroundings};
use crate::dispatch::slots::{Slot, Slots, Turn};
use crate::lanes::model::{LaneId, Life};
use crate::lanes::ownership::{LaneSignal, OwnedLane};
use crate::lanes::store::LaneRow;
use crate::provisioning::directory::Channel;

/// What a loop does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// It decides, or reads.
    Works,
    /// It waits for something, until this time (Unix ms) at the latest.
    Waits { until: Option<i64> },
}

/// One lane's loop.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Loop {
    pub(super) lane: LaneId,
    pub(super) life: Life,
    pub(super) core: LaneCore,
    pub(super) owned: Arc<OwnedLane>,
    pub(super) inbox: mpsc::UnboundedReceiver<LaneSignal>,
    running: Option<DropGuard>,
    turn: Arc<Turn>,
    turn_came: bool,
    doing: Doing,
    is_stepping: bool,
    pub(super) ended: VecDeque<usize>,
    pub(super) attempts_open: usize,
    /// What it has been told: that it is paused, that it is to be given away, that there is something to read.
    pub(super) knows_paused: bool,
    pub(super) knows_release: bool,
    pub(super) owes_reading: bool,
}

/// What is around a lane while it decides. Time goes on meanwhile.
struct Around<'a> {
    now: &'a Cell<i64>,
    hurry: Cell<u32>,
    channel: &'a Arc<Channel>,
    owned: &'a OwnedLane,
    turn: &'a Arc<Turn>,
    slots: &'a Arc<Slots>,
    lets_send: bool,
    waits_for_slot: Cell<bool>,
}

impl Surroundings for Around<'_> {
    type Slot = Slot;

    fn now_ms(&self) -> i64 {
        let hurry = self.hurry.get();
        self.hurry
            .set(hurry.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
        self.now.set(self.now.get() + i64::from(hurry >> 26 == 0));
        self.now.get()
    }

    fn channel(&self) -> Option<Arc<Channel>> {
        Some(Arc::clone(self.channel))
    }

    fn lets_send(&self) -> bool {
        self.lets_send
    }

    fn take_slot(&self) -> Option<Slot> {
        let slot = self.slots.take(self.channel.ccid, self.turn);
        self.waits_for_slot.set(slot.is_none());
        slot
    }

    fn starts_nothing_more(&self, attempts_open: usize) {
        self.turn.pass_on();
        self.owned.set_open_attempts(attempts_open);
    }
}

impl World {
    pub(super) fn begin_loop(
        &mut self,
        number: usize,
        life: Life,
        row: &LaneRow,
        (owned, inbox): (Arc<OwnedLane>, mpsc::UnboundedReceiver<LaneSignal>),
    ) {
        let channel = Arc::clone(&self.destination(row.lane).channel);
        let replica = &mut self.replicas[number];
        let settings = Arc::clone(&self.settings);
        replica.loops.push(Some(Loop {
            lane: row.lane,
            life,
            core: LaneCore::new(settings, row, Some(&channel), self.now),
            running: Some(owned.running()),
            owned,
            inbox,
            turn: Arc::default(),
            turn_came: true,
            doing: Doing::Waits { until: None },
            is_stepping: false,
            ended: VecDeque::new(),
            attempts_open: 0,
            knows_paused: row.paused,
            knows_release: false,
            owes_reading: row.has_rows,
        }));
    }

    /// Wakes whoever has something to do.
    pub(super) fn look_around(&mut self, number: usize) {
        for index in 0..self.replicas[number].loops.len() {
            let Some(lane) = &mut self.replicas[number].loops[index] else {
                continue;
            };
            lane.turn_came |= lane.turn.comes().now_or_never().is_some();
            let is_woken = !lane.inbox.is_empty() || !lane.ended.is_empty() || lane.turn_came;
            if lane.doing != Doing::Works && is_woken && !lane.is_stepping {
                lane.is_stepping = true;
                let process = self.replicas[number].process(number).unwrap();
                let later = [0, 0, 1, 3][self.random.random_range(0..4)];
                self.after(later, Event::Step(process, index));
            }
        }
        self.hand_over(number);
    }

    /// One of the things happens that a loop waits for.
    pub(super) fn step(&mut self, number: usize, index: usize) {
        let Some(mut lane) = self.replicas[number].loops[index].take() else {
            return;
        };
        lane.is_stepping = false;
        if let Doing::Waits { until } = lane.doing {
            let latest = &self.replicas[number].latest;
            latest.set(latest.get().max(self.now));
            let is_due = until.is_some_and(|until| until <= latest.get());
            let mut may_happen = [
                !lane.inbox.is_empty(),
                !lane.ended.is_empty(),
                lane.turn_came,
                is_due,
            ];
            let happens = self.random.random_range(0..4);
            may_happen.rotate_left(happens);
            if let Some(first) = may_happen.iter().position(|may| *may) {
                self.wake(number, &mut lane, (first + happens) % 4);
                self.drive(number, index, &mut lane);
            }
        }
        self.put_back(number, index, lane);
    }

    fn wake(&mut self, number: usize, lane: &mut Loop, what: usize) {
        match what {
            0 => {
                let signal = lane.inbox.try_recv().unwrap();
                lane.listen(signal);
            }
            1 => self.settle(number, lane),
            2 => lane.turn_came = false,
            _ => lane.core.advance(self.replicas[number].latest.get()),
        }
    }

    fn put_back(&mut self, number: usize, index: usize, lane: Loop) {
        let is_over = lane.running.is_none();
        self.replicas[number].loops[index] = (!is_over).then_some(lane);
    }

    pub(super) fn lane_told(&mut self, number: usize, index: usize, told: Option<Told>) {
        let Some(mut lane) = self.replicas[number].loops[index].take() else {
            return;
        };
        while let Ok(signal) = lane.inbox.try_recv() {
            lane.listen(signal);
        }
        let latest = &self.replicas[number].latest;
        latest.set(latest.get().max(self.now));
        match told {
            Some(Told::Answer(answer)) => {
                lane.hear_answer(&answer);
                lane.core.told(answer, latest.get());
            }
            _ => lane.core.not_told(latest.get()),
        }
        self.drive(number, index, &mut lane);
        self.put_back(number, index, lane);
    }

    /// Does what the core says until it waits for something.
    fn drive(&mut self, number: usize, index: usize, lane: &mut Loop) {
        lane.doing = Doing::Works;
        let channel = Arc::clone(&self.destination(lane.lane).channel);
        loop {
            let hurry = self.random.random();
            let replica = &self.replicas[number];
            replica.latest.set(replica.latest.get().max(self.now));
            let around = Around {
                now: &replica.latest,
                hurry: Cell::new(hurry),
                channel: &channel,
                owned: &lane.owned,
                turn: &lane.turn,
                slots: &replica.slots,
                lets_send: !replica.is_stopping,
                waits_for_slot: Cell::new(false),
            };
            let next = lane.core.next(&around, lane.attempts_open);
            let waits_for_slot = around.waits_for_slot.get();
            match next {
                Next::Read(question) => {
                    let ask = Ask::Read {
                        lane: lane.lane,
                        question,
                    };
                    return self.ask(number, Purpose::Lane(index), ask, 3_000);
                }
                Next::Begin(start) => self.begin(number, index, lane, start),
                Next::Wait { until } => {
                    lane.doing = Doing::Waits { until };
                    self.law_of_rest(number, lane, until, waits_for_slot);
                    if let Some(until) = until {
                        let process = self.replicas[number].process(number).unwrap();
                        self.after(until - self.now, Event::Step(process, index));
                    }
                    return;
                }
                Next::End => {
                    lane.running = None;
                    return;
                }
            }
        }
    }
}

impl Loop {
    fn listen(&mut self, signal: LaneSignal) {
        match &signal {
            LaneSignal::Arrived(arrivals) => self.owned.took_in(arrivals.len()),
            LaneSignal::LookForRows | LaneSignal::ReadAgain => self.owes_reading = true,
            LaneSignal::Release => self.knows_release = true,
            LaneSignal::Refresh | LaneSignal::Recorded { .. } => {}
        }
        self.core.listen(signal);
    }

    fn hear_answer(&mut self, answer: &Answer) {
        match answer {
            Answer::Brakes(row) => self.knows_paused = row.paused,
            Answer::Page { page, .. } => self.owes_reading &= !page.is_whole,
            Answer::Holding(_) | Answer::Due { .. } => {}
        }
    }
}
