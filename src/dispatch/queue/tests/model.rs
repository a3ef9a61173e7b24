//! A lane in memory beside what has to be true of it.

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{PRIORITIES, index, place};
use crate::dispatch::known::Origin;
use crate::dispatch::queue::{CLASSES, LaneQueue, RecipientKey, Wait, key};
use crate::dispatch::testing::{START_MS, arrival};
use crate::lanes::model::{Arrival, Place};
use crate::values::Priority;

const RECIPIENTS: u64 = 4;

/// What happens to a lane. Times are in milliseconds; `which` chooses among those that it can happen to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Push {
        recipient: u64,
        class: usize,
        due_in: Option<i64>,
    },
    PushAgain {
        which: usize,
    },
    Pop,
    Finish {
        which: usize,
    },
    Wait {
        which: usize,
        due_in: i64,
        holds_for: Option<i64>,
        in_table: bool,
    },
    PutBack {
        which: usize,
    },
    Record,
    Pass {
        milliseconds: i64,
    },
}

pub(super) fn steps(failures: bool) -> impl Strategy<Value = Vec<Step>> {
    let due_in =
        prop::option::weighted(0.1, 1..500_i64).prop_map(move |due_in| due_in.filter(|_| failures));
    let push =
        (0..RECIPIENTS, 0..CLASSES, due_in).prop_map(|(recipient, class, due_in)| Step::Push {
            recipient,
            class,
            due_in,
        });
    let wait = (
        any::<usize>(),
        1..400_i64,
        prop::option::of(1..800_i64),
        any::<bool>(),
    )
        .prop_map(|(which, due_in, holds_for, in_table)| Step::Wait {
            which,
            due_in,
            holds_for,
            in_table,
        });
    let which = any::<usize>;
    let step = prop_oneof![
        8 => push,
        1 => which().prop_map(|which| Step::PushAgain { which }),
        8 => Just(Step::Pop),
        4 => which().prop_map(|which| Step::Finish { which }),
        3 => wait.prop_map(move |wait| if failures { wait } else { Step::Pop }),
        1 => which().prop_map(|which| Step::PutBack { which }),
        2 => Just(Step::Record),
        3 => (1..300_i64).prop_map(|milliseconds| Step::Pass { milliseconds }),
    ];
    vec(step, 1..150)
}

/// Where the model believes a delivery to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// May go when its turn comes.
    Queued,
    /// Waits for a time in memory; until the other time it keeps its successors back.
    Timed {
        due_at: i64,
        holds_until: i64,
    },
    /// Waits in the table.
    InTable {
        holds_until: i64,
    },
    InFlight,
    /// Its result is not durable yet.
    Ended,
    Gone,
}

/// A lane and what has to be true of it. Deliveries are known by the order in which they were pushed.
pub(super) struct Model {
    pub(super) queue: LaneQueue,
    pub(super) now: i64,
    pub(super) arrivals: Vec<Arrival>,
    pub(super) keys: Vec<RecipientKey>,
    pub(super) whereabouts: Vec<Whereabouts>,
    in_flight: Vec<Arrival>,
    unrecorded: Vec<Place>,
    pub(super) sent: Vec<usize>,
}

impl Model {
    pub(super) fn new() -> Self {
        Self {
            queue: LaneQueue::new(true),
            now: START_MS,
            arrivals: Vec::new(),
            keys: Vec::new(),
            whereabouts: Vec::new(),
            in_flight: Vec::new(),
            unrecorded: Vec::new(),
            sent: Vec::new(),
        }
    }

    pub(super) fn take(&mut self, step: Step) {
        match step {
            Step::Push {
                recipient,
                class,
                due_in,
            } => self.push(recipient, PRIORITIES[class], due_in),
            Step::PushAgain { which } => self.push_again(which),
            Step::Pop => self.pop(),
            Step::Finish { which } => {
                if let Some(arrival) = self.one_in_flight(which) {
                    self.queue.finished(&arrival);
                    self.set(&arrival, Whereabouts::Ended);
                    self.unrecorded.push(arrival.delivery.place);
                }
            }
            Step::Wait {
                which,
                due_in,
                holds_for,
                in_table,
            } => self.wait(which, due_in, holds_for, in_table),
            Step::PutBack { which } => {
                if let Some(arrival) = self.one_in_flight(which) {
                    self.set(&arrival, Whereabouts::Queued);
                    self.sent.retain(|sent| *sent != index(arrival.message.id));
                    self.queue.put_back(arrival);
                }
            }
            Step::Record => self.record(),
            Step::Pass { milliseconds } => self.pass(milliseconds),
        }
    }

    pub(super) fn push(&mut self, recipient: u64, priority: Priority, due_in: Option<i64>) {
        let number = u32::try_from(self.arrivals.len()).unwrap();
        let mut new = arrival(place(number), recipient, priority);
        new.delivery.due_at = due_in.map(|due_in| self.now + due_in);
        self.whereabouts.push(match new.delivery.due_at {
            Some(due_at) => Whereabouts::Timed {
                due_at,
                holds_until: 0,
            },
            None => Whereabouts::Queued,
        });
        self.keys.push(key(&new));
        self.arrivals.push(new.clone());
        self.queue.push(new, Origin::HandedOver, self.now);
    }

    /// A row that is here is read from the table once more.
    pub(super) fn push_again(&mut self, which: usize) {
        let is_here = |index: &usize| match self.whereabouts[*index] {
            Whereabouts::Gone => false,
            Whereabouts::InTable { .. } => self
                .unrecorded
                .contains(&self.arrivals[*index].delivery.place),
            Whereabouts::Queued
            | Whereabouts::Timed { .. }
            | Whereabouts::InFlight
            | Whereabouts::Ended => true,
        };
        let here: Vec<usize> = (0..self.arrivals.len()).filter(is_here).collect();
        if let Some(index) = here.get(which % here.len().max(1)) {
            let again = self.arrivals[*index].clone();
            self.queue.push(again, Origin::Read, self.now);
        }
    }

    /// Nothing goes that is kept back, and something goes if anything may.
    pub(super) fn pop(&mut self) {
        let kept_back = self.kept_back();
        let Some(popped) = self.queue.pop() else {
            assert!(!self.queue.has_ready());
            for (index, whereabouts) in self.whereabouts.iter().enumerate() {
                let may_go =
                    *whereabouts == Whereabouts::Queued && !kept_back.contains(&self.keys[index]);
                assert!(!may_go, "{index} may go and does not");
            }
            return;
        };
        let sent = index(popped.message.id);
        assert_eq!(
            self.whereabouts[sent],
            Whereabouts::Queued,
            "{sent} is handed out"
        );
        let is_kept_back = kept_back.contains(&self.keys[sent]);
        assert!(!is_kept_back, "{sent} is kept back and goes");
        self.whereabouts[sent] = Whereabouts::InFlight;
        self.sent.push(sent);
        self.in_flight.push(popped);
    }

    pub(super) fn wait(
        &mut self,
        which: usize,
        due_in: i64,
        holds_for: Option<i64>,
        in_table: bool,
    ) {
        let Some(mut arrival) = self.one_in_flight(which) else {
            return;
        };
        arrival.delivery.attempt += 1;
        let wait = Wait {
            due_at: self.now + due_in,
            holds_until: holds_for.map(|holds_for| self.now + holds_for),
        };
        let holds_until = wait.holds_until.unwrap_or(0);
        if in_table {
            self.queue.wait_in_table(&arrival, wait, self.now);
            self.set(&arrival, Whereabouts::InTable { holds_until });
            self.unrecorded.push(arrival.delivery.place);
        } else {
            let due_at = wait.due_at;
            let timed = Whereabouts::Timed {
                due_at,
                holds_until,
            };
            self.set(&arrival, timed);
            self.queue.wait(arrival, wait, self.now);
        }
    }

    pub(super) fn record(&mut self) {
        let durable = std::mem::take(&mut self.unrecorded);
        self.queue.forget(&durable, self.now);
        for place in durable {
            let whereabouts = &mut self.whereabouts[index(place.id)];
            if *whereabouts == Whereabouts::Ended {
                *whereabouts = Whereabouts::Gone;
            }
        }
    }

    pub(super) fn pass(&mut self, milliseconds: i64) {
        self.now += milliseconds;
        self.queue.advance(self.now);
        let next = self.queue.next_timer();
        assert!(
            next.is_none_or(|next| next > self.now),
            "a timer stays behind"
        );
        for whereabouts in &mut self.whereabouts {
            if matches!(whereabouts, Whereabouts::Timed { due_at, .. } if *due_at <= self.now) {
                *whereabouts = Whereabouts::Queued;
            }
        }
    }

    /// Recipients and classes whose next delivery is kept back: one is under way, or a head holds.
    fn kept_back(&self) -> HashSet<RecipientKey> {
        let keeps = |whereabouts: &Whereabouts| match whereabouts {
            Whereabouts::InFlight => true,
            Whereabouts::Timed { holds_until, .. } | Whereabouts::InTable { holds_until } => {
                *holds_until > self.now
            }
            Whereabouts::Queued | Whereabouts::Ended | Whereabouts::Gone => false,
        };
        let all = self.keys.iter().zip(&self.whereabouts);
        all.filter(|(_, whereabouts)| keeps(whereabouts))
            .map(|(key, _)| *key)
            .collect()
    }

    fn one_in_flight(&mut self, which: usize) -> Option<Arrival> {
        let count = self.in_flight.len();
        (count > 0).then(|| self.in_flight.swap_remove(which % count))
    }

    fn set(&mut self, arrival: &Arrival, whereabouts: Whereabouts) {
        self.whereabouts[index(arrival.message.id)] = whereabouts;
    }

    /// Lets everything come to its end, the way that a lane's loop does.
    pub(super) fn run_out(&mut self) {
        for _ in 0..2_000 {
            self.pop();
            if !self.in_flight.is_empty() {
                self.take(Step::Finish { which: 0 });
            } else if let Some(next) = self.queue.next_timer() {
                self.pass(next - self.now);
            } else if let Some(waiting) = self.waiting_in_table() {
                self.record();
                let mut due = self.arrivals[waiting].clone();
                due.delivery.due_at = Some(self.now);
                due.delivery.attempt = 1;
                self.whereabouts[waiting] = Whereabouts::Queued;
                self.queue.push(due, Origin::Read, self.now);
            } else {
                self.record();
                return;
            }
        }
        panic!("the lane does not come to rest");
    }

    fn waiting_in_table(&self) -> Option<usize> {
        let waits = |whereabouts: &Whereabouts| matches!(whereabouts, Whereabouts::InTable { .. });
        self.whereabouts.iter().position(waits)
    }
}
