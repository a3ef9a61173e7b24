//! Keeps a lane within what its provider says it still takes, so that it is slowed before it is refused. Pure; times are
//! Unix milliseconds.

use super::rate::TokenBucket;
use crate::connectors::allowance::Allowance;

/// The provider's count of our requests until it begins anew.
///
/// While more than half of them are left nothing is held back. After that the rest is spread over the time that is left,
/// and each answer says anew how much that is: others may use the same count.
#[derive(Debug, Clone)]
pub struct Window {
    /// When the count begins anew, and nothing holds any more.
    until: i64,
    /// `None`: nothing is taken before that.
    rest: Option<TokenBucket>,
}

impl Window {
    /// The window after an answer; `None` where it holds nothing back.
    pub fn after(before: Option<Self>, allowance: Allowance, now: i64) -> Option<Self> {
        let left_ms = i64::try_from(allowance.renewed_after.as_millis()).unwrap_or(i64::MAX);
        if left_ms == 0 {
            return before;
        }
        let until = now.saturating_add(left_ms);
        if allowance.left == 0 {
            return Some(Self { until, rest: None });
        }
        let rate = f64::from(allowance.left) / allowance.renewed_after.as_secs_f64();
        let before = before.filter(|window| now < window.until);
        match before {
            // It said for how long, and an answer that was under way by then does not take that back.
            Some(closed @ Self { rest: None, .. }) => Some(closed),
            _ if allowance.left > allowance.of / 2 => None,
            Some(Self {
                rest: Some(rest), ..
            }) => Some(Self {
                until,
                rest: Some(rest.at_rate(rate, now)),
            }),
            None => Some(Self {
                until,
                rest: Some(TokenBucket::new(rate, now)),
            }),
        }
    }

    /// When the next request may begin; `now` if at once.
    pub fn ready_at(&self, now: i64) -> i64 {
        let opens = self.rest.as_ref().map(|rest| rest.ready_at(now));
        opens.unwrap_or(self.until).min(self.until).max(now)
    }

    /// Counts a request.
    pub fn take(&mut self, now: i64) {
        if let Some(rest) = &mut self.rest {
            rest.take(1, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn allowance(left: u32, of: u32, seconds: u64) -> Allowance {
        Allowance {
            left,
            of,
            renewed_after: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn nothing_is_held_back_while_more_than_half_is_left() {
        assert!(Window::after(None, allowance(151, 300, 60), 0).is_none());
        assert!(Window::after(None, allowance(150, 300, 60), 0).is_some());
    }

    #[test]
    fn the_rest_is_spread_over_the_time_that_is_left() {
        let mut window = Window::after(None, allowance(10, 300, 20), 0).unwrap();
        assert_eq!(window.ready_at(0), 2_000);
        window.take(2_000);
        assert_eq!(window.ready_at(2_000), 4_000);
        // Somebody else has used the most of it.
        let window = Window::after(Some(window), allowance(1, 300, 18), 2_000).unwrap();
        let ready_at = window.ready_at(2_000);
        assert!((19_800..=20_000).contains(&ready_at), "{ready_at}");
    }

    #[test]
    fn where_nothing_is_left_the_next_count_is_waited_for() {
        let window = Window::after(None, Allowance::none_for(Duration::from_secs(42)), 0).unwrap();
        assert_eq!(window.ready_at(0), 42_000);
        let late = Window::after(Some(window), allowance(290, 300, 42), 10).unwrap();
        assert_eq!(late.ready_at(10), 42_000, "an older answer came late");
        assert_eq!(late.ready_at(42_000), 42_000);
        assert!(Window::after(Some(late), allowance(299, 300, 60), 42_000).is_none());
    }

    #[test]
    fn a_count_that_has_begun_anew_is_free_again() {
        let window = Window::after(None, allowance(1, 300, 5), 0).unwrap();
        assert_eq!(window.ready_at(5_000), 5_000);
        assert_eq!(window.ready_at(90_000), 90_000);
    }

    proptest! {
        /// However many answers come, a provider that counts alone with us never has to refuse.
        #[test]
        fn a_lane_alone_is_never_refused(of in 1..400_u32, seconds in 1..120_i64, latency_ms in 1..2_000_i64) {
            let end = seconds * 1_000;
            let (mut window, mut used, mut now) = (None::<Window>, 0_u32, 0_i64);
            while now < end {
                used += 1;
                prop_assert!(used <= of, "{used} of {of}");
                if let Some(window) = &mut window {
                    window.take(now);
                }
                now += latency_ms;
                let left = end - now;
                if left <= 0 {
                    break;
                }
                let renewed_after = Duration::from_millis(u64::try_from(left).unwrap());
                let allowance = Allowance { left: of.saturating_sub(used), of, renewed_after };
                window = Window::after(window, allowance, now);
                now = window.as_ref().map_or(now, |window| window.ready_at(now));
            }
        }
    }
}
