//! The only reader of the time.
//!
//! Wall-clock time is the database's, so that replicas need not agree about theirs: each tick of a replica brings it,
//! and the monotonic clock counts on between. Before the first tick the system's time serves. Tests move it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use time::format_description::well_known::iso8601;
use time::format_description::well_known::{Iso8601, Rfc3339};
use tokio::sync::watch;

/// How far the database's time has to be ahead of ours for sleepers to look again, in milliseconds. Clocks that run a
/// little differently do not wake every sleeper at every tick.
const WORTH_WAKING_MS: i64 = 50;

/// Tells the time; cheap to clone, and all clones are one clock.
#[derive(Debug, Clone)]
pub struct Clock {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// A wall-clock time in Unix milliseconds, and when it was so.
    base: Mutex<(i64, Instant)>,
    /// The latest time that was told: it never goes back.
    latest: AtomicI64,
    /// How far tests have moved the clock, in milliseconds.
    moved: watch::Sender<i64>,
}

impl Clock {
    /// The system's time until a database tells its own.
    pub fn system() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one reader of the system's time"
        )]
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        let unix_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        Self {
            shared: Arc::new(Shared {
                base: Mutex::new((unix_ms, Instant::now())),
                latest: AtomicI64::new(0),
                moved: watch::Sender::new(0),
            }),
        }
    }

    /// Now, in Unix milliseconds. Never less than before.
    pub fn now_ms(&self) -> i64 {
        let (unix_ms, at) = *self
            .shared
            .base
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let elapsed = i64::try_from(at.elapsed().as_millis()).unwrap_or(i64::MAX);
        let now = unix_ms + elapsed + *self.shared.moved.borrow();
        self.shared.latest.fetch_max(now, Ordering::AcqRel).max(now)
    }

    /// Now, as a date and time in UTC.
    pub fn now(&self) -> OffsetDateTime {
        from_unix_ms(self.now_ms())
    }

    /// A point in time that only differences may be taken of. Tests do not move it.
    pub fn monotonic(&self) -> Instant {
        Instant::now()
    }

    /// The database said that it is `unix_ms`, in answer to a statement that was sent at `asked_at`; call it as soon as
    /// the answer is there. Between sending and answering the middle is taken, so a slow answer is wrong by half its
    /// time at most. What waits for a time that has come by this wakes.
    pub fn observe_database_time(&self, unix_ms: i64, asked_at: Instant) {
        let before = self.now_ms();
        let at = asked_at + asked_at.elapsed() / 2;
        *self
            .shared
            .base
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = (unix_ms, at);
        if self.now_ms() - before > WORTH_WAKING_MS {
            self.shared.moved.send_modify(|_| {});
        }
    }

    /// Moves the clock on, for tests: what waits for a time in between wakes.
    pub fn advance(&self, by: Duration) {
        self.shared
            .moved
            .send_modify(|moved| *moved += i64::try_from(by.as_millis()).unwrap_or(0));
    }

    /// Waits until a time in Unix milliseconds.
    pub async fn sleep_until(&self, unix_ms: i64) {
        let mut moved = self.shared.moved.subscribe();
        loop {
            let Ok(left) = u64::try_from(unix_ms - self.now_ms()) else {
                return;
            };
            if left == 0 {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(left)) => {}
                // The sender lives as long as this clock does.
                _ = moved.changed() => {}
            }
        }
    }
}

/// A time in Unix milliseconds as a date and time; one that no calendar holds is the calendar's first day.
pub fn from_unix_ms(unix_ms: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// A time in Unix milliseconds as the API writes it: RFC 3339, UTC, milliseconds.
pub fn rfc3339(unix_ms: i64) -> String {
    const FORM: u128 = iso8601::Config::DEFAULT
        .set_time_precision(iso8601::TimePrecision::Second {
            decimal_digits: std::num::NonZero::new(3),
        })
        .encode();
    from_unix_ms(unix_ms)
        .format(&Iso8601::<FORM>)
        .unwrap_or_default()
}

/// Reads an RFC 3339 time with any offset; finer than a millisecond is cut off.
pub fn unix_ms(text: &str) -> Option<i64> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_milliseconds_in_utc() {
        assert_eq!(rfc3339(1_613_473_893_265), "2021-02-16T11:11:33.265Z");
        assert_eq!(rfc3339(1_613_473_893_000), "2021-02-16T11:11:33.000Z");
    }

    #[test]
    fn the_time_never_goes_back_when_the_database_does() {
        let clock = Clock::system();
        let before = clock.now_ms();
        clock.observe_database_time(before - 60_000, Instant::now());
        assert!(clock.now_ms() >= before);
    }

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_database_is_ahead() {
        let clock = Clock::system();
        let due = clock.now_ms() + 3_600_000;
        let observing = async { clock.observe_database_time(due, clock.monotonic()) };
        let both = async { tokio::join!(clock.sleep_until(due), observing) };
        tokio::time::timeout(Duration::from_secs(5), both)
            .await
            .unwrap();
    }

    #[test]
    fn a_slow_answer_of_the_database_is_wrong_by_half_its_time_at_most() {
        let clock = Clock::system();
        let told = clock.now_ms() + 60_000;
        let asked_at = Instant::now().checked_sub(Duration::from_secs(8)).unwrap();
        clock.observe_database_time(told, asked_at);
        let ahead = clock.now_ms() - told;
        assert!((4_000..5_000).contains(&ahead), "{ahead} ms ahead");
    }

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_clock_is_moved() {
        let clock = Clock::system();
        let sleeper = clock.sleep_until(clock.now_ms() + 3_600_000);
        let moving = async { clock.advance(Duration::from_secs(3_601)) };
        tokio::time::timeout(Duration::from_secs(5), async {
            tokio::join!(sleeper, moving)
        })
        .await
        .unwrap();
    }
}
