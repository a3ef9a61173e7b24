//! What holds a lane back: a pause, its hand-over, the breaker, the rate, what its provider still takes, a setback. No I/O; times are Unix
//! milliseconds.

use std::sync::Arc;

use super::breaker::{Admission, Breaker, BreakerSettings};
use super::gate::LaneOpen;
use super::rate::TokenBucket;
use super::window::Window;
use crate::connectors::allowance::Allowance;
use crate::lanes::store::RowBrakes;

/// How long a lane waits after the store failed it, or while it has no settings to send by.
const SETBACK_MS: i64 = 500;

/// The brakes of one lane.
#[derive(Debug)]
pub struct Brakes {
    pub breaker: Breaker,
    bucket: Option<TokenBucket>,
    window: Option<Window>,
    paused: bool,
    releasing: bool,
    setback_until: Option<i64>,
    open: Arc<LaneOpen>,
}

impl Brakes {
    /// Those of a lane that was claimed.
    pub fn new(breaker: Breaker, paused: bool) -> Self {
        let open = Arc::new(LaneOpen::default());
        open.set(!paused);
        Self {
            breaker,
            bucket: None,
            window: None,
            paused,
            releasing: false,
            setback_until: None,
            open,
        }
    }

    /// What the lane's gates look at.
    pub fn open(&self) -> Arc<LaneOpen> {
        Arc::clone(&self.open)
    }

    pub fn is_releasing(&self) -> bool {
        self.releasing
    }

    /// Nothing begins any more.
    pub fn release(&mut self) {
        self.releasing = true;
        self.open.set(false);
    }

    /// Whether it is paused or parked.
    pub fn is_stopped(&self) -> bool {
        self.paused || self.breaker.parked_until().is_some()
    }

    /// Nothing begins until the lane's row says otherwise.
    pub fn pause(&mut self) {
        self.paused = true;
        self.open.set(false);
    }

    /// Does what the lane's row says, in which all our own results are. Whoever resumes a lane clears its breaker in
    /// the row too, and begins anew with the endpoint.
    pub fn follow(&mut self, row: RowBrakes, settings: BreakerSettings) {
        if row.paused {
            return self.pause();
        }
        let is_cleared = self.breaker.parked_until().is_some() && !row.parked;
        if self.paused || is_cleared {
            self.paused = false;
            self.open.set(!self.releasing);
            self.breaker = Breaker::new(settings);
        }
    }

    /// Attempts per second; a new rate begins with an empty bucket.
    pub fn set_rate(&mut self, rate: Option<f64>, now_ms: i64) {
        if rate != self.bucket.as_ref().map(TokenBucket::rate_per_second) {
            self.bucket = rate.map(|rate| TokenBucket::new(rate, now_ms));
        }
    }

    /// The provider has said what it still takes.
    pub fn allow(&mut self, allowance: Allowance, now_ms: i64) {
        self.window = Window::after(self.window.take(), allowance, now_ms);
    }

    /// Something that sending needs has failed: wait a little.
    pub fn set_back(&mut self, now_ms: i64) {
        self.setback_until = Some(now_ms + SETBACK_MS);
    }

    pub fn is_set_back(&self, now_ms: i64) -> bool {
        self.setback_until.is_some_and(|until| until > now_ms)
    }

    /// Whether an attempt may begin, as far as can be said without asking the breaker for it.
    pub fn let_go(&self, now_ms: i64) -> bool {
        let parked_until = self.breaker.parked_until();
        let bucket = self.bucket.as_ref();
        !self.paused
            && !self.releasing
            && !self.is_set_back(now_ms)
            && parked_until.is_none_or(|until| until <= now_ms)
            && bucket.is_none_or(|bucket| bucket.ready_at(now_ms) <= now_ms)
            && self.window_opens_at(now_ms).is_none_or(|at| at <= now_ms)
    }

    /// When they let go by themselves, of all that will do so by time alone.
    pub fn loosen_at(&self, now_ms: i64, something_is_ready: bool) -> Option<i64> {
        let parked = self.breaker.parked_until();
        let rate = self.bucket.as_ref().map(|bucket| bucket.ready_at(now_ms));
        let of_sending = [parked, rate, self.window_opens_at(now_ms)]
            .into_iter()
            .filter(|_| something_is_ready)
            .chain([self.setback_until]);
        of_sending.flatten().filter(|at| *at > now_ms).min()
    }

    /// Asks the breaker for one attempt.
    pub fn admit(&mut self, now_ms: i64) -> bool {
        !matches!(self.breaker.may_start(now_ms), Admission::WaitUntil(_))
    }

    fn window_opens_at(&self, now_ms: i64) -> Option<i64> {
        self.window.as_ref().map(|window| window.ready_at(now_ms))
    }

    /// Counts a message of so many parts against the rate. They are counted only where there is one.
    pub fn charge(&mut self, parts: impl FnOnce() -> u32, now_ms: i64) {
        if let Some(window) = &mut self.window {
            window.take(now_ms);
        }
        if let Some(bucket) = &mut self.bucket {
            bucket.take(parts(), now_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GO: RowBrakes = RowBrakes {
        paused: false,
        parked: false,
    };

    #[test]
    fn resuming_clears_the_breaker_whether_or_not_the_pause_was_noticed() {
        let settings = BreakerSettings {
            failures: 1,
            ..BreakerSettings::default()
        };
        for notices_pause in [true, false] {
            let mut brakes = Brakes::new(Breaker::new(settings), false);
            brakes.breaker.on_endpoint_failure(0);
            let parked = RowBrakes { parked: true, ..GO };
            brakes.follow(parked, settings);
            assert!(!brakes.let_go(1));
            if notices_pause {
                let paused = RowBrakes { paused: true, ..GO };
                brakes.follow(paused, settings);
                assert!(!brakes.let_go(i64::MAX));
            }
            brakes.follow(GO, settings);
            assert!(brakes.let_go(1));
        }
    }

    fn brakes() -> Brakes {
        Brakes::new(Breaker::new(BreakerSettings::default()), false)
    }

    #[test]
    fn a_lane_that_is_given_away_stays_held_whatever_is_resumed() {
        let mut brakes = brakes();
        brakes.pause();
        brakes.release();
        brakes.follow(GO, BreakerSettings::default());
        assert!(!brakes.let_go(0));
        assert!(!brakes.open().is_open());
    }

    #[test]
    fn a_setback_ends_by_itself() {
        let mut brakes = brakes();
        brakes.set_back(1_000);
        assert!(!brakes.let_go(1_499));
        assert_eq!(brakes.loosen_at(1_000, false), Some(1_500));
        assert!(brakes.let_go(1_500));
        assert_eq!(brakes.loosen_at(1_500, true), None);
    }

    proptest! {
        /// Whoever is held back by time alone asks in the same moment when that ends; without an answer it would sleep
        /// for ever.
        #[test]
        fn what_holds_back_at_a_moment_and_ends_by_itself_ends_at_a_later_one(
            setback_at in proptest::option::of(0..2_000_i64),
            failed_at in proptest::option::of(0..2_000_i64),
            rate in proptest::option::of(1..200_u32),
            allowed in proptest::option::of((0..10_u32, 0..3_000_u64, 0..2_000_i64)),
            charged in proptest::collection::vec(0..2_000_i64, 0..4),
            now_ms in 0..3_000_i64,
        ) {
            let settings = BreakerSettings { failures: 1, ..BreakerSettings::default() };
            let mut brakes = Brakes::new(Breaker::new(settings), false);
            brakes.set_rate(rate.map(f64::from), 0);
            if let Some((left, renewed_after_ms, at)) = allowed {
                let renewed_after = std::time::Duration::from_millis(renewed_after_ms);
                brakes.allow(Allowance { left, of: 10, renewed_after }, at);
            }
            for at in charged {
                brakes.charge(|| 1, at);
            }
            if let Some(at) = failed_at {
                brakes.breaker.on_endpoint_failure(at);
            }
            if let Some(at) = setback_at {
                brakes.set_back(at);
            }
            let loosen_at = brakes.loosen_at(now_ms, true);
            prop_assert_eq!(brakes.let_go(now_ms), loosen_at.is_none());
            prop_assert!(loosen_at.is_none_or(|at| at > now_ms));
        }
    }

    #[test]
    fn a_rate_is_waited_for_only_where_something_is_ready() {
        let mut brakes = brakes();
        brakes.set_rate(Some(10.0), 0);
        assert!(!brakes.let_go(0));
        assert_eq!(brakes.loosen_at(0, true), Some(100));
        assert_eq!(brakes.loosen_at(0, false), None);
        // The same rate again does not empty the bucket.
        brakes.set_rate(Some(10.0), 100);
        assert!(brakes.let_go(100));
    }
}
