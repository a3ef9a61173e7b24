//! Lanes of ours in which something may be stored of which nobody has heard: the answer to its commit was lost.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::lanes::model::LaneId;

/// By then a commit whose answer was lost is visible or will never be: the server ends a transaction that waits for us
/// after 1 s and gives a statement up after 2.5 s; the rest is for its disk.
const STANDS_FOR: Duration = Duration::from_secs(10);

/// The lanes that are in doubt, with when the doubt is over.
#[derive(Debug, Default)]
pub(super) struct Doubts(Mutex<HashMap<LaneId, Instant>>);

impl Doubts {
    /// A flush into these lanes has failed at this moment.
    pub(super) fn arise(&self, lanes: impl Iterator<Item = LaneId>, now: Instant) {
        let mut doubts = self.doubts();
        doubts.retain(|_, over_at| *over_at > now);
        doubts.extend(lanes.map(|lane| (lane, now + STANDS_FOR)));
    }

    /// Whether a lane is in doubt at this moment.
    pub(super) fn stand(&self, lane: LaneId, now: Instant) -> bool {
        self.doubts()
            .get(&lane)
            .is_some_and(|over_at| *over_at > now)
    }

    fn doubts(&self) -> MutexGuard<'_, HashMap<LaneId, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubt_stands_for_its_time_and_is_forgotten_after_it() {
        let (doubts, lane, began) = (Doubts::default(), LaneId(7), Instant::now());
        assert!(!doubts.stand(lane, began));

        doubts.arise([lane].into_iter(), began);
        assert!(doubts.stand(lane, began + STANDS_FOR / 2));
        assert!(!doubts.stand(LaneId(8), began));
        assert!(!doubts.stand(lane, began + STANDS_FOR));

        doubts.arise([].into_iter(), began + STANDS_FOR);
        assert!(doubts.doubts().is_empty());
    }
}
