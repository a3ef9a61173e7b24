//! How fast a job goes, without a clock of its own: what it has used up is a time, kept with the job, so that the pace
//! holds whoever goes on with it.

/// A job goes on this often where its rate lets it, in milliseconds.
const INTERVAL_MS: i64 = 250;
/// Messages that one step sends: each is a row in four tables, so no transaction writes more than a thousand.
const BATCH_MAX: i64 = 250;

/// A number of messages a second.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    rate_per_second: f64,
}

impl Pace {
    /// Fewer than one in a thousand seconds is as few as that.
    pub fn new(rate_per_second: f64) -> Self {
        Self {
            rate_per_second: rate_per_second.max(0.001),
        }
    }

    /// Messages that one step may send.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it saturates, and is capped then"
    )]
    #[expect(clippy::cast_precision_loss, reason = "an interval is a small number")]
    pub fn batch(self) -> i64 {
        let in_interval = self.rate_per_second * INTERVAL_MS as f64 / 1_000.0;
        (in_interval as i64).clamp(1, BATCH_MAX)
    }

    /// When the next step may send, where this one was to send at `due_at` and has sent so many at `now`, in Unix
    /// milliseconds. A step that comes late is made up for by up to one interval, so that the rate is reached; a longer
    /// wait is lost.
    pub fn next_at(self, due_at: i64, now: i64, sent: i64) -> i64 {
        let made_up_for = INTERVAL_MS.min(self.takes_ms(self.batch()));
        due_at
            .max(now - made_up_for)
            .saturating_add(self.takes_ms(sent))
    }

    /// How long so many messages take.
    #[expect(clippy::cast_possible_truncation, reason = "it saturates")]
    #[expect(clippy::cast_precision_loss, reason = "a batch is a small number")]
    fn takes_ms(self, messages: i64) -> i64 {
        (messages as f64 * 1_000.0 / self.rate_per_second).ceil() as i64
    }
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Runs steps that each come so late, and answers when how many were sent.
    fn run(pace: Pace, delays: &[i64]) -> Vec<(i64, i64)> {
        let (mut due_at, mut now) = (1_000_000, 0);
        let mut sent = Vec::new();
        for delay in delays {
            now = due_at.max(now) + delay;
            sent.push((now, pace.batch()));
            due_at = pace.next_at(due_at, now, pace.batch());
        }
        sent
    }

    fn allowed(rate: f64, milliseconds: i64, pace: Pace) -> f64 {
        rate * milliseconds as f64 / 1_000.0 + 2.0 * pace.batch() as f64 + 1.0
    }

    proptest! {
        #[test]
        fn no_stretch_of_time_has_more_than_the_rate_and_two_steps(
            rate in 0.01..10_000.0_f64,
            delays in vec(0..2_000_i64, 2..60),
        ) {
            let pace = Pace::new(rate);
            let sent = run(pace, &delays);
            for from in 0..sent.len() {
                for until in from..sent.len() {
                    let total: i64 = sent[from..=until].iter().map(|(_, count)| count).sum();
                    let took = sent[until].0 - sent[from].0;
                    prop_assert!(total as f64 <= allowed(rate, took, pace), "{total} in {took} ms at {rate}");
                }
            }
        }

        #[test]
        fn steps_that_come_a_little_late_cost_no_pace(
            rate in 1.0..1_000.0_f64,
            percents in vec(0..100_i64, 100),
        ) {
            let pace = Pace::new(rate);
            let late_max = INTERVAL_MS.min(pace.takes_ms(pace.batch()));
            let delays: Vec<i64> = percents.iter().map(|percent| percent * late_max / 100).collect();
            let sent = run(pace, &delays);
            let took = sent[sent.len() - 1].0 - sent[0].0;
            let total: i64 = sent[1..].iter().map(|(_, count)| count).sum();
            // Rounded up to whole milliseconds once a step, and off by the delays of the first and the last.
            let ideal = total as f64 * 1_000.0 / rate;
            prop_assert!((took as f64 - ideal).abs() <= 100.0 + 2.0 * INTERVAL_MS as f64, "{took} for {ideal}");
        }

        #[test]
        fn a_step_sends_something_and_never_more_than_a_transaction_may_hold(rate in prop::num::f64::ANY) {
            prop_assert!((1..=BATCH_MAX).contains(&Pace::new(rate).batch()));
        }
    }

    #[test]
    fn one_a_minute_is_one_a_minute() {
        let pace = Pace::new(1.0 / 60.0);
        assert_eq!(pace.batch(), 1);
        assert_eq!(pace.next_at(0, 0, 1), 60_000);
        assert_eq!(pace.next_at(60_000, 60_100, 1), 120_000);
    }

    #[test]
    fn what_sends_nothing_costs_nothing() {
        assert_eq!(Pace::new(10.0).next_at(5_000, 5_000, 0), 5_000);
    }
}
