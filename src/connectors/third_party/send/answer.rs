//! What came of a webhook.

use serde_json::Value;

use crate::connectors::answer::classify_http;
use crate::connectors::outcome::{AttemptError, NotStarted, Outcome};
use crate::connectors::retry_after;
use crate::platform::outbound::{Answer, ExchangeFailed, FailureKind, TimeoutPhase};
use crate::values::ReasonCode;

/// Longest id of a third party that is kept, in characters. A longer one is as good as none.
const MESSAGE_ID_CHARS_MAX: usize = 255;

/// Says what an attempt came to. A webhook may be repeated, since it carries our id: so a failure on the way is always worth
/// another attempt, whether or not the body had begun to leave.
///
/// `now_ms` is Unix milliseconds. `gate_said` is why the attempt's gate refused, if it did.
pub fn interpret(
    result: Result<Answer, ExchangeFailed>,
    now_ms: i64,
    gate_said: Option<NotStarted>,
) -> Outcome {
    match result {
        Ok(answer) => answered(&answer, now_ms),
        Err(failed) => not_answered(failed.kind, gate_said),
    }
}

fn answered(answer: &Answer, now_ms: i64) -> Outcome {
    let wait = answer.retry_after.as_deref();
    let wait = wait.and_then(|value| retry_after::parse(value, now_ms));
    match classify_http(answer.status, wait) {
        Outcome::Accepted { .. } => Outcome::Accepted {
            provider_message_id: message_id(answer),
        },
        other @ (Outcome::Retry { .. }
        | Outcome::Refused { .. }
        | Outcome::Unknown { .. }
        | Outcome::NotStarted { .. }) => other,
    }
}

fn not_answered(kind: FailureKind, gate_said: Option<NotStarted>) -> Outcome {
    let reason = match kind {
        FailureKind::GateRefused => {
            let why = gate_said.unwrap_or(NotStarted::CheckFailed);
            return Outcome::NotStarted { why };
        }
        // The gate's check did not come back: as good as a refusal.
        FailureKind::Timeout(TimeoutPhase::Gate) => {
            let why = NotStarted::CheckFailed;
            return Outcome::NotStarted { why };
        }
        FailureKind::Unsendable => {
            return Outcome::Refused {
                reason: ReasonCode::General,
                detail: AttemptError::BadRequest,
                endpoint_fault: true,
                pause_endpoint: false,
            };
        }
        FailureKind::AddressRefused => AttemptError::AddressRefused,
        FailureKind::Dns => AttemptError::Dns,
        FailureKind::Connect => AttemptError::Connect,
        FailureKind::Tls => AttemptError::Tls,
        FailureKind::Timeout(
            TimeoutPhase::Connecting | TimeoutPhase::Answer | TimeoutPhase::AnswerBody,
        ) => AttemptError::Timeout,
        FailureKind::ConnectionLost => AttemptError::ConnectionLost,
        FailureKind::BadAnswer => AttemptError::BadAnswer,
    };
    Outcome::Retry {
        reason,
        after: None,
        endpoint_fault: true,
    }
}

/// The id that the third party gave the message, if it gave one that can be kept.
fn message_id(answer: &Answer) -> Option<String> {
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    let id = body.get("messageId")?.as_str()?;
    let fits = (1..=MESSAGE_ID_CHARS_MAX).contains(&id.chars().count());
    (fits && !id.contains(char::is_control)).then(|| id.to_owned())
}
