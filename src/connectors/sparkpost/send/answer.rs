//! What came of handing a mail over.

use serde::Deserialize;
use serde_json::Value;

use crate::connectors::answer::{Repeats, classify, message_id, no_answer};
use crate::connectors::outcome::{AttemptError, NotStarted, Outcome};
use crate::platform::outbound::{Answer, ExchangeFailed};
use crate::values::ReasonCode;

/// SparkPost's own status for a sending limit that is used up.
const LIMIT_REACHED: u16 = 420;
/// A limit of a day or a month is not looked at more often; when it ends is not said.
const LONG_LIMIT_MS: i64 = 3_600_000;

/// Codes of errors, from SparkPost's table of extended error codes.
const SERVER_RESOURCES_UNAVAILABLE: i32 = 1502;
const GENERATION_NOT_AVAILABLE: i32 = 1900;
const LIMIT_OF_DAY: i32 = 2102;
const LIMIT_OF_MONTH: i32 = 2105;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    results: Results,
    errors: Vec<Fault>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Results {
    id: Option<String>,
    total_accepted_recipients: Option<u32>,
}

/// Codes are texts in most answers, numbers in some, and missing in others.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Fault {
    code: Value,
}

/// Says what an attempt came to. `now_ms` is Unix milliseconds; `gate_said` is why the attempt's gate refused, if it did.
pub fn interpret(
    result: Result<Answer, ExchangeFailed>,
    now_ms: i64,
    gate_said: Option<NotStarted>,
) -> Outcome {
    let answer = match result {
        Ok(answer) => answer,
        Err(failed) => return no_answer(failed, gate_said, Repeats::Unsafe),
    };
    let body: Option<Body> = Some(&answer)
        .filter(|answer| !answer.truncated)
        .and_then(|answer| serde_json::from_slice(&answer.body).ok());
    if let 200..=299 = answer.status {
        return body.as_ref().map_or_else(unreadable, taken);
    }
    let code = body.as_ref().and_then(first_code);
    refused(&answer, code, now_ms)
}

fn unreadable() -> Outcome {
    Outcome::Unknown {
        reason: AttemptError::BadAnswer,
    }
}

/// A success may still say that the one recipient was not accepted.
fn taken(body: &Body) -> Outcome {
    match body.results.total_accepted_recipients {
        Some(0) => Outcome::Refused {
            reason: ReasonCode::InvalidDestination,
            detail: first_code(body).map_or(AttemptError::BadAnswer, AttemptError::ProviderCode),
            endpoint_fault: false,
            pause_endpoint: false,
        },
        Some(_) => Outcome::Accepted {
            provider_message_id: body.results.id.as_deref().and_then(message_id),
        },
        None => unreadable(),
    }
}

fn refused(answer: &Answer, code: Option<i32>, now_ms: i64) -> Outcome {
    let detail = code.map_or(
        AttemptError::HttpStatus(answer.status),
        AttemptError::ProviderCode,
    );
    match (answer.status, code) {
        (401 | 403, _) => Outcome::Barred {
            reason: AttemptError::Credentials,
            until: None,
        },
        (LIMIT_REACHED, code) => Outcome::Barred {
            reason: AttemptError::Quota,
            until: matches!(code, Some(LIMIT_OF_DAY | LIMIT_OF_MONTH))
                .then(|| now_ms.saturating_add(LONG_LIMIT_MS)),
        },
        (_, Some(SERVER_RESOURCES_UNAVAILABLE | GENERATION_NOT_AVAILABLE)) => Outcome::Retry {
            reason: detail,
            after: None,
            endpoint_fault: true,
        },
        (400 | 413 | 415 | 422, _) => Outcome::Refused {
            reason: ReasonCode::General,
            detail,
            endpoint_fault: false,
            pause_endpoint: false,
        },
        _ => classify(answer, now_ms),
    }
}

fn first_code(body: &Body) -> Option<i32> {
    match &body.errors.first()?.code {
        Value::String(code) => code.parse().ok(),
        Value::Number(code) => i32::try_from(code.as_i64()?).ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
