//! Which deliveries of a lane are in memory, so that none is taken in twice. Pure.
//!
//! A row of an own accept can come on two ways: handed over, and read from the table, in any order. Its hand-over may
//! even come when the row was read, sent and recorded already, since the accept hears of its commit in its own time.
//! So whoever was read stays known as *gone* until its hand-over would be too old to be trusted.

use std::collections::{BTreeSet, HashMap};

use crate::lanes::model::Place;
use crate::values::MessageId;

/// What is handed over is trusted this long after its id was made; later it is read from the table. A flush takes a
/// few milliseconds, and 3 s at the most.
const HAND_OVER_AGE_MAX_MS: i64 = 5_000;

/// How a delivery came into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    HandedOver,
    Read,
}

/// The deliveries of one lane that are here.
#[derive(Debug, Default)]
pub struct Known {
    /// By place, since a message that is sent anew comes as a new row. And whether the hand-over may still come.
    here: HashMap<Place, bool>,
    /// Own ones that were read and are done with, whose hand-over may still come.
    gone: BTreeSet<MessageId>,
}

impl Known {
    pub fn len(&self) -> usize {
        self.here.len()
    }

    pub fn is_empty(&self) -> bool {
        self.here.is_empty()
    }

    pub fn holds(&self, place: Place) -> bool {
        self.here.contains_key(&place)
    }

    /// Takes a delivery in; `false`: it is here or was, and must not be taken in again.
    pub fn take_in(&mut self, place: Place, origin: Origin) -> bool {
        let handed_over = origin == Origin::HandedOver;
        // A row that is read although it is gone has been put into the lane anew.
        if handed_over && self.gone.remove(&place.id) {
            return false;
        }
        let mut is_new = false;
        let hand_over_may_come = self.here.entry(place).or_insert_with(|| {
            is_new = true;
            place.own
        });
        *hand_over_may_come &= !handed_over;
        is_new
    }

    /// These deliveries are through: what is stored about them is durable, or they are somebody else's now.
    pub fn forget(&mut self, places: &[Place], now_ms: i64) {
        while let Some(oldest) = self.gone.first()
            && !may_be_handed_over(*oldest, now_ms)
        {
            self.gone.pop_first();
        }
        for place in places {
            let hand_over_may_come = self.here.remove(place).unwrap_or(false);
            if hand_over_may_come && may_be_handed_over(place.id, now_ms) {
                self.gone.insert(place.id);
            }
        }
    }
}

/// Whether a message is young enough to be taken in from memory. Time must not go back between two calls.
pub fn may_be_handed_over(id: MessageId, now_ms: i64) -> bool {
    now_ms - id.unix_ms() <= HAND_OVER_AGE_MAX_MS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::testing::{START_MS, message_id};

    fn own() -> Place {
        Place {
            stamp: 0,
            own: true,
            id: message_id(START_MS, 0),
        }
    }

    #[test]
    fn a_delivery_is_taken_in_once_whichever_way_comes_first() {
        for (first, second) in [
            (Origin::HandedOver, Origin::Read),
            (Origin::Read, Origin::HandedOver),
        ] {
            let mut known = Known::default();
            assert!(known.take_in(own(), first));
            assert!(!known.take_in(own(), second));
            known.forget(&[own()], START_MS);
            assert!(known.gone.is_empty(), "it has come both ways");
        }
    }

    #[test]
    fn a_hand_over_that_comes_after_its_row_was_read_and_sent_is_left_out() {
        let mut known = Known::default();
        assert!(known.take_in(own(), Origin::Read));
        known.forget(&[own()], START_MS + 4_000);
        assert!(known.is_empty());
        assert!(!known.take_in(own(), Origin::HandedOver));
    }

    #[test]
    fn what_is_gone_is_forgotten_when_its_hand_over_would_not_be_trusted_any_more() {
        let last = START_MS + HAND_OVER_AGE_MAX_MS;
        let mut known = Known::default();
        known.take_in(own(), Origin::Read);
        known.forget(&[own()], last);
        assert_eq!(known.gone.len(), 1);
        known.forget(&[], last + 1);
        assert!(known.gone.is_empty());
        assert!(!may_be_handed_over(own().id, last + 1));
    }

    #[test]
    fn a_message_that_is_put_into_the_lane_anew_is_taken_in_anew() {
        let mut known = Known::default();
        known.take_in(own(), Origin::Read);
        known.forget(&[own()], START_MS);
        let revived = Place {
            stamp: 1,
            own: false,
            ..own()
        };
        assert!(known.take_in(revived, Origin::Read));
    }

    #[test]
    fn a_message_that_is_put_into_the_lane_anew_is_new_even_while_its_old_row_is_here() {
        let mut known = Known::default();
        known.take_in(own(), Origin::HandedOver);
        let revived = Place {
            stamp: 1,
            own: false,
            ..own()
        };
        assert!(known.take_in(revived, Origin::Read));
        known.forget(&[own()], START_MS);
        assert!(known.holds(revived));
    }
}
