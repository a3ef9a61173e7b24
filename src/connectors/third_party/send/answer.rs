//! What came of a webhook.

use serde_json::Value;

use crate::connectors::answer::{Repeats, classify, message_id, no_answer};
use crate::connectors::outcome::{NotStarted, Outcome};
use crate::platform::outbound::{Answer, ExchangeFailed};

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
        Err(failed) => no_answer(failed, gate_said, Repeats::Safe),
    }
}

fn answered(answer: &Answer, now_ms: i64) -> Outcome {
    match classify(answer, now_ms) {
        Outcome::Accepted { .. } => Outcome::Accepted {
            provider_message_id: given_id(answer),
        },
        other @ (Outcome::Retry { .. }
        | Outcome::Refused { .. }
        | Outcome::Barred { .. }
        | Outcome::Unknown { .. }
        | Outcome::NotStarted { .. }) => other,
    }
}

/// The id that the third party gave the message, if it gave one that can be kept.
fn given_id(answer: &Answer) -> Option<String> {
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    message_id(body.get("messageId")?.as_str()?)
}
