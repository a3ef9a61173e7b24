//! Who accepts messages for the lane, here and elsewhere, and how their flushes become rows.

use rand::RngExt;

use super::{INBOX_MAX, RECIPIENTS, World, count_arrived};
use crate::dispatch::testing::message_id;
use crate::lanes::model::{Arrival, Place};
use crate::lanes::ownership::LaneSignal;

#[derive(Debug)]
pub(super) struct Message {
    pub(super) recipient: u64,
    /// How many had been acknowledged when it was accepted.
    pub(super) accepted_after: usize,
    /// Its place among those that were acknowledged.
    pub(super) acknowledged: Option<usize>,
    pub(super) sent: bool,
}

/// Messages on their way into the table: their numbers and places.
pub(super) struct Flush {
    pub(super) messages: Vec<(usize, Place)>,
    pub(super) stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Begun,
    Placed,
    Committed,
}

impl World {
    pub(super) fn accept_here(&mut self) {
        if self.own.len() < 2 {
            self.accept(true);
        }
    }

    pub(super) fn accept_elsewhere(&mut self) {
        if self.foreign.len() < 2 {
            self.accept(false);
        }
    }

    pub(super) fn send_anew(&mut self) {
        let Some(ended) = self.recorded.last().copied() else {
            return;
        };
        let number = usize::try_from(ended.id.sequence()).unwrap();
        let message = &mut self.messages[number];
        if self.foreign.len() < 2 && message.sent {
            message.sent = false;
            message.accepted_after = self.acknowledged;
            message.acknowledged = None;
            let place = Place {
                own: false,
                ..ended
            };
            self.foreign.push(Flush {
                messages: vec![(number, place)],
                stage: Stage::Begun,
            });
        }
    }

    /// Somebody accepts some messages for the lane; their ids are made.
    fn accept(&mut self, own: bool) {
        let mut messages = Vec::new();
        for _ in 0..self.random.random_range(1..4) {
            let number = u32::try_from(self.messages.len()).unwrap();
            let other_clock = self.random.random_range(-50..50);
            let skew = if own { self.skew } else { other_clock };
            let place = Place {
                stamp: 0,
                own,
                id: message_id(self.now + skew, number),
            };
            messages.push((self.messages.len(), place));
            self.messages.push(Message {
                recipient: self.random.random_range(0..RECIPIENTS),
                accepted_after: self.acknowledged,
                acknowledged: None,
                sent: false,
            });
        }
        let flushes = if own {
            &mut self.own
        } else {
            &mut self.foreign
        };
        flushes.push(Flush {
            messages,
            stage: Stage::Begun,
        });
    }

    pub(super) fn move_own(&mut self) {
        if self.own.is_empty() {
            return;
        }
        let index = self.random.random_range(0..self.own.len());
        let (stamp, flush) = (self.stamp, &mut self.own[index]);
        match flush.stage {
            Stage::Begun => flush.be_placed(stamp),
            Stage::Placed => self.table.extend(flush.commit()),
            Stage::Committed => {
                let flush = self.own.remove(index);
                self.hand_over(&flush);
                self.acknowledge(&flush);
            }
        }
    }

    pub(super) fn move_foreign(&mut self) {
        let Some(flush) = self.foreign.first_mut() else {
            return;
        };
        if flush.stage == Stage::Begun {
            flush.be_placed(self.stamp + 1);
        } else {
            self.stamp += 1;
            self.table.extend(flush.commit());
            let flush = self.foreign.remove(0);
            self.acknowledge(&flush);
            self.wake_up = true;
        }
    }

    /// As `OwnedLane::hand_over` does.
    fn hand_over(&mut self, flush: &Flush) {
        let handed_over = flush.messages.iter();
        let arrivals: Vec<Arrival> = handed_over
            .map(|(number, place)| self.arrival(*number, *place))
            .collect();
        let waiting: usize = self.inbox.iter().map(count_arrived).sum();
        self.inbox
            .push_back(if waiting + arrivals.len() > INBOX_MAX {
                LaneSignal::ReadAgain
            } else {
                LaneSignal::Arrived(arrivals)
            });
    }

    fn acknowledge(&mut self, flush: &Flush) {
        for (number, _) in &flush.messages {
            self.messages[*number].acknowledged = Some(self.acknowledged);
            self.acknowledged += 1;
        }
    }
}

impl Flush {
    fn be_placed(&mut self, stamp: i64) {
        for (_, place) in &mut self.messages {
            place.stamp = stamp;
        }
        self.stage = Stage::Placed;
    }

    fn commit(&mut self) -> Vec<(Place, usize)> {
        self.stage = Stage::Committed;
        let rows = self.messages.iter();
        rows.map(|(number, place)| (*place, *number)).collect()
    }
}
