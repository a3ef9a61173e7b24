//! What came of handing a message over.

use serde::Deserialize;

use crate::connectors::answer::{Repeats, message_id, no_answer};
use crate::connectors::document::Object;
use crate::connectors::genesys_cloud;
use crate::connectors::outcome::{AttemptError, NotStarted, Outcome};
use crate::platform::outbound::{Answer, ExchangeFailed};

/// What it has taken. Which success it says so with is not documented, so every one of them does.
#[derive(Deserialize)]
struct Taken {
    /// What receipts name.
    id: String,
}

/// Says what an attempt came to. `now_ms` is Unix milliseconds; `gate_said` is why the attempt's gate refused, if it did.
///
/// A gateway in front of the API that lost its answer, or did not wait for it, knows no more than we do.
pub fn interpret(
    result: Result<Answer, ExchangeFailed>,
    now_ms: i64,
    gate_said: Option<NotStarted>,
) -> Outcome {
    let answer = match result {
        Ok(answer) => answer,
        Err(failed) => return no_answer(failed, gate_said, Repeats::Unsafe),
    };
    match answer.status {
        200..=299 => taken(&answer),
        502 | 504 => Outcome::Unknown {
            reason: AttemptError::HttpStatus(answer.status),
        },
        _ => genesys_cloud::refused(&answer, now_ms),
    }
}

fn taken(answer: &Answer) -> Outcome {
    let taken = serde_json::from_slice(&answer.body)
        .ok()
        .filter(|_| !answer.truncated)
        .and_then(|Object(Taken { id })| message_id(&id));
    match taken {
        Some(id) => Outcome::Accepted {
            provider_message_id: Some(id),
        },
        None => Outcome::Unknown {
            reason: AttemptError::BadAnswer,
        },
    }
}
