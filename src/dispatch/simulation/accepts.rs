//! Who accepts messages, for lanes of its own and of others, and how their flushes become rows. As `acceptor` does.

use rand::RngExt;

use super::laws::Sending;
use super::statements::Purpose;
use super::tables::{Ask, Row, Told};
use super::world::{Event, Process, World};
use crate::dispatch::testing::message_id;
use crate::lanes::model::{Arrival, LaneId, Life, Place};
use crate::lanes::ownership::{AcceptGuard, LaneSignal};
use crate::values::{MessageId, Priority};

/// A flush is tried again for so long.
const PATIENCE_MS: i64 = 3_000;
/// As in `doubts`.
const DOUBT_MS: i64 = 10_000;

/// One message and what became of it.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) id: MessageId,
    pub(super) lane: LaneId,
    pub(super) recipient: u64,
    pub(super) priority: Priority,
    pub(super) due_at: Option<i64>,
    expires_at: i64,
    /// When its acceptance began, and when it was acknowledged.
    pub(super) accepted_at: i64,
    pub(super) acknowledged_at: Option<i64>,
    pub(super) is_stored: bool,
    /// Its row is gone: what became of it is recorded.
    pub(super) has_ended: bool,
    /// The loop that has taken it for done, though that may not be recorded.
    pub(super) decided_by: Option<(Process, usize)>,
    pub(super) sendings: Vec<Sending>,
}

impl Message {
    /// It is recorded that it is tried again, by whoever sent it under that life.
    pub(super) fn waits(&mut self, life: Life) {
        for sending in self.sendings.iter_mut().filter(|one| one.life == life) {
            sending.is_recorded |= sending.ended_at.is_some();
        }
    }
}

/// Messages of one lane that are stored together.
#[derive(Debug)]
pub(super) struct Flush {
    replica: usize,
    lane: LaneId,
    messages: Vec<usize>,
    began_at: i64,
    guard: Option<AcceptGuard>,
}

impl World {
    /// Somebody hands in a few messages at some replica.
    pub(super) fn accept(&mut self) {
        let replica = self.random.random_range(0..self.replicas.len());
        let Some(process) = self.replicas[replica].process(replica) else {
            return;
        };
        let lane = self.any_lane();
        let recipient = self.random.random_range(0..3);
        let first = self.messages.len();
        for number in first..first + self.random.random_range(1..6) {
            let is_far = self.random.random_range(0..200) == 0;
            let scheduled = if is_far { 130_000 } else { 4_000 };
            let scheduled = self.now + self.random.random_range(0..scheduled);
            let due_at = self.random.random_bool(0.1).then_some(scheduled);
            self.last_due = self.last_due.max(due_at.unwrap_or(0));
            let is_short = due_at.is_none() && self.random.random_bool(0.1);
            let lives = if is_short { 6_000 } else { 86_400_000 };
            let made_at = self.replicas[replica].makes_id_at(self.now);
            self.messages.push(Message {
                id: message_id(made_at, u32::try_from(number).unwrap()),
                lane,
                recipient,
                priority: Priority::ALL[[1, 1, 0, 2][self.random.random_range(0..4)]],
                due_at,
                expires_at: self.now + lives,
                accepted_at: self.now,
                acknowledged_at: None,
                is_stored: false,
                has_ended: false,
                decided_by: None,
                sendings: Vec::new(),
            });
        }
        self.flushes.push(Flush {
            replica,
            lane,
            messages: (first..self.messages.len()).collect(),
            began_at: self.now,
            guard: None,
        });
        self.after(0, Event::Flush(process, self.flushes.len() - 1));
    }

    pub(super) fn flush(&mut self, number: usize) {
        let flush = &mut self.flushes[number];
        let replica = &self.replicas[flush.replica];
        let Some(life) = replica.proved_life(self.now) else {
            return self.flush_told(number, None);
        };
        flush.guard = replica.ownership.begin_accept(flush.lane);
        let ask = Ask::Accept {
            life,
            flush: number,
            own: flush.guard.is_some(),
        };
        let replica = flush.replica;
        self.ask(replica, Purpose::Flush(number), ask, 2_000);
    }

    /// The statement of a flush.
    pub(super) fn store(&mut self, life: Life, number: usize, own: bool) -> Told {
        if !self.tables.stands(life) {
            return Told::LifeEnded;
        }
        let flush = &self.flushes[number];
        let is_stored = |message: &usize| self.messages[*message].is_stored;
        if flush.messages.iter().any(is_stored) {
            // An earlier try was committed.
            return Told::Accepted(None);
        }
        let table = self.tables.lane_mut(flush.lane);
        table.stamp += i64::from(!own);
        let stamp = table.stamp;
        for number in flush.messages.clone() {
            let message = &mut self.messages[number];
            message.is_stored = true;
            let row = Row {
                message: number,
                attempt: 0,
                due_at: message.due_at,
                expires_at: message.expires_at,
                holds_until: None,
            };
            let id = message.id;
            table.rows.insert(Place { stamp, own, id }, row);
        }
        Told::Accepted(Some(stamp))
    }

    pub(super) fn flush_told(&mut self, number: usize, told: Option<&Told>) {
        let flush = &mut self.flushes[number];
        let guard = flush.guard.take();
        let (lane, replica) = (flush.lane, flush.replica);
        let doubts = &mut self.replicas[replica].doubts;
        let Some(Told::Accepted(stamp)) = told else {
            if let Some(guard) = &guard {
                doubts.insert(lane, self.now + DOUBT_MS);
                guard.lane().signal(LaneSignal::ReadAgain);
            }
            if self.now - flush.began_at < PATIENCE_MS {
                let process = self.replicas[replica].process(replica).unwrap();
                return self.after(100, Event::Flush(process, number));
            }
            // Whoever waits hears that the store is away.
            return self.wake_owner(lane);
        };
        let is_doubtful = doubts.get(&lane).is_some_and(|until| *until > self.now);
        match (&guard, stamp) {
            (Some(guard), None) => guard.lane().signal(LaneSignal::ReadAgain),
            (Some(guard), Some(_)) if is_doubtful => guard.lane().signal(LaneSignal::ReadAgain),
            (Some(guard), Some(stamp)) => {
                let arrivals = self.handed_over(number, *stamp);
                guard.lane().hand_over(arrivals);
            }
            (None, _) => self.wake_owner(lane),
        }
        for message in self.flushes[number].messages.clone() {
            self.messages[message].acknowledged_at = Some(self.now);
        }
    }

    fn handed_over(&self, number: usize, stamp: i64) -> Vec<Arrival> {
        let flush = &self.flushes[number];
        let arrival = |number: &usize| {
            let message = &self.messages[*number];
            let place = Place {
                stamp,
                own: true,
                id: message.id,
            };
            let row = Row {
                message: *number,
                attempt: 0,
                due_at: message.due_at,
                expires_at: message.expires_at,
                holds_until: None,
            };
            self.arrival(flush.lane, place, &row)
        };
        flush.messages.iter().map(arrival).collect()
    }

    /// Every replica hears that the lane has new rows, unless that is lost.
    pub(super) fn wake_owner(&mut self, lane: LaneId) {
        for replica in 0..self.replicas.len() {
            let is_lost = !self.is_calm && self.random.random_bool(0.1);
            if let Some(process) = self.replicas[replica].process(replica)
                && !is_lost
            {
                let later = self.random.random_range(0..20);
                self.after(later, Event::HearOfRows(process, lane));
            }
        }
    }

    pub(super) fn hear_of_rows(&mut self, replica: usize, lane: LaneId) {
        let ownership = &self.replicas[replica].ownership;
        ownership.signal(lane, LaneSignal::LookForRows);
    }

    pub(super) fn set_paused(&mut self, lane: LaneId, paused: bool) {
        self.note(|| format!("lane {} is paused: {paused}", lane.0));
        let table = self.tables.lane_mut(lane);
        table.paused = paused;
        table.parked_until = None;
        table.failures_in_a_row = 0;
        self.wake_owner(lane);
    }
}
