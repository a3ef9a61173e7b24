//! Ids of messages, conversations and history entries: one sequence per replica, unique in the whole deployment.

use std::sync::{Mutex, PoisonError};

use super::model::Life;
use super::ownership::Ownership;
use crate::platform::clock::Clock;

/// 2020-01-01T00:00:00Z in Unix milliseconds, where ids begin to count.
pub const EPOCH_MS: i64 = 1_577_836_800_000;
/// Low bits of an id that are not time: 10 of the replica's number, 12 of a count.
pub const SEQUENCE_BITS: u32 = 22;
const COUNT_BITS: u32 = 12;

/// The smallest id of a point in time; the bound of a partition.
pub const fn floor_of(unix_ms: i64) -> i64 {
    (unix_ms - EPOCH_MS) << SEQUENCE_BITS
}

/// Makes ids that never go back: not when the clock does, and not when a number passes to another replica.
#[derive(Debug)]
pub struct Ids {
    clock: Clock,
    /// The next free (millisecond, count).
    next: Mutex<(i64, i64)>,
}

/// No id may be made at this moment: the replica's lease is not proved.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("this replica's lease is not proved at this moment")]
pub struct NoLease;

impl Ids {
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            next: Mutex::new((0, 0)),
        }
    }

    /// Ids from here on are of this time or later.
    pub fn raise_floor(&self, unix_ms: i64) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = (*next).max((unix_ms, 0));
    }

    /// Makes an id under the replica's life.
    pub fn next(&self, ownership: &Ownership) -> Result<i64, NoLease> {
        ownership
            .life()
            .map(|life| self.next_of(life))
            .ok_or(NoLease)
    }

    /// Makes an id under a life that the caller has checked.
    pub fn next_of(&self, life: Life) -> i64 {
        let now = self.clock.now_ms();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let (ms, count) = (*next).max((now, 0));
        // A full millisecond borrows from the next one.
        *next = if count + 1 < 1 << COUNT_BITS {
            (ms, count + 1)
        } else {
            (ms + 1, 0)
        };
        floor_of(ms) | i64::from(life.number) << COUNT_BITS | count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_even_when_a_millisecond_is_full() {
        let ids = Ids::new(Clock::system());
        let life = Life {
            number: 1023,
            life: 1,
        };
        let made: Vec<i64> = (0..20_000).map(|_| ids.next_of(life)).collect();
        assert!(made.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn replicas_never_make_the_same_id() {
        let clock = Clock::system();
        let (a, b) = (Ids::new(clock.clone()), Ids::new(clock));
        let first: Vec<i64> = (0..5_000)
            .map(|_| a.next_of(Life { number: 1, life: 1 }))
            .collect();
        let second: Vec<i64> = (0..5_000)
            .map(|_| b.next_of(Life { number: 2, life: 1 }))
            .collect();
        assert!(first.iter().all(|id| !second.contains(id)));
    }

    #[test]
    fn a_floor_holds_while_the_clock_is_behind_it() {
        let clock = Clock::system();
        let ids = Ids::new(clock.clone());
        let floor = clock.now_ms() + 60_000;
        ids.raise_floor(floor);
        assert!(ids.next_of(Life { number: 0, life: 1 }) >= floor_of(floor));
    }
}
