//! Keeps a lane within the rate that its provider allows, in parts (SMS segments, or whole messages) per second.

/// Millionths of a part, so that slow rates are exact without fractions.
const MILLIONTHS: i64 = 1_000_000;
/// The slowest rate: one part in about 17 minutes.
const RATE_MIN: f64 = 0.001;
/// The fastest rate.
const RATE_MAX: f64 = 1_000_000.0;
/// What may be saved up in idle times is the gain of so many milliseconds: enough for timers that are late, too little
/// for a burst. At slow rates it is one part.
const SAVED_MS: i64 = 100;

/// A token bucket that starts empty, so that a lane which changes its owner gains nothing by it.
///
/// A message is sent whole: it may start as soon as one part may, and its further parts are owed, so that the next
/// message waits the longer. All times are Unix milliseconds.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    rate_per_second: f64,
    /// Millionths of a part that are gained in a millisecond.
    gain: i64,
    /// Millionths of a part at most.
    capacity: i64,
    /// Millionths of a part at `counted_at`; negative where parts are owed.
    level: i64,
    counted_at: i64,
}

impl TokenBucket {
    /// A rate outside 0.001 to 1,000,000 parts a second is taken as the nearest within.
    pub fn new(rate_per_second: f64, now: i64) -> Self {
        let rate = if rate_per_second.is_nan() {
            RATE_MIN
        } else {
            rate_per_second.clamp(RATE_MIN, RATE_MAX)
        };
        #[expect(clippy::cast_possible_truncation, reason = "from 1 to 1,000,000,000")]
        let gain = (rate * 1_000.0).round() as i64;
        let capacity = (gain * SAVED_MS).max(MILLIONTHS);
        Self {
            rate_per_second,
            gain,
            capacity,
            level: 0,
            counted_at: now,
        }
    }

    /// The same with another rate from now on; what was saved or is owed stays so.
    #[must_use]
    pub fn at_rate(&self, rate_per_second: f64, now: i64) -> Self {
        let mut bucket = Self::new(rate_per_second, now);
        bucket.level = self.level_at(now).min(bucket.capacity);
        bucket
    }

    /// As it was given.
    pub const fn rate_per_second(&self) -> f64 {
        self.rate_per_second
    }

    /// Takes a message of so many parts if one may start; otherwise changes nothing.
    pub fn take(&mut self, parts: u32, now: i64) -> bool {
        // A clock that was set back gains nothing, but goes on from where it is.
        self.counted_at = self.counted_at.min(now);
        let level = self.level_at(now);
        if level < MILLIONTHS {
            return false;
        }
        self.level = level - i64::from(parts) * MILLIONTHS;
        self.counted_at = now;
        true
    }

    /// When to ask for the next message; `now` if at once.
    pub fn ready_at(&self, now: i64) -> i64 {
        let missing = MILLIONTHS - self.level_at(now);
        if missing <= 0 || now < self.counted_at {
            return now;
        }
        let rounded_up = (missing + self.gain - 1) / self.gain;
        now.saturating_add(rounded_up)
    }

    fn level_at(&self, now: i64) -> i64 {
        let elapsed = now.saturating_sub(self.counted_at).max(0);
        self.level
            .saturating_add(elapsed.saturating_mul(self.gain))
            .min(self.capacity)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bucket_starts_empty() {
        let mut bucket = TokenBucket::new(10.0, 1_000);
        assert!(!bucket.take(1, 1_000));
        assert_eq!(bucket.ready_at(1_000), 1_100);
        assert!(!bucket.take(1, 1_099));
        assert!(bucket.take(1, 1_100));
    }

    #[test]
    fn an_idle_lane_saves_up_a_tenth_of_a_second_or_one_part() {
        let mut fast = TokenBucket::new(100.0, 0);
        assert_eq!((0..100).filter(|_| fast.take(1, 3_600_000)).count(), 10);
        let mut slow = TokenBucket::new(0.5, 0);
        assert_eq!((0..100).filter(|_| slow.take(1, 3_600_000)).count(), 1);
        assert_eq!(slow.ready_at(3_600_000), 3_602_000);
    }

    #[test]
    fn the_parts_of_a_long_message_are_owed() {
        let mut bucket = TokenBucket::new(1.0, 0);
        assert!(bucket.take(5, 1_000));
        assert_eq!(bucket.ready_at(1_000), 6_000);
    }

    #[test]
    fn a_clock_that_is_set_back_neither_gains_nor_stalls() {
        let mut bucket = TokenBucket::new(1.0, 10_000);
        assert_eq!(bucket.ready_at(0), 0);
        assert!(!bucket.take(1, 0));
        assert_eq!(bucket.ready_at(0), 1_000);
        assert!(bucket.take(1, 1_000));
        assert!(!bucket.take(1, 500));
        assert_eq!(bucket.ready_at(500), 1_500);
    }

    #[test]
    fn the_extremes_of_rates_and_parts_do_no_harm() {
        for rate in [
            f64::NAN,
            -1.0,
            0.0,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MIN_POSITIVE,
        ] {
            let mut bucket = TokenBucket::new(rate, i64::MIN);
            assert!(bucket.take(u32::MAX, i64::MAX));
            assert!(!bucket.take(1, i64::MAX));
            assert_eq!(bucket.ready_at(i64::MAX), i64::MAX);
        }
    }

    proptest! {
        #[test]
        fn no_more_is_sent_than_the_rate_allows(
            rate in 0.1..2_000.0_f64,
            asks in vec((0_i64..300, 1_u32..5), 1..300),
        ) {
            let mut bucket = TokenBucket::new(rate, 0);
            let (mut now, mut sent, mut last) = (0, 0_u32, 0);
            for (pause, parts) in asks {
                now += pause;
                if bucket.take(parts, now) {
                    sent += parts;
                    last = parts;
                }
                // Ahead of the rate by no more than the parts that are owed for the last message.
                let earned = f64::from(i32::try_from(now).unwrap()) * rate / 1_000.0;
                prop_assert!(f64::from(sent) <= earned * 1.01 + f64::from(last));
            }
        }

        #[test]
        fn a_message_may_start_at_the_time_that_was_told_and_not_before(
            rate in 0.001..5_000.0_f64,
            parts in vec(1_u32..20, 1..50),
        ) {
            let mut bucket = TokenBucket::new(rate, 0);
            let mut now = 0;
            for parts in parts {
                let ready_at = bucket.ready_at(now);
                prop_assert!(ready_at <= now || !bucket.clone().take(parts, ready_at - 1));
                prop_assert!(bucket.take(parts, ready_at));
                now = ready_at;
            }
        }
    }
}
