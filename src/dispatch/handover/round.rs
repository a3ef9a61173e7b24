//! One round through what a page of the feed asks for: what is about one consumer in order, what is about several at the
//! same time.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tracing::warn;

use super::agents::Agents;
use super::errands::Errand;
use crate::connectors::outcome::{AttemptError, Outcome};
use crate::dispatch::gate::LaneOpen;
use crate::lanes::model::Life;
use crate::lanes::ownership::Ownership;
use crate::platform::clock::Clock;
use crate::platform::telemetry::metric;
use crate::provisioning::directory::Handover;
use crate::values::MessageId;

/// Consumers whose messages are handed in at the same time.
const CONSUMERS_AT_ONCE: usize = 8;

/// What a round works with.
pub(super) struct Round {
    pub agents: Agents,
    pub handover: Arc<Handover>,
    pub clock: Clock,
    /// Whether the lane is still ours to send through, and to be sent through.
    pub may_send: MaySend,
    /// What alone is not taken for longer, while others are, is given up.
    pub head_hold: Duration,
    /// What is older is given up.
    pub message_age_max: Duration,
}

/// Asked before each call.
#[derive(Debug)]
pub(super) struct MaySend {
    pub open: Arc<LaneOpen>,
    pub ownership: Arc<Ownership>,
    pub life: Life,
}

impl MaySend {
    fn now(&self) -> bool {
        self.open.is_open() && !self.ownership.is_held() && self.ownership.life() == Some(self.life)
    }
}

/// Why something was not done.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Failed {
    /// When the other side wants to see it again.
    pub after: Option<Duration>,
    pub error: Option<AttemptError>,
}

/// For how long nothing is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bar {
    ForAWhile,
    /// Unix milliseconds.
    Until(i64),
}

impl Bar {
    pub(super) fn until(self) -> Option<i64> {
        match self {
            Self::ForAWhile => None,
            Self::Until(until) => Some(until),
        }
    }
}

/// What a round says about the endpoint.
#[derive(Debug, Clone, Default)]
pub(super) struct Verdict {
    /// Something was taken.
    pub works: bool,
    /// Something failed in a way that speaks about the endpoint.
    pub fault: bool,
    /// It takes nothing.
    pub barred: Option<Bar>,
    /// It is gone.
    pub pause: bool,
    pub failed: Failed,
    /// Messages that were given up, and why.
    pub given_up: Vec<(MessageId, AttemptError)>,
}

/// How the errands of one consumer went.
struct Gone {
    left: Vec<Errand>,
    verdict: Verdict,
}

impl Round {
    /// Does what can be done; answers what is left in its order, and what is to be thought of the endpoint.
    pub(super) async fn run(&self, errands: Vec<Errand>) -> (Vec<Errand>, Verdict) {
        let by_consumer = stream::iter(by_consumer(errands));
        let walks = by_consumer.map(|errands| self.walk(errands));
        let gone: Vec<Gone> = walks.buffered(CONSUMERS_AT_ONCE).collect().await;
        let mut verdict = Verdict::default();
        let mut left = Vec::new();
        for walk in gone {
            verdict.add(walk.verdict);
            left.extend(walk.left);
        }
        let now_ms = self.clock.now_ms();
        if verdict.works {
            self.give_up_on_the_stuck(&mut left, &mut verdict, now_ms);
        }
        (left, verdict)
    }

    /// Goes through the errands of one consumer up to the first that is not done.
    async fn walk(&self, errands: Vec<Errand>) -> Gone {
        let mut verdict = Verdict::default();
        let mut errands = errands.into_iter();
        let mut left = Vec::new();
        for mut errand in errands.by_ref() {
            if self.is_too_old(&errand, self.clock.now_ms()) {
                verdict
                    .given_up
                    .push((errand.message, AttemptError::Timeout));
                continue;
            }
            let outcome = self.run_errand(&mut errand, &mut verdict).await;
            match outcome {
                Done::Taken => {}
                Done::Refused(error) => verdict.given_up.push((errand.message, error)),
                Done::Not => {
                    errand.failing_since.get_or_insert(self.clock.now_ms());
                    left.push(errand);
                    break;
                }
                Done::NotBegun => {
                    left.push(errand);
                    break;
                }
            }
        }
        left.extend(errands);
        Gone { left, verdict }
    }

    async fn run_errand(&self, errand: &mut Errand, verdict: &mut Verdict) -> Done {
        while let Some(call) = errand.calls.first() {
            if !self.may_send.now() {
                return Done::NotBegun;
            }
            let outcome = self.agents.hand_in(&self.handover, call).await;
            metrics::counter!(metric::HANDED_OVER, "outcome" => outcome.class()).increment(1);
            match verdict.hear(&outcome) {
                Done::Taken => {
                    errand.calls.remove(0);
                }
                done @ (Done::Refused(_) | Done::Not | Done::NotBegun) => return done,
            }
        }
        Done::Taken
    }

    fn is_too_old(&self, errand: &Errand, now_ms: i64) -> bool {
        let age_max_ms = i64::try_from(self.message_age_max.as_millis()).unwrap_or(i64::MAX);
        now_ms.saturating_sub(errand.message.unix_ms()) > age_max_ms
    }

    /// The endpoint works, so what it has not taken for long is at fault itself.
    fn give_up_on_the_stuck(&self, left: &mut Vec<Errand>, verdict: &mut Verdict, now_ms: i64) {
        let hold_ms = i64::try_from(self.head_hold.as_millis()).unwrap_or(i64::MAX);
        let is_stuck = |errand: &Errand| {
            let since = errand.failing_since;
            since.is_some_and(|since| now_ms.saturating_sub(since) > hold_ms)
        };
        let error = verdict.failed.error.unwrap_or(AttemptError::Timeout);
        for errand in left.iter().filter(|errand| is_stuck(errand)) {
            verdict.given_up.push((errand.message, error));
        }
        left.retain(|errand| !is_stuck(errand));
    }
}

/// What came of an errand, or of one call of it.
enum Done {
    Taken,
    /// It will never be taken.
    Refused(AttemptError),
    Not,
    /// The lane is not to be sent through any more.
    NotBegun,
}

impl Verdict {
    fn hear(&mut self, outcome: &Outcome) -> Done {
        match outcome {
            Outcome::Accepted { .. } => {
                self.works = true;
                Done::Taken
            }
            Outcome::Retry {
                reason,
                after,
                endpoint_fault,
            } => {
                self.fault |= endpoint_fault;
                self.fail(*reason, *after)
            }
            Outcome::Refused {
                detail,
                endpoint_fault: false,
                pause_endpoint: false,
                ..
            } => Done::Refused(*detail),
            Outcome::Refused {
                detail,
                pause_endpoint,
                ..
            } => {
                self.fault = true;
                self.pause |= pause_endpoint;
                self.fail(*detail, None)
            }
            Outcome::Barred { reason, until } => {
                self.barred = Some(until.map_or(Bar::ForAWhile, Bar::Until));
                self.fail(*reason, None)
            }
            Outcome::Unknown { reason } => {
                self.fault = true;
                self.fail(*reason, None)
            }
            Outcome::NotStarted { .. } => Done::NotBegun,
        }
    }

    fn fail(&mut self, reason: AttemptError, after: Option<Duration>) -> Done {
        self.failed.error = Some(reason);
        self.failed.after = self.failed.after.max(after);
        Done::Not
    }

    fn add(&mut self, other: Self) {
        self.works |= other.works;
        self.fault |= other.fault;
        self.pause |= other.pause;
        self.barred = self.barred.max(other.barred);
        self.failed.after = self.failed.after.max(other.failed.after);
        self.failed.error = self.failed.error.or(other.failed.error);
        self.given_up.extend(other.given_up);
    }
}

/// The errands of each consumer in their order.
fn by_consumer(errands: Vec<Errand>) -> Vec<Vec<Errand>> {
    let mut groups: Vec<Vec<Errand>> = Vec::new();
    for errand in errands {
        let of_consumer = groups.iter_mut().find(|group| {
            group
                .first()
                .is_some_and(|first| first.consumer == errand.consumer)
        });
        match of_consumer {
            Some(group) => group.push(errand),
            None => groups.push(vec![errand]),
        }
    }
    groups
}

/// Says in the log what was given up.
pub(super) fn tell_given_up(handover: &Handover, given_up: &[(MessageId, AttemptError)]) {
    for (message, error) in given_up {
        metrics::counter!(metric::HANDED_OVER, "outcome" => "given_up").increment(1);
        warn!(ccid = %handover.ccid, message.id = %message, error.class = %error.class(), "A message was not handed over to agents");
    }
}
