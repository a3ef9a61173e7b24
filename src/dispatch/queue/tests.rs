//! The laws of a lane in memory, held against random histories by a small model of what has to be true.

mod model;

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;

use self::model::{Model, Step, Whereabouts, steps};
use super::*;
use crate::dispatch::testing::{START_MS, arrival, message_id};
use crate::values::MessageId;

const PRIORITIES: [Priority; CLASSES] = [Priority::Interactive, Priority::Normal, Priority::Bulk];

fn place(number: u32) -> Place {
    Place {
        stamp: 0,
        own: true,
        id: message_id(START_MS, number),
    }
}

/// Which of those that were pushed it is.
fn index(id: MessageId) -> usize {
    usize::try_from(id.sequence()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// At most one is under way for a recipient and class, a held head holds its successors only until its hold ends,
    /// and whatever may go does: `Model::pop` asserts it each time.
    #[test]
    fn every_delivery_ends_exactly_once_and_none_goes_out_of_turn(steps in steps(true)) {
        let mut model = Model::new();
        for step in steps {
            model.take(step);
        }
        model.run_out();
        prop_assert!(model.whereabouts.iter().all(|end| *end == Whereabouts::Gone));
        prop_assert!(model.queue.is_empty());
        prop_assert!(model.queue.recipients.is_empty(), "recipients are forgotten when nothing is left for them");
        prop_assert_eq!(model.queue.next_timer(), None);
    }

    #[test]
    fn without_failures_each_recipient_s_deliveries_go_in_the_order_of_their_coming(steps in steps(false)) {
        let mut model = Model::new();
        for step in steps {
            model.take(step);
        }
        model.run_out();
        prop_assert_eq!(model.sent.len(), model.arrivals.len());
        let mut last: HashMap<RecipientKey, usize> = HashMap::new();
        for sent in model.sent {
            let before = last.insert(model.keys[sent], sent);
            prop_assert!(before.is_none_or(|before| before < sent));
        }
    }

    #[test]
    fn a_lower_class_gets_its_turn_however_much_of_higher_ones_comes(
        lower in 1..CLASSES,
        waiting in 1..6_u32,
        higher in vec(0..CLASSES, 1..10),
    ) {
        let mut queue = LaneQueue::new(false);
        let mut next = 0;
        let mut push = |queue: &mut LaneQueue, class: usize| {
            queue.push(arrival(place(next), 0, PRIORITIES[class]), Origin::HandedOver, START_MS);
            next += 1;
        };
        for _ in 0..waiting {
            push(&mut queue, lower);
        }
        // Of each class one in nine turns goes down, through as many classes as there are above.
        let turns = 9_u32.pow(u32::try_from(lower).unwrap()) * (waiting + 1);
        let mut gone = 0;
        for _ in 0..turns {
            for class in higher.iter().filter(|class| **class < lower) {
                push(&mut queue, *class);
            }
            let popped = queue.pop();
            gone += u32::from(popped.is_some_and(|popped| class(&popped) == lower));
        }
        prop_assert_eq!(gone, waiting);
    }
}

#[test]
fn recipients_of_a_lane_without_order_do_not_wait_for_each_other() {
    let mut queue = LaneQueue::new(false);
    for number in 0..3 {
        let arrival = arrival(place(number), 1, Priority::Normal);
        queue.push(arrival, Origin::HandedOver, START_MS);
    }
    assert_eq!(std::iter::from_fn(|| queue.pop()).count(), 3);
}

#[test]
fn a_retry_that_falls_due_goes_before_its_successors() {
    let mut model = Model::new();
    model.push(1, Priority::Normal, None);
    model.push(1, Priority::Normal, None);
    model.pop();
    model.wait(0, 100, Some(500), false);
    model.pass(100);
    model.pop();
    assert_eq!(model.sent, [0, 0]);
}

#[test]
fn a_retry_that_falls_due_while_another_is_under_way_is_the_next() {
    let mut model = Model::new();
    for _ in 0..3 {
        model.push(1, Priority::Normal, None);
    }
    model.pop();
    model.wait(0, 100, None, false);
    model.pop();
    model.pass(100);
    model.take(Step::Finish { which: 0 });
    model.pop();
    assert_eq!(model.sent, [0, 1, 0]);
}

#[test]
fn retries_that_fall_due_together_go_in_the_order_in_which_they_were_accepted() {
    let mut model = Model::new();
    for _ in 0..4 {
        model.push(1, Priority::Normal, None);
    }
    for due_in in [100, 100, 90] {
        model.pop();
        model.wait(0, due_in, None, false);
    }
    model.pop();
    model.pass(100);
    for _ in 0..3 {
        model.take(Step::Finish { which: 0 });
        model.pop();
    }
    assert_eq!(model.sent, [0, 1, 2, 3, 0, 1, 2]);
}

#[test]
fn a_message_that_is_sent_anew_is_taken_in_before_its_old_row_is_recorded() {
    let mut queue = LaneQueue::new(true);
    queue.push(
        arrival(place(0), 1, Priority::Normal),
        Origin::HandedOver,
        START_MS,
    );
    let dead = queue.pop().unwrap();
    queue.finished(&dead);
    let revived = Place {
        stamp: 1,
        own: false,
        ..place(0)
    };
    queue.push(
        arrival(revived, 1, Priority::Normal),
        Origin::Read,
        START_MS,
    );
    queue.forget(&[dead.delivery.place], START_MS);
    assert_eq!(
        queue.pop().map(|popped| popped.delivery.place),
        Some(revived)
    );
    assert_eq!(queue.len(), 1);
}

#[test]
fn a_successor_goes_when_the_hold_of_its_head_ends() {
    let mut model = Model::new();
    model.push(1, Priority::Normal, None);
    model.push(1, Priority::Normal, None);
    model.pop();
    model.wait(0, 1_000, Some(500), false);
    model.pass(499);
    model.pop();
    assert_eq!(model.sent, [0]);
    model.pass(1);
    model.pop();
    assert_eq!(model.sent, [0, 1]);
}

#[test]
fn a_head_that_holds_from_the_table_goes_first_when_it_is_read() {
    let mut queue = LaneQueue::new(true);
    let mut head = arrival(place(0), 1, Priority::Normal);
    head.delivery.attempt = 1;
    queue.hold_successors(&head, Some(START_MS + 500), START_MS);
    queue.push(
        arrival(place(1), 1, Priority::Normal),
        Origin::Read,
        START_MS,
    );
    assert!(!queue.has_ready());
    head.delivery.due_at = Some(START_MS + 100);
    queue.push(head, Origin::Read, START_MS + 100);
    assert_eq!(
        queue.pop().map(|popped| popped.delivery.place),
        Some(place(0))
    );
}

#[test]
fn a_retry_that_waits_in_the_table_is_not_taken_in_again_before_the_table_says_so() {
    let mut model = Model::new();
    model.push(1, Priority::Normal, None);
    model.pop();
    model.wait(0, 300_000, None, true);
    model.push_again(0);
    model.pop();
    assert_eq!(model.sent, [0]);
}
