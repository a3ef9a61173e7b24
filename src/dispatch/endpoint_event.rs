//! What an endpoint's consumers are told when its state changes. Pure; times are Unix milliseconds.

use std::borrow::Cow;

use super::breaker::Breaker;
use super::results::EndpointChange;
use crate::history::model::Kind;

/// What a breaker was before it heard of a result.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    is_parked: bool,
    is_longest: bool,
    failing_since: Option<i64>,
}

/// One change of an endpoint's state that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EndpointEvent {
    pub(super) kind: Kind,
    pub(super) reason: Cow<'static, str>,
    pub(super) last_error: Option<String>,
    /// When its failures began, where that is known.
    pub(super) since: Option<i64>,
    pub(super) next_probe_at: Option<i64>,
}

impl Before {
    pub(super) fn of(breaker: &Breaker) -> Self {
        Self {
            is_parked: breaker.parked_until().is_some(),
            is_longest: breaker.is_parked_longest(),
            failing_since: breaker.failing_since(),
        }
    }

    /// What is to be told now that the breaker has heard of a result, if anything. A probe that fails is worth telling
    /// only once more: when the pauses grow no longer.
    pub(super) fn event(self, breaker: &Breaker, change: &EndpointChange) -> Option<EndpointEvent> {
        let is_parked = breaker.parked_until().is_some();
        let (kind, reason) = if change.pause {
            (Kind::EndpointPaused, "the endpoint answered 410 Gone")
        } else if is_parked
            && !self.is_parked
            && let Some(barred) = change.barred
        {
            return Some(self.told(
                breaker,
                change,
                (Kind::EndpointPaused, barred.to_string().into()),
            ));
        } else if is_parked && !self.is_parked {
            (Kind::EndpointWarned, "the endpoint fails again and again")
        } else if breaker.is_parked_longest() && !self.is_longest {
            (
                Kind::EndpointWarned,
                "the endpoint has been failing for long",
            )
        } else if self.is_parked && !is_parked {
            (Kind::EndpointResumed, "the endpoint takes messages again")
        } else {
            return None;
        };
        Some(self.told(breaker, change, (kind, reason.into())))
    }

    fn told(
        self,
        breaker: &Breaker,
        change: &EndpointChange,
        (kind, reason): (Kind, Cow<'static, str>),
    ) -> EndpointEvent {
        EndpointEvent {
            kind,
            reason,
            last_error: change.last_error.clone(),
            since: self.failing_since.or(breaker.failing_since()),
            next_probe_at: breaker.parked_until().filter(|_| !change.pause),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::dispatch::breaker::BreakerSettings;
    use crate::lanes::model::LaneId;

    fn breaker() -> Breaker {
        Breaker::new(BreakerSettings {
            failures: 2,
            pause_first: Duration::from_secs(10),
            pause_max: Duration::from_secs(40),
        })
    }

    /// What is told of each of these results: does the endpoint work?
    fn told(breaker: &mut Breaker, results: &[bool]) -> Vec<Option<EndpointEvent>> {
        let mut now = 0;
        let mut told = Vec::new();
        for works in results {
            now = breaker.parked_until().unwrap_or(now + 1);
            breaker.may_start(now);
            let before = Before::of(breaker);
            if *works {
                breaker.on_success();
            } else {
                breaker.on_endpoint_failure(now);
            }
            told.push(before.event(breaker, &change(breaker, false)));
        }
        told
    }

    fn change(breaker: &Breaker, pause: bool) -> EndpointChange {
        EndpointChange {
            lane: LaneId(1),
            parked_until: breaker.parked_until(),
            failures_in_a_row: 0,
            failing_since: None,
            pause,
            barred: None,
            last_error: Some("http_503".to_owned()),
        }
    }

    #[test]
    fn an_endpoint_that_fails_is_told_of_when_it_is_parked_when_that_lasts_and_when_it_is_over() {
        let results = [false, false, false, false, false, true, true];
        let told = told(&mut breaker(), &results);
        let kinds: Vec<Option<Kind>> = told
            .iter()
            .map(|event| Some(event.as_ref()?.kind))
            .collect();
        let warned = Some(Kind::EndpointWarned);
        let resumed = Some(Kind::EndpointResumed);
        assert_eq!(kinds, [None, warned, None, warned, None, resumed, None]);
        let first = told[1].as_ref().unwrap();
        assert_eq!((first.since, first.next_probe_at), (Some(1), Some(10_002)));
        let last = told[5].as_ref().unwrap();
        assert_eq!((last.since, last.next_probe_at), (Some(1), None));
    }

    #[test]
    fn a_new_owner_tells_nothing_twice() {
        let settings = BreakerSettings {
            failures: 2,
            pause_first: Duration::from_secs(10),
            pause_max: Duration::from_secs(40),
        };
        let mut breaker = Breaker::restore(settings, (4, Some(50)), Some(100));
        let told = told(&mut breaker, &[false, true]);
        let events = told.into_iter().flatten();
        let events: Vec<_> = events.map(|event| (event.kind, event.since)).collect();
        assert_eq!(events, [(Kind::EndpointResumed, Some(50))]);
    }

    #[test]
    fn one_pause_that_is_the_longest_at_once_is_told_of_once() {
        let mut breaker = Breaker::new(BreakerSettings {
            failures: 1,
            pause_first: Duration::from_secs(10),
            pause_max: Duration::from_secs(10),
        });
        let told = told(&mut breaker, &[false, false, false]);
        assert_eq!(told.iter().flatten().count(), 1);
    }

    #[test]
    fn an_endpoint_that_is_gone_is_paused_whatever_its_breaker_says() {
        let breaker = breaker();
        let event = Before::of(&breaker).event(&breaker, &change(&breaker, true));
        assert_eq!(event.unwrap().kind, Kind::EndpointPaused);
    }
}
