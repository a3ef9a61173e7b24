//! What an HTTP answer, or the lack of one, says about a message and about the endpoint that it was sent to.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;

use super::outcome::{AttemptError, NotStarted, Outcome};
use super::retry_after;
use crate::platform::outbound::{Answer, ExchangeFailed, FailureKind, TimeoutPhase};
use crate::values::ReasonCode;

/// Longest id of a provider that is kept, in characters. A longer one is as good as none.
const MESSAGE_ID_CHARS_MAX: usize = 255;

/// The id that a provider gave a message, if it is one that can be kept.
pub fn message_id(id: &str) -> Option<String> {
    let fits = (1..=MESSAGE_ID_CHARS_MAX).contains(&id.chars().count());
    (fits && !id.contains(char::is_control)).then(|| id.to_owned())
}

/// Reads an answer by its status and its `Retry-After`, as [`classify_http`]. `now_ms` is Unix milliseconds.
pub fn classify(answer: &Answer, now_ms: i64) -> Outcome {
    let wait = answer.only(&RETRY_AFTER);
    let wait = wait.and_then(|wait| retry_after::parse(wait, now_ms));
    classify_http(answer.status, wait)
}

/// Reads a status as the webhook's contract has it. The caller puts the provider's id into what is accepted,
/// and looks into the body itself where a provider refuses with 200.
///
/// A status outside 200 to 599 is none that ends an exchange; as RFC 9110, section 15, asks, it counts as a 5xx.
pub fn classify_http(status: u16, retry_after: Option<Duration>) -> Outcome {
    let detail = AttemptError::HttpStatus(status);
    match status {
        200..=299 => Outcome::Accepted {
            provider_message_id: None,
        },
        410 => refused(detail, About::EndpointForGood),
        408 | 425 | 429 => retry(detail, retry_after),
        300..=399 | 401 | 403 | 404 | 405 | 407 => refused(detail, About::Endpoint),
        400..=499 => refused(detail, About::Message),
        _ => retry(detail, retry_after),
    }
}

/// What a refusal is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Message,
    Endpoint,
    /// The endpoint says that it is gone.
    EndpointForGood,
}

fn refused(detail: AttemptError, about: About) -> Outcome {
    Outcome::Refused {
        reason: ReasonCode::General,
        detail,
        endpoint_fault: about != About::Message,
        pause_endpoint: about == About::EndpointForGood,
    }
}

fn retry(reason: AttemptError, after: Option<Duration>) -> Outcome {
    Outcome::Retry {
        reason,
        after,
        endpoint_fault: true,
    }
}

/// Whether the other side knows a message that comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    /// It takes our id, so that sending twice delivers once.
    Safe,
    /// It would deliver it twice.
    Unsafe,
}

/// Says what an attempt without an answer came to. `gate_said` is why the attempt's gate refused, if it did.
pub fn no_answer(
    failed: ExchangeFailed,
    gate_said: Option<NotStarted>,
    repeats: Repeats,
) -> Outcome {
    let reason = match failed.kind {
        FailureKind::GateRefused => {
            let why = gate_said.unwrap_or(NotStarted::CheckFailed);
            return Outcome::NotStarted { why };
        }
        // The gate's check did not come back: as good as a refusal.
        FailureKind::Timeout(TimeoutPhase::Gate) => {
            let why = NotStarted::CheckFailed;
            return Outcome::NotStarted { why };
        }
        FailureKind::Unsendable => return unsendable(),
        FailureKind::AddressRefused => AttemptError::AddressRefused,
        FailureKind::Dns => AttemptError::Dns,
        FailureKind::Connect => AttemptError::Connect,
        FailureKind::Tls(fault) => AttemptError::Tls(fault),
        FailureKind::Timeout(
            TimeoutPhase::Connecting | TimeoutPhase::Answer | TimeoutPhase::AnswerBody,
        ) => AttemptError::Timeout,
        FailureKind::ConnectionLost => AttemptError::ConnectionLost,
        FailureKind::BadAnswer => AttemptError::BadAnswer,
    };
    if failed.body_started && repeats == Repeats::Unsafe {
        return Outcome::Unknown { reason };
    }
    Outcome::Retry {
        reason,
        after: None,
        endpoint_fault: true,
    }
}

/// No request can be made of these settings.
fn unsendable() -> Outcome {
    Outcome::Refused {
        reason: ReasonCode::General,
        detail: AttemptError::BadRequest,
        endpoint_fault: true,
        pause_endpoint: false,
    }
}
