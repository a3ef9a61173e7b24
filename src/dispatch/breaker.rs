//! Parks an endpoint that fails, so that no attempts are spent on it, and probes it with one message at a time.
//!
//! ```text
//!            so many failures in a row            the pause is over
//!   Closed ─────────────────────────────→ Parked ───────────────────→ Probing
//!     ↑                                     ↑                            │
//!     │                                     └── failure: a longer pause ─┤
//!     └───────────────────────────────────────────────────────── success ┘
//! ```
//!
//! An attempt that began before the endpoint was parked may end after it. Its failure lengthens nothing, its success
//! ends the pause. So that it cannot be taken for the probe, the first pause should be no shorter than the longest
//! attempt.

use std::time::Duration;

/// A probe of which nothing was heard for so long is given up on, and another message probes. No attempt lasts as long.
const PROBE_MAX_MS: i64 = 60_000;

/// When an endpoint is parked, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// How many failures in a row park it.
    pub failures: u32,
    /// The first pause; each that follows without a success is twice as long.
    pub pause_first: Duration,
    /// The longest pause.
    pub pause_max: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failures: 10,
            pause_first: Duration::from_secs(30),
            pause_max: Duration::from_mins(5),
        }
    }
}

/// Whether an attempt may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    Go,
    /// It may, alone: what it comes to decides about the others.
    Probe,
    /// Not before this time, Unix milliseconds, unless a result comes first.
    WaitUntil(i64),
}

/// The state of one endpoint. All times are Unix milliseconds.
#[derive(Debug, Clone)]
pub struct Breaker {
    settings: BreakerSettings,
    failures_in_a_row: u32,
    /// When the first of them came, as far as is known.
    failing_since: Option<i64>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Parked {
        until: i64,
    },
    /// `until` is the end of the pause before, to go back to if the probe says nothing.
    Probing {
        until: i64,
        since: i64,
    },
}

impl Breaker {
    pub const fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            failures_in_a_row: 0,
            failing_since: None,
            state: State::Closed,
        }
    }

    /// As it was stored by an earlier owner of the lane: [`Self::failures_in_a_row`] with [`Self::failing_since`], and
    /// [`Self::parked_until`].
    pub const fn restore(
        settings: BreakerSettings,
        (failures_in_a_row, failing_since): (u32, Option<i64>),
        parked_until: Option<i64>,
    ) -> Self {
        let state = match parked_until {
            Some(until) => State::Parked { until },
            None => State::Closed,
        };
        Self {
            settings,
            failures_in_a_row,
            failing_since: if failures_in_a_row > 0 {
                failing_since
            } else {
                None
            },
            state,
        }
    }

    pub const fn failures_in_a_row(&self) -> u32 {
        self.failures_in_a_row
    }

    pub const fn failing_since(&self) -> Option<i64> {
        self.failing_since
    }

    /// Whether it is parked for as long as it ever is.
    pub fn is_parked_longest(&self) -> bool {
        let is_parked = self.parked_until().is_some();
        is_parked && self.pause_after(self.failures_in_a_row) >= self.settings.pause_max
    }

    /// Until when it is parked; a time that has passed while it waits for a probe or for its result.
    pub const fn parked_until(&self) -> Option<i64> {
        match self.state {
            State::Closed => None,
            State::Parked { until } | State::Probing { until, .. } => Some(until),
        }
    }

    /// Asks for one attempt. Whoever gets [`Admission::Probe`] tells how it ended, by one of the three calls below.
    pub fn may_start(&mut self, now: i64) -> Admission {
        match self.state {
            State::Closed => Admission::Go,
            State::Parked { until } if now < until => Admission::WaitUntil(until),
            State::Probing { since, .. } if now < since.saturating_add(PROBE_MAX_MS) => {
                Admission::WaitUntil(since.saturating_add(PROBE_MAX_MS))
            }
            State::Parked { until } | State::Probing { until, .. } => {
                self.state = State::Probing { until, since: now };
                Admission::Probe
            }
        }
    }

    /// The endpoint took a message.
    pub fn on_success(&mut self) {
        self.failures_in_a_row = 0;
        self.failing_since = None;
        self.state = State::Closed;
    }

    /// An attempt failed in a way that speaks about the endpoint.
    pub fn on_endpoint_failure(&mut self, now: i64) {
        if matches!(self.state, State::Parked { .. }) {
            return;
        }
        if self.failures_in_a_row == 0 {
            self.failing_since = Some(now);
        }
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        let failed_probe = matches!(self.state, State::Probing { .. });
        if failed_probe || self.failures_in_a_row >= self.settings.failures {
            self.state = State::Parked {
                until: now.saturating_add(self.pause_ms()),
            };
        }
    }

    /// It takes nothing before `until`, or for as long as after so many failures: parked at once.
    pub fn on_barred(&mut self, now: i64, until: Option<i64>) {
        if matches!(self.state, State::Parked { .. }) {
            return;
        }
        if self.failures_in_a_row == 0 {
            self.failing_since = Some(now);
        }
        let failures = self.failures_in_a_row.saturating_add(1);
        self.failures_in_a_row = failures.max(self.settings.failures);
        let pause_over = now.saturating_add(self.pause_ms());
        self.state = State::Parked {
            until: until.unwrap_or(pause_over),
        };
    }

    /// What it failed for may be mended: where it is parked the next attempt is a probe.
    pub fn probe_soon(&mut self, now: i64) {
        if let State::Parked { until } = &mut self.state {
            *until = now.min(*until);
        }
    }

    /// An attempt did not begin, or came to nothing that speaks about the endpoint. The next one is the probe.
    pub fn not_started(&mut self) {
        if let State::Probing { until, .. } = self.state {
            self.state = State::Parked { until };
        }
    }

    fn pause_ms(&self) -> i64 {
        let pause = self.pause_after(self.failures_in_a_row);
        i64::try_from(pause.as_millis()).unwrap_or(i64::MAX)
    }

    /// The pause after so many failures: the first at the threshold, then twice as long for each further one.
    fn pause_after(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(self.settings.failures).min(31);
        let pause = self.settings.pause_first.saturating_mul(1 << doublings);
        pause.min(self.settings.pause_max)
    }
}

#[cfg(test)]
mod tests;
