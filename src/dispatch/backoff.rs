//! When a message that was not taken is sent again.

use std::time::Duration;

use crate::connectors::third_party::settings::RetryRule;

use crate::connectors::retry_after::RETRY_AFTER_MAX;

/// The most redeliveries of one message.
pub const REDELIVERIES_MAX: usize = 50;
/// The longest a schedule may last in all: no message lives longer.
pub const SCHEDULE_MAX: Duration = Duration::from_hours(30 * 24);

/// 5 s to 12 h, about 21 h in all.
const DEFAULT_SECONDS: [u64; 8] = [5, 30, 120, 600, 1_800, 7_200, 21_600, 43_200];

/// One entry per redelivery: redelivery n comes after a time drawn from zero to entry n. Drawing from the whole range
/// ("full jitter") spreads what failed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrySchedule {
    entries: Vec<Duration>,
}

/// Why times are no schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    #[error("a retry schedule has at most 50 redeliveries")]
    TooMany,
    #[error("a retry schedule lasts at most 30 days in all")]
    TooLong,
    #[error("the times of a retry schedule are numbers of seconds that are not negative")]
    NotSeconds,
}

impl RetrySchedule {
    /// No entries: nothing is sent again.
    pub fn new(entries: Vec<Duration>) -> Result<Self, ScheduleError> {
        if entries.len() > REDELIVERIES_MAX {
            return Err(ScheduleError::TooMany);
        }
        match entries
            .iter()
            .try_fold(Duration::ZERO, |sum, entry| sum.checked_add(*entry))
        {
            Some(sum) if sum <= SCHEDULE_MAX => Ok(Self { entries }),
            Some(_) | None => Err(ScheduleError::TooLong),
        }
    }

    /// From seconds as they are configured, fractions allowed.
    pub fn from_seconds(seconds: &[f64]) -> Result<Self, ScheduleError> {
        if seconds.len() > REDELIVERIES_MAX {
            return Err(ScheduleError::TooMany);
        }
        seconds
            .iter()
            .map(|seconds| entry(*seconds))
            .collect::<Result<_, _>>()
            .and_then(Self::new)
    }

    /// `attempts` redeliveries within `timeout`, each entry twice the one before:
    /// entry n is `timeout * 2^(n-1) / (2^attempts - 1)`, rounded down to whole nanoseconds.
    pub fn from_attempts(attempts: u32, timeout: Duration) -> Result<Self, ScheduleError> {
        if usize::try_from(attempts).map_or(true, |attempts| attempts > REDELIVERIES_MAX) {
            return Err(ScheduleError::TooMany);
        }
        if timeout > SCHEDULE_MAX {
            return Err(ScheduleError::TooLong);
        }
        // At most 52 bits of nanoseconds times 2^49.
        let shares = (1_u128 << attempts).saturating_sub(1).max(1);
        let nanos = |n: u32| (timeout.as_nanos() << n) / shares;
        let entries = (0..attempts)
            .map(|n| Duration::from_nanos(u64::try_from(nanos(n)).unwrap_or(u64::MAX)));
        Self::new(entries.collect())
    }

    /// The schedule that a channel's settings ask for.
    pub fn of(rule: &RetryRule) -> Result<Self, ScheduleError> {
        match rule {
            RetryRule::Attempts { attempts, total } => Self::from_attempts(*attempts, *total),
            RetryRule::Schedule(entries) => Self::new(entries.clone()),
        }
    }

    pub fn entries(&self) -> &[Duration] {
        &self.entries
    }

    /// The longest it can take without anybody asking for more time.
    pub fn sum(&self) -> Duration {
        self.entries.iter().sum()
    }

    /// How long to wait before a redelivery, which is counted from 1; `None` when there is none left.
    ///
    /// `jitter` is drawn from 0 (inclusive) to 1 (exclusive). What the endpoint asked for is waited in any case,
    /// though never more than an hour or the sum of the schedule.
    pub fn delay(
        &self,
        redelivery: u32,
        retry_after: Option<Duration>,
        jitter: f64,
    ) -> Option<Duration> {
        let index = usize::try_from(redelivery.checked_sub(1)?).ok()?;
        let drawn = self.entries.get(index)?.mul_f64(jitter.clamp(0.0, 1.0));
        let asked = retry_after
            .unwrap_or_default()
            .min(RETRY_AFTER_MAX)
            .min(self.sum());
        Some(drawn.max(asked))
    }
}

impl Default for RetrySchedule {
    fn default() -> Self {
        Self {
            entries: DEFAULT_SECONDS.map(Duration::from_secs).to_vec(),
        }
    }
}

fn entry(seconds: f64) -> Result<Duration, ScheduleError> {
    if seconds.is_nan() || seconds < 0.0 {
        return Err(ScheduleError::NotSeconds);
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| ScheduleError::TooLong)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    fn seconds(schedule: &RetrySchedule) -> Vec<f64> {
        schedule
            .entries()
            .iter()
            .map(Duration::as_secs_f64)
            .collect()
    }

    fn any_schedule() -> impl Strategy<Value = RetrySchedule> {
        vec(0.0..50_000.0_f64, 0..=REDELIVERIES_MAX)
            .prop_map(|seconds| RetrySchedule::from_seconds(&seconds).unwrap())
    }

    #[test]
    fn the_default_lasts_about_21_hours() {
        assert_eq!(RetrySchedule::default().entries().len(), 8);
        assert_eq!(RetrySchedule::default().sum(), Duration::from_secs(74_555));
    }

    #[test]
    fn attempts_and_a_timeout_give_entries_that_double() {
        let schedule = RetrySchedule::from_attempts(3, Duration::from_secs(70)).unwrap();
        assert_eq!(seconds(&schedule), [10.0, 20.0, 40.0]);
        let schedule = RetrySchedule::from_attempts(8, Duration::from_hours(24)).unwrap();
        assert_eq!(schedule.entries().len(), 8);
        assert!((seconds(&schedule)[0] - 86_400.0 / 255.0).abs() < 1e-6);
        let never_again = RetrySchedule::from_attempts(0, Duration::from_mins(1));
        assert!(never_again.unwrap().entries().is_empty());
    }

    #[test]
    fn fractions_of_seconds_are_allowed() {
        let schedule = RetrySchedule::from_seconds(&[0.05, 1.5]).unwrap();
        assert_eq!(
            schedule.entries(),
            [Duration::from_millis(50), Duration::from_millis(1_500)]
        );
    }

    #[test]
    fn a_schedule_without_end_is_refused() {
        let second = Duration::from_secs(1);
        assert_eq!(
            RetrySchedule::new(vec![second; 51]),
            Err(ScheduleError::TooMany)
        );
        assert_eq!(
            RetrySchedule::from_seconds(&[1.0; 51]),
            Err(ScheduleError::TooMany)
        );
        assert_eq!(
            RetrySchedule::from_attempts(51, second),
            Err(ScheduleError::TooMany)
        );
        assert_eq!(
            RetrySchedule::from_attempts(u32::MAX, second),
            Err(ScheduleError::TooMany)
        );
        assert_eq!(
            RetrySchedule::new(vec![SCHEDULE_MAX, second]),
            Err(ScheduleError::TooLong)
        );
        assert_eq!(
            RetrySchedule::new(vec![Duration::MAX, Duration::MAX]),
            Err(ScheduleError::TooLong)
        );
        assert_eq!(
            RetrySchedule::from_attempts(8, SCHEDULE_MAX + second),
            Err(ScheduleError::TooLong)
        );
        for seconds in [f64::INFINITY, f64::MAX, 1e30] {
            assert_eq!(
                RetrySchedule::from_seconds(&[seconds]),
                Err(ScheduleError::TooLong)
            );
        }
        for seconds in [-1.0, f64::NAN, f64::NEG_INFINITY] {
            assert_eq!(
                RetrySchedule::from_seconds(&[seconds]),
                Err(ScheduleError::NotSeconds)
            );
        }
    }

    #[test]
    fn what_the_endpoint_asks_for_is_waited_but_not_more_than_an_hour() {
        let schedule = RetrySchedule::default();
        assert_eq!(
            schedule.delay(1, Some(Duration::from_secs(40)), 0.9),
            Some(Duration::from_secs(40))
        );
        assert_eq!(
            schedule.delay(1, Some(Duration::from_hours(24)), 0.9),
            Some(Duration::from_hours(1))
        );
        assert_eq!(
            schedule.delay(8, Some(Duration::from_secs(40)), 0.5),
            Some(Duration::from_hours(6))
        );
        let short = RetrySchedule::from_seconds(&[1.0, 2.0]).unwrap();
        assert_eq!(
            short.delay(1, Some(Duration::from_secs(40)), 0.9),
            Some(Duration::from_secs(3))
        );
    }

    proptest! {
        #[test]
        fn a_delay_never_leaves_its_bounds(
            schedule in any_schedule(),
            redelivery in 1_u32..60,
            asked in option::of(0_u64..1_000_000),
            jitter in 0.0..1.0_f64,
        ) {
            let asked = asked.map(Duration::from_secs);
            let delay = schedule.delay(redelivery, asked, jitter);
            let entry = schedule.entries().get(redelivery as usize - 1).copied();
            prop_assert_eq!(delay.is_some(), entry.is_some());
            let (Some(delay), Some(entry)) = (delay, entry) else { return Ok(()) };
            let floor = asked.unwrap_or_default().min(RETRY_AFTER_MAX).min(schedule.sum());
            prop_assert!(delay >= floor);
            prop_assert!(delay <= entry.max(floor));
            prop_assert!(delay <= schedule.sum());
        }

        #[test]
        fn without_a_wish_of_the_endpoint_all_delays_stay_within_the_sum(schedule in any_schedule(), jitter in 0.0..1.0_f64) {
            let total: Duration = (1..).map_while(|redelivery| schedule.delay(redelivery, None, jitter)).sum();
            prop_assert!(total <= schedule.sum());
        }

        #[test]
        fn attempts_and_a_timeout_never_last_longer_than_the_timeout(attempts in 0_u32..=50, timeout_ms in 0_u64..=2_592_000_000) {
            let timeout = Duration::from_millis(timeout_ms);
            let schedule = RetrySchedule::from_attempts(attempts, timeout).unwrap();
            prop_assert_eq!(schedule.entries().len(), attempts as usize);
            prop_assert!(schedule.sum() <= timeout);
            // Each entry loses less than a nanosecond by rounding.
            let lost = timeout.saturating_sub(schedule.sum());
            prop_assert!(attempts == 0 || lost <= Duration::from_nanos(u64::from(attempts)));
        }

        #[test]
        fn no_jitter_is_too_strange(jitter in any::<f64>(), redelivery in any::<u32>()) {
            let delay = RetrySchedule::default().delay(redelivery, None, jitter);
            prop_assert!(delay.is_none_or(|delay| delay <= Duration::from_hours(12)));
        }
    }

    #[test]
    fn there_is_no_redelivery_zero() {
        assert_eq!(RetrySchedule::default().delay(0, None, 0.5), None);
    }
}
