//! What follows from an attempt: for the message, and for the endpoint. Every rule of retrying is here.

use std::time::Duration;

use super::backoff::RetrySchedule;
use crate::connectors::carrier::UnknownPolicy;
use crate::connectors::outcome::{AttemptError, NotStarted, Outcome};
use crate::values::ReasonCode;

/// What has to be known of a delivery to decide. Times are Unix milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct DeliveryFacts<'a> {
    /// The number of the attempt that has ended, from 1. If it is sent again, that is the redelivery of this number.
    pub attempt: u32,
    pub now_ms: i64,
    /// No attempt starts after it.
    pub valid_until_ms: i64,
    /// What becomes of it where nobody knows whether it was sent.
    pub unknown: UnknownPolicy,
    /// How long a receipt is waited for then, where the policy does not say.
    pub unknown_hold: Duration,
    pub schedule: &'a RetrySchedule,
    /// Drawn from 0 (inclusive) to 1 (exclusive).
    pub jitter: f64,
}

/// What becomes of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    Sent {
        provider_message_id: Option<String>,
    },
    /// `dead_letter`: kept, to be sent again by hand.
    Failed {
        reason: ReasonCode,
        dead_letter: bool,
    },
    /// It is sent again, not before `due_ms`.
    WaitUntil {
        due_ms: i64,
    },
    /// It goes back to its place with no attempt charged, and waits for its endpoint.
    PutBack,
    /// It may have arrived, and sending it again could make two: a receipt is waited for until then (Unix ms).
    HoldUnknown {
        until_ms: i64,
    },
    /// The attempt did not begin; the delivery goes back to its place with nothing charged.
    Requeue,
    /// Its message has come to an end otherwise, and whoever ended it has recorded that.
    Withdrawn,
}

/// What the attempt says about the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointVerdict {
    /// It works; failures in a row are forgotten.
    Success,
    /// It is in trouble; one failure more in a row.
    Fault,
    /// Nothing.
    Neutral,
    /// Nothing is taken there before this time (Unix ms), or for a while.
    Bar { until_ms: Option<i64> },
    /// Nothing more is to be sent there until somebody resumes it.
    Pause,
}

/// What follows from one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    pub decision: Decision,
    pub endpoint: EndpointVerdict,
}

/// Decides what follows from an attempt.
pub fn decide(outcome: Outcome, facts: &DeliveryFacts<'_>) -> Ruling {
    let endpoint = endpoint_verdict(&outcome);
    let decision = match outcome {
        Outcome::Accepted {
            provider_message_id,
        } => Decision::Sent {
            provider_message_id,
        },
        Outcome::Retry { after, .. } => send_again(after, facts),
        Outcome::Barred { .. } => Decision::PutBack,
        Outcome::Unknown { .. } => nobody_knows(facts),
        Outcome::Refused { reason, .. } => Decision::Failed {
            reason,
            dead_letter: true,
        },
        Outcome::NotStarted { why } => without_attempt(why),
    };
    Ruling { decision, endpoint }
}

fn endpoint_verdict(outcome: &Outcome) -> EndpointVerdict {
    let fault = match outcome {
        Outcome::Accepted { .. } => return EndpointVerdict::Success,
        Outcome::Refused {
            pause_endpoint: true,
            ..
        } => return EndpointVerdict::Pause,
        Outcome::Refused { endpoint_fault, .. } | Outcome::Retry { endpoint_fault, .. } => {
            *endpoint_fault
        }
        Outcome::Barred { until, .. } => return EndpointVerdict::Bar { until_ms: *until },
        // It was reached and did not answer, unless it was we who stopped.
        Outcome::Unknown { reason } => *reason != AttemptError::Interrupted,
        Outcome::NotStarted { .. } => false,
    };
    if fault {
        EndpointVerdict::Fault
    } else {
        EndpointVerdict::Neutral
    }
}

/// What the tenant wants of a message that may have been sent.
fn nobody_knows(facts: &DeliveryFacts<'_>) -> Decision {
    match facts.unknown {
        UnknownPolicy::Retry => send_again(None, facts),
        UnknownPolicy::Hold(hold) => Decision::HoldUnknown {
            until_ms: facts
                .now_ms
                .saturating_add(whole_ms(hold.unwrap_or(facts.unknown_hold))),
        },
        UnknownPolicy::Fail => Decision::Failed {
            reason: ReasonCode::General,
            dead_letter: true,
        },
    }
}

/// The next redelivery, if the schedule has one left and the message is still valid when it is due.
fn send_again(after: Option<Duration>, facts: &DeliveryFacts<'_>) -> Decision {
    // An endpoint may put a message off until its end, but not beyond.
    let left = Duration::from_millis(
        u64::try_from(facts.valid_until_ms.saturating_sub(facts.now_ms)).unwrap_or(0),
    );
    let after = after.map(|after| after.min(left));
    let Some(delay) = facts.schedule.delay(facts.attempt, after, facts.jitter) else {
        return Decision::Failed {
            reason: ReasonCode::General,
            dead_letter: true,
        };
    };
    let due_ms = facts.now_ms.saturating_add(whole_ms(delay));
    if due_ms > facts.valid_until_ms {
        return Decision::Failed {
            reason: ReasonCode::Expired,
            dead_letter: true,
        };
    }
    Decision::WaitUntil { due_ms }
}

fn without_attempt(why: NotStarted) -> Decision {
    match why {
        NotStarted::Suppressed => Decision::Failed {
            reason: ReasonCode::NotAllowed,
            dead_letter: false,
        },
        NotStarted::Expired => Decision::Failed {
            reason: ReasonCode::Expired,
            dead_letter: true,
        },
        NotStarted::HoldEnded => Decision::Failed {
            reason: ReasonCode::General,
            dead_letter: true,
        },
        NotStarted::Cancelled | NotStarted::Resolved => Decision::Withdrawn,
        NotStarted::LaneClosed | NotStarted::LeaseLost | NotStarted::CheckFailed => {
            Decision::Requeue
        }
    }
}

/// Rounded up: a time that was asked for is waited in full.
fn whole_ms(delay: Duration) -> i64 {
    i64::try_from(delay.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
