//! Up to where a lane's rows are known, and what of that which comes may be taken in at once. Pure.
//!
//! Everything that may be sent at once and lies up to the *place* is known, but for own rows that are still to be
//! handed over: an own accept may commit after a later one. While the lane is *level*, nothing lies beyond the place
//! but what accepts of this replica hand over and what wake-ups announce. While it is *behind*, messages handed over
//! from beyond the place are left in the table and read in their turn.

use std::collections::VecDeque;

use super::known::may_be_handed_over;
use crate::lanes::model::{Arrival, Place};
use crate::lanes::ownership::LaneSignal;

/// A lane's place in its table.
#[derive(Debug)]
pub struct Cursor {
    place: Place,
    /// Every foreign row up to this stamp is known.
    foreign_known: i64,
    /// The highest stamp that was handed over; its foreign rows are durable.
    handed_stamp: i64,
    behind: bool,
}

/// A page of rows beyond the place.
#[derive(Debug)]
pub struct Page {
    pub arrivals: Vec<Arrival>,
    /// The place of the last row, whether its message was found or not.
    pub last: Option<Place>,
    /// There was nothing more to read.
    pub is_whole: bool,
}

/// What a page adds to memory, in this order.
#[derive(Debug, Default)]
pub struct Intake {
    pub handed_over: Vec<Arrival>,
    pub read: Vec<Arrival>,
}

impl Default for Cursor {
    /// Nothing is known yet, and as far as one knows there is nothing.
    fn default() -> Self {
        Self {
            place: Place::START,
            foreign_known: -1,
            handed_stamp: -1,
            behind: false,
        }
    }
}

impl Cursor {
    pub const fn place(&self) -> Place {
        self.place
    }

    /// Whether rows beyond the place wait to be read.
    pub const fn is_behind(&self) -> bool {
        self.behind
    }

    /// Begins again from the start of the lane: something may have been missed.
    pub const fn read_again(&mut self) {
        self.place = Place::START;
        self.behind = true;
    }

    /// Other replicas may have accepted something.
    pub const fn look(&mut self) {
        self.behind = true;
    }

    /// Drops what was handed over and has to be read from the table in its turn; the rest may be taken in. `room`:
    /// how many there is memory for.
    pub fn sift(&mut self, arrivals: &mut Vec<Arrival>, room: usize, now_ms: i64) {
        if any_is_late(arrivals, now_ms) {
            // Too late to know whether they were read, sent and forgotten meanwhile; the table knows.
            arrivals.clear();
            self.read_again();
            return;
        }
        let places = arrivals.iter().map(|arrival| arrival.delivery.place);
        if let Some(stamp) = places.clone().map(|place| place.stamp).max() {
            self.handed_stamp = self.handed_stamp.max(stamp);
        }
        // Rows of other replicas come before these. All of both are durable, so one read finds them in order.
        if self.handed_stamp > self.foreign_known || room < arrivals.len() {
            self.behind = true;
        }
        if self.behind {
            // What lies before the place would never be read.
            let place = self.place;
            arrivals.retain(|arrival| arrival.delivery.place <= place);
        } else {
            self.place = places.max().unwrap_or(self.place).max(self.place);
        }
    }

    /// Takes note of the next page and gives back what is to be taken in. `unheard` is what was signalled until the
    /// page had come and has not been heard yet.
    ///
    /// Own rows become visible in any order. Who was acknowledged before a message of the page was accepted is in the
    /// page, or was handed over until now from before it; so these go first.
    pub fn page_read(
        &mut self,
        page: Page,
        unheard: &mut VecDeque<LaneSignal>,
        now_ms: i64,
    ) -> Intake {
        if unheard.iter().any(|signal| tells_of_a_gap(signal, now_ms)) {
            // Something of before this page was missed, so the page comes too early.
            self.read_again();
            return Intake::default();
        }
        let handed_over = self.take_those_before(unheard);
        if let Some(last) = page.last {
            self.place = last;
            // A row with stamp s is visible only after every foreign row before s.
            self.foreign_known = self.foreign_known.max(last.stamp);
        }
        if page.is_whole {
            let seen = self.place.stamp.max(self.handed_stamp);
            self.foreign_known = self.foreign_known.max(seen);
            self.behind = false;
        }
        Intake {
            handed_over,
            read: page.arrivals,
        }
    }

    fn take_those_before(&self, unheard: &mut VecDeque<LaneSignal>) -> Vec<Arrival> {
        let mut before = Vec::new();
        for signal in unheard {
            if let LaneSignal::Arrived(arrivals) = signal {
                let early = arrivals.extract_if(.., |arrival| arrival.delivery.place <= self.place);
                before.extend(early);
            }
        }
        before
    }
}

fn tells_of_a_gap(signal: &LaneSignal, now_ms: i64) -> bool {
    match signal {
        LaneSignal::ReadAgain => true,
        LaneSignal::Arrived(arrivals) => any_is_late(arrivals, now_ms),
        LaneSignal::LookForRows
        | LaneSignal::Refresh
        | LaneSignal::Recorded { .. }
        | LaneSignal::Release => false,
    }
}

fn any_is_late(arrivals: &[Arrival], now_ms: i64) -> bool {
    arrivals
        .iter()
        .any(|arrival| !may_be_handed_over(arrival.delivery.place.id, now_ms))
}

#[cfg(test)]
mod simulation;
