//! A lane's table with everybody who writes to it, in every order that Postgres allows, from a seed.
//!
//! * Foreign flushes raise the lane's stamp under the row's lock, so they commit one after the other.
//! * Own flushes read the stamp and may commit late, two at a time in any order.
//! * A commit shows at once; handing over, acknowledging and waking come later, each in its own time.
//! * A message that has ended is sent anew, even before its owner hears that its end is durable.
//! * Hand-overs are dropped when too many wait, reads fail, the sweep reads again, and the owner changes.
//!
//! Every message that was committed goes out, none twice, and of two to one recipient of which one was accepted after
//! the other had been acknowledged, the earlier one goes first.

mod accepts;

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use self::accepts::{Flush, Message, Stage};
use super::*;
use crate::dispatch::known::Origin;
use crate::dispatch::queue::LaneQueue;
use crate::dispatch::testing::{START_MS, arrival};
use crate::values::Priority;

const SEEDS: u64 = 4_000;
const STEPS: usize = 250;
const RECIPIENTS: u64 = 2;
/// Small, so that both overflow all the time.
const MEMORY_MAX: usize = 8;
const INBOX_MAX: usize = 5;
const PAGE: usize = 4;

type Action = fn(&mut World);

/// What may happen next.
const ACTIONS: [Action; 15] = [
    World::accept_here,
    World::accept_elsewhere,
    World::send_anew,
    World::move_own,
    World::move_foreign,
    World::wake,
    World::hear,
    World::read,
    World::send,
    World::end,
    World::make_durable,
    World::tell_recorded,
    World::sweep,
    World::stall,
    World::change_owner,
];
/// How often it does; each run has multiples of its own, so that in some of them one thing is far behind another.
const WEIGHTS: [u32; ACTIONS.len()] = [10, 8, 2, 30, 25, 5, 15, 15, 20, 15, 5, 5, 1, 1, 1];
const MULTIPLES: [u32; 4] = [0, 1, 4, 16];

struct World {
    random: StdRng,
    weights: [u32; ACTIONS.len()],
    now: i64,
    /// How far the owner's ids are from the time.
    skew: i64,
    messages: Vec<Message>,
    acknowledged: usize,
    /// The lane's row.
    stamp: i64,
    table: BTreeMap<Place, usize>,
    own: Vec<Flush>,
    /// At most the first has the lock of the lane's row.
    foreign: Vec<Flush>,
    wake_up: bool,
    inbox: VecDeque<LaneSignal>,
    cursor: Cursor,
    queue: LaneQueue,
    /// A page as it was when its statement ran, still on its way.
    page: Option<Page>,
    in_flight: Vec<Arrival>,
    ended: Vec<Place>,
    recorded: Vec<Place>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut weights = WEIGHTS.map(|weight| weight * MULTIPLES[random.random_range(0..4)]);
        // Something always happens.
        weights[0] = weights[0].max(1);
        Self {
            random,
            weights,
            now: START_MS,
            skew: 0,
            messages: Vec::new(),
            acknowledged: 0,
            stamp: 0,
            table: BTreeMap::new(),
            own: Vec::new(),
            foreign: Vec::new(),
            wake_up: false,
            inbox: VecDeque::new(),
            cursor: Cursor::default(),
            queue: LaneQueue::new(true),
            page: None,
            in_flight: Vec::new(),
            ended: Vec::new(),
            recorded: Vec::new(),
        }
    }

    fn step(&mut self) {
        self.now += self.random.random_range(0..4);
        let sum = self.weights.iter().sum();
        let mut left: u32 = self.random.random_range(0..sum);
        let chosen = self.weights.iter().position(|weight| {
            let is_chosen = left < *weight;
            left = left.saturating_sub(*weight);
            is_chosen
        });
        ACTIONS[chosen.unwrap()](self);
    }

    fn sweep(&mut self) {
        self.inbox.push_back(LaneSignal::ReadAgain);
    }

    /// Somebody does not get any time for a while.
    fn stall(&mut self) {
        self.now += self.random.random_range(0..8_000);
    }

    fn wake(&mut self) {
        if std::mem::take(&mut self.wake_up) {
            self.inbox.push_back(LaneSignal::LookForRows);
        }
    }

    /// As `LaneLoop` does, which hears nothing while it reads.
    fn hear(&mut self) {
        if self.page.is_none()
            && let Some(signal) = self.inbox.pop_front()
        {
            self.hear_signal(signal);
        }
    }

    fn hear_signal(&mut self, signal: LaneSignal) {
        match signal {
            LaneSignal::Arrived(mut arrivals) => {
                let room = MEMORY_MAX.saturating_sub(self.queue.len());
                self.cursor.sift(&mut arrivals, room, self.now);
                self.take_in(arrivals, Origin::HandedOver);
            }
            LaneSignal::LookForRows => self.cursor.look(),
            LaneSignal::ReadAgain => self.cursor.read_again(),
            LaneSignal::Recorded { done, .. } => self.queue.forget(&done, self.now),
            LaneSignal::Refresh | LaneSignal::Release => {}
        }
    }

    fn take_in(&mut self, arrivals: Vec<Arrival>, origin: Origin) {
        for arrival in arrivals {
            self.queue.push(arrival, origin, self.now);
        }
    }

    /// Runs the statement that reads a page, or takes in what it brought.
    fn read(&mut self) {
        if let Some(page) = self.page.take() {
            let fails = self.random.random_range(0..20) == 0;
            if !fails {
                let mut unheard = std::mem::take(&mut self.inbox);
                let intake = self.cursor.page_read(page, &mut unheard, self.now);
                self.take_in(intake.handed_over, Origin::HandedOver);
                self.take_in(intake.read, Origin::Read);
                for signal in unheard {
                    self.hear_signal(signal);
                }
            }
        } else if self.cursor.is_behind() && self.queue.len() * 2 <= MEMORY_MAX {
            let limit = PAGE.min(MEMORY_MAX - self.queue.len());
            let place = self.cursor.place();
            let beyond = self.table.iter().filter(|(row, _)| **row > place);
            let rows = beyond.take(limit);
            let arrivals: Vec<Arrival> = rows
                .map(|(place, number)| self.arrival(*number, *place))
                .collect();
            self.page = Some(Page {
                last: arrivals.last().map(|arrival| arrival.delivery.place),
                is_whole: arrivals.len() < limit,
                arrivals,
            });
        }
    }

    fn send(&mut self) {
        let Some(arrival) = self.queue.pop() else {
            return;
        };
        let number = usize::try_from(arrival.message.id.sequence()).unwrap();
        let message = &self.messages[number];
        assert!(!message.sent, "message {number} is sent twice");
        let overtaken = self.messages.iter().position(|other| {
            let was_earlier = other
                .acknowledged
                .is_some_and(|acknowledged| acknowledged < message.accepted_after);
            was_earlier && other.recipient == message.recipient && !other.sent
        });
        assert_eq!(overtaken, None, "message {number} overtakes this one");
        self.messages[number].sent = true;
        self.in_flight.push(arrival);
    }

    fn end(&mut self) {
        if !self.in_flight.is_empty() {
            let which = self.random.random_range(0..self.in_flight.len());
            let arrival = self.in_flight.swap_remove(which);
            self.queue.finished(&arrival);
            self.ended.push(arrival.delivery.place);
        }
    }

    fn make_durable(&mut self) {
        for place in self.ended.drain(..) {
            self.table.remove(&place);
            self.recorded.push(place);
        }
    }

    fn tell_recorded(&mut self) {
        let done = std::mem::take(&mut self.recorded);
        self.inbox.push_back(LaneSignal::Recorded {
            results: done.len(),
            done,
            waiting: Vec::new(),
        });
    }

    /// The owner dies: what it had in memory is lost, and a new one raises the stamp and reads from the start.
    fn change_owner(&mut self) {
        let is_locked = |flush: &Flush| flush.stage == Stage::Placed;
        if self.foreign.first().is_some_and(is_locked) {
            // The lane is claimed at a later tick.
            return;
        }
        self.stamp += 1;
        self.skew = self.random.random_range(-50..50);
        let lost = self
            .own
            .extract_if(.., |flush| flush.stage != Stage::Committed);
        for (number, _) in lost.flat_map(|flush| flush.messages) {
            // Never stored and never acknowledged: there is nothing to send.
            self.messages[number].sent = true;
        }
        self.own.clear();
        for number in self.table.values() {
            self.messages[*number].sent = false;
        }
        self.inbox.clear();
        self.in_flight.clear();
        self.ended.clear();
        self.recorded.clear();
        self.page = None;
        self.wake_up = false;
        self.queue = LaneQueue::new(true);
        self.cursor = Cursor::default();
        self.cursor.read_again();
    }

    /// Nothing more is accepted, and there is no sweep: what is still to be sent is sent nevertheless.
    fn come_to_rest(&mut self) {
        for _ in 0..STEPS * 20 {
            self.move_own();
            self.move_foreign();
            self.wake();
            self.hear();
            self.read();
            self.send();
            self.end();
            self.make_durable();
            self.tell_recorded();
            if self.is_at_rest() {
                return;
            }
        }
        panic!("messages are never sent: {:?}", self.table);
    }

    fn is_at_rest(&self) -> bool {
        self.own.is_empty()
            && self.foreign.is_empty()
            && self.table.is_empty()
            && self.queue.is_empty()
            && !self.cursor.is_behind()
            && self.messages.iter().all(|message| message.sent)
    }

    fn arrival(&self, number: usize, place: Place) -> Arrival {
        arrival(place, self.messages[number].recipient, Priority::Normal)
    }
}

fn count_arrived(signal: &LaneSignal) -> usize {
    if let LaneSignal::Arrived(arrivals) = signal {
        arrivals.len()
    } else {
        0
    }
}

#[test]
fn every_row_is_taken_in_once_and_no_message_overtakes_one_that_was_acknowledged_before() {
    for seed in 0..SEEDS {
        let run = catch_unwind(AssertUnwindSafe(|| {
            let mut world = World::new(seed);
            for _ in 0..STEPS {
                world.step();
            }
            world.come_to_rest();
        }));
        assert!(run.is_ok(), "seed {seed} shows it");
    }
}
