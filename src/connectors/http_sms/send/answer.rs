//! What came of handing a text over, by what the settings say of answers.

use reqwest::header::RETRY_AFTER;
use serde_json::Value;

use crate::connectors::answer::{Repeats, classify, message_id, no_answer};
use crate::connectors::http_sms::place::Place;
use crate::connectors::http_sms::settings::{AnswerRules, HttpSmsSettings, Meaning};
use crate::connectors::outcome::{AttemptError, NotStarted, Outcome};
use crate::connectors::retry_after;
use crate::platform::outbound::{Answer, ExchangeFailed};
use crate::values::ReasonCode;

/// Says what an attempt came to. `now_ms` is Unix milliseconds; `gate_said` is why the attempt's gate refused, if it did.
///
/// A code that has a meaning decides, whatever the status: providers refuse within a 200. Then a status of success accepts,
/// if what has to be said is said; one that cannot be read as described may have sent it. Any other status means what it
/// does everywhere.
pub fn interpret(
    settings: &HttpSmsSettings,
    result: Result<Answer, ExchangeFailed>,
    now_ms: i64,
    gate_said: Option<NotStarted>,
) -> Outcome {
    let repeats = if settings.request.repeats_safe {
        Repeats::Safe
    } else {
        Repeats::Unsafe
    };
    let answer = match result {
        Ok(answer) => answer,
        Err(failed) => return no_answer(failed, gate_said, repeats),
    };
    let rules = &settings.answer;
    let body = read(rules, &answer);
    let code = body.as_ref().and_then(|body| first(&rules.code, body));
    let meaning = code.as_ref().and_then(|code| rules.codes.get(code));
    let detail = detail(&answer, code.as_deref());
    match (meaning, answer.status) {
        (Some(meaning), _) => coded(*meaning, detail, &answer, now_ms),
        (None, 200..=299) => success(rules, &answer, body.as_ref(), detail),
        (None, 401 | 403) => Outcome::Barred {
            reason: AttemptError::Credentials,
            until: None,
        },
        (None, _) => with_detail(classify(&answer, now_ms), detail),
    }
}

/// The body as JSON, where anything in it counts and all of it is there.
fn read(rules: &AnswerRules, answer: &Answer) -> Option<Value> {
    if answer.truncated || !rules.reads_body() {
        return None;
    }
    serde_json::from_slice(&answer.body).ok()
}

fn first(places: &[Place], body: &Value) -> Option<String> {
    places.iter().find_map(|place| place.said(body))
}

fn detail(answer: &Answer, code: Option<&str>) -> AttemptError {
    let number = code.and_then(|code| code.parse().ok());
    number.map_or(
        AttemptError::HttpStatus(answer.status),
        AttemptError::ProviderCode,
    )
}

fn coded(meaning: Meaning, detail: AttemptError, answer: &Answer, now_ms: i64) -> Outcome {
    match meaning {
        Meaning::Retry => Outcome::Retry {
            reason: detail,
            after: answer
                .only(&RETRY_AFTER)
                .and_then(|wait| retry_after::parse(wait, now_ms)),
            endpoint_fault: true,
        },
        Meaning::Refused(reason) => refused(reason, detail),
        Meaning::Credentials => Outcome::Barred {
            reason: AttemptError::Credentials,
            until: None,
        },
        Meaning::Quota => Outcome::Barred {
            reason: AttemptError::Quota,
            until: None,
        },
    }
}

fn success(
    rules: &AnswerRules,
    answer: &Answer,
    body: Option<&Value>,
    detail: AttemptError,
) -> Outcome {
    if !rules.statuses.is_empty() && !rules.statuses.contains(&answer.status) {
        return Outcome::Unknown {
            reason: AttemptError::HttpStatus(answer.status),
        };
    }
    for (place, accepted) in &rules.conditions {
        match body.and_then(|body| place.said(body)) {
            Some(said) if accepted.contains(&said) => {}
            Some(_) => return refused(ReasonCode::General, detail),
            None => return unreadable(),
        }
    }
    if rules.id.is_empty() {
        return Outcome::Accepted {
            provider_message_id: None,
        };
    }
    match body.and_then(|body| first(&rules.id, body)) {
        Some(id) => Outcome::Accepted {
            provider_message_id: message_id(&id),
        },
        None => unreadable(),
    }
}

fn unreadable() -> Outcome {
    Outcome::Unknown {
        reason: AttemptError::BadAnswer,
    }
}

fn refused(reason: ReasonCode, detail: AttemptError) -> Outcome {
    Outcome::Refused {
        reason,
        detail,
        endpoint_fault: false,
        pause_endpoint: false,
    }
}

/// The provider's code says more than the status, where the text is at fault.
fn with_detail(mut outcome: Outcome, code: AttemptError) -> Outcome {
    if let Outcome::Refused {
        detail,
        endpoint_fault: false,
        ..
    } = &mut outcome
    {
        *detail = code;
    }
    outcome
}
