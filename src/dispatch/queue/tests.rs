//! Laws of what a lane holds in memory, held against random histories.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::dispatch::testing::{START_MS, arrival, message_id};
use crate::lanes::model::Place;

const HOLD_MS: i64 = 60_000;

/// One thing that happens to a lane.
#[derive(Debug, Clone)]
enum Step {
    /// A delivery for this recipient and class comes in.
    Push(u64, Priority),
    /// The next one is sent; its attempt comes back at once: it succeeds, or is to wait so many milliseconds.
    Send(Option<i64>),
    /// The next one is sent and stays in flight.
    Start,
    /// The oldest one in flight comes back.
    End,
    /// Time passes.
    Pass(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let priority = prop_oneof![
        Just(Priority::Interactive),
        Just(Priority::Normal),
        Just(Priority::Bulk)
    ];
    let step = prop_oneof![
        4 => (0..4_u64, priority).prop_map(|(recipient, priority)| Step::Push(recipient, priority)),
        3 => proptest::option::of(1..200_000_i64).prop_map(Step::Send),
        1 => Just(Step::Start),
        1 => Just(Step::End),
        1 => (1..100_000_i64).prop_map(Step::Pass),
    ];
    vec(step, 1..200)
}

fn place(number: u32) -> Place {
    Place {
        stamp: 0,
        own: true,
        id: message_id(START_MS, number),
    }
}

/// A lane with what should be true of it.
struct Model {
    queue: LaneQueue,
    now_ms: i64,
    pushed: u32,
    in_flight: Vec<Arrival>,
    ended: Vec<Arrival>,
}

impl Model {
    fn new() -> Self {
        Self {
            queue: LaneQueue::new(true),
            now_ms: START_MS,
            pushed: 0,
            in_flight: Vec::new(),
            ended: Vec::new(),
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Push(recipient, priority) => {
                self.pushed += 1;
                let arrival = arrival(place(self.pushed), *recipient, *priority);
                self.queue.push(arrival, self.now_ms);
            }
            Step::Send(outcome) => {
                if let Some(sent) = self.pop() {
                    self.come_back(sent, *outcome);
                }
            }
            Step::Start => {
                if let Some(started) = self.pop() {
                    self.in_flight.push(started);
                }
            }
            Step::End if !self.in_flight.is_empty() => {
                let oldest = self.in_flight.remove(0);
                self.come_back(oldest, None);
            }
            Step::End => {}
            Step::Pass(by) => {
                self.now_ms += by;
                self.queue.advance(self.now_ms);
            }
        }
    }

    fn pop(&mut self) -> Option<Arrival> {
        let popped = self.queue.pop()?;
        let twin = self.in_flight.iter().find(|open| key(open) == key(&popped));
        assert!(
            twin.is_none(),
            "two are in flight for one recipient and class"
        );
        Some(popped)
    }

    fn come_back(&mut self, mut arrival: Arrival, waits: Option<i64>) {
        match waits {
            None => {
                self.queue.finished(&arrival);
                self.queue.forget(&[arrival.delivery.place.id]);
                self.ended.push(arrival);
            }
            Some(wait_ms) => {
                let first_failure = arrival
                    .delivery
                    .holds_until
                    .unwrap_or(self.now_ms + HOLD_MS);
                arrival.delivery.holds_until = Some(first_failure);
                let wait = Wait {
                    due_at: self.now_ms + wait_ms,
                    holds_until: Some(first_failure),
                };
                self.queue.wait(arrival, wait, self.now_ms);
            }
        }
    }

    /// Lets everything that is left come to its end.
    fn run_out(&mut self) {
        for _ in 0..10_000 {
            while let Some(open) = self.in_flight.pop() {
                self.come_back(open, None);
            }
            while let Some(sent) = self.pop() {
                self.come_back(sent, None);
            }
            let Some(next) = self.queue.next_timer() else {
                return;
            };
            self.now_ms = self.now_ms.max(next);
            self.queue.advance(self.now_ms);
        }
        panic!("the lane does not come to rest");
    }

    fn ended_by_recipient(&self) -> BTreeMap<RecipientKey, Vec<MessageId>> {
        let mut ended: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for arrival in &self.ended {
            ended
                .entry(key(arrival))
                .or_default()
                .push(arrival.delivery.place.id);
        }
        ended
    }
}

proptest! {
    #[test]
    fn every_delivery_ends_exactly_once_and_the_lane_is_empty_then(steps in steps()) {
        let mut model = Model::new();
        for step in &steps {
            model.take(step);
        }
        model.run_out();
        let ended: BTreeSet<MessageId> = model.ended.iter().map(|arrival| arrival.delivery.place.id).collect();
        prop_assert_eq!(ended.len(), model.ended.len());
        prop_assert_eq!(u32::try_from(ended.len()).unwrap(), model.pushed);
        prop_assert!(model.queue.is_empty());
        prop_assert!(model.queue.recipients.is_empty(), "recipients are forgotten when nothing is left for them");
    }

    #[test]
    fn without_failures_each_recipient_s_deliveries_end_in_the_order_of_their_coming(steps in steps()) {
        let mut model = Model::new();
        for step in &steps {
            let step = if let Step::Send(_) = step { Step::Send(None) } else { step.clone() };
            model.take(&step);
        }
        model.run_out();
        for ids in model.ended_by_recipient().values() {
            prop_assert!(ids.is_sorted());
        }
    }

    #[test]
    fn a_delivery_that_is_known_is_not_taken_in_twice(number in 1..50_u32, times in 2..5_usize) {
        let mut queue = LaneQueue::new(true);
        for _ in 0..times {
            queue.push(arrival(place(number), 1, Priority::Normal), START_MS);
        }
        prop_assert!(queue.pop().is_some());
        prop_assert!(queue.pop().is_none());
    }
}

#[test]
fn a_head_that_waits_holds_its_successors_until_its_hold_ends() {
    let mut model = Model::new();
    model.take(&Step::Push(1, Priority::Normal));
    model.take(&Step::Push(1, Priority::Normal));
    model.take(&Step::Send(Some(HOLD_MS * 2)));
    assert!(model.pop().is_none(), "the successor waits");
    model.take(&Step::Pass(HOLD_MS - 1));
    assert!(model.pop().is_none(), "the hold has not ended");
    model.take(&Step::Pass(1));
    let passed = model.pop().unwrap();
    assert_eq!(passed.delivery.place, place(2));
}

#[test]
fn one_recipient_s_trouble_holds_nobody_else() {
    let mut model = Model::new();
    model.take(&Step::Push(1, Priority::Normal));
    model.take(&Step::Push(2, Priority::Normal));
    model.take(&Step::Send(Some(HOLD_MS)));
    assert_eq!(model.pop().unwrap().delivery.place, place(2));
}

#[test]
fn a_lower_class_is_not_starved_by_a_higher_one() {
    let mut queue = LaneQueue::new(true);
    queue.push(arrival(place(1), 0, Priority::Bulk), START_MS);
    for number in 2..40 {
        queue.push(
            arrival(place(number), u64::from(number), Priority::Interactive),
            START_MS,
        );
    }
    let before = std::iter::from_fn(|| queue.pop())
        .position(|popped| popped.delivery.priority == Priority::Bulk)
        .unwrap();
    assert!(
        before <= RUN_BEFORE_LOWER as usize + 1,
        "{before} went first"
    );
}
