//! What came of handing a text over.

use serde::Deserialize;

use crate::connectors::answer::{Repeats, classify, message_id, no_answer};
use crate::connectors::http_sms;
use crate::connectors::mgage::settings::{Api, MGageSettings};
use crate::connectors::outcome::{AttemptError, NotStarted, Outcome};
use crate::platform::outbound::{Answer, ExchangeFailed};
use crate::values::ReasonCode;

/// Codes of the answer. No public document lists them; several public clients agree on these.
const SUCCESS: i32 = 100;
const INVALID_BODY: i32 = 992;
const INVALID_REQUEST: i32 = 998;
const INTERNAL_ERROR: i32 = 999;

/// The root, by whose name an answer is known.
#[derive(Deserialize)]
enum Document {
    #[serde(rename = "httpApiResponse")]
    Response(Response),
}

#[derive(Deserialize)]
struct Response {
    code: i32,
    #[serde(default)]
    recipients: Recipients,
}

#[derive(Deserialize, Default)]
struct Recipients {
    #[serde(default)]
    recipient: Vec<Recipient>,
}

#[derive(Deserialize)]
struct Recipient {
    #[serde(rename = "messageId")]
    message_id: Option<String>,
}

/// Says what an attempt came to. Only status 200 with code 100 accepts; any other success may have sent it.
///
/// `now_ms` is Unix milliseconds. `gate_said` is why the attempt's gate refused, if it did.
pub fn interpret(
    settings: &MGageSettings,
    result: Result<Answer, ExchangeFailed>,
    now_ms: i64,
    gate_said: Option<NotStarted>,
) -> Outcome {
    match &settings.api {
        Api::DirectText(_) => direct_text(result, now_ms, gate_said),
        Api::KaleyraIo(account) => {
            http_sms::send::interpret(account.described(None), result, now_ms, gate_said)
        }
    }
}

/// What DirectTEXT's answer means.
pub fn direct_text(
    result: Result<Answer, ExchangeFailed>,
    now_ms: i64,
    gate_said: Option<NotStarted>,
) -> Outcome {
    let answer = match result {
        Ok(answer) => answer,
        Err(failed) => return no_answer(failed, gate_said, Repeats::Unsafe),
    };
    match answer.status {
        200 => read(&answer).map_or(
            Outcome::Unknown {
                reason: AttemptError::BadAnswer,
            },
            said,
        ),
        201..=299 => Outcome::Unknown {
            reason: AttemptError::HttpStatus(answer.status),
        },
        401 | 403 => Outcome::Barred {
            reason: AttemptError::Credentials,
            until: None,
        },
        _ => classify(&answer, now_ms),
    }
}

/// Reads an answer. Nothing in it declares a document type, so no entities but XML's own five are known.
fn read(answer: &Answer) -> Option<Response> {
    let text = str::from_utf8(&answer.body).ok()?;
    if answer.truncated || text.contains("<!") {
        return None;
    }
    let Document::Response(response) = quick_xml::de::from_str(text).ok()?;
    Some(response)
}

fn said(response: Response) -> Outcome {
    let detail = AttemptError::ProviderCode(response.code);
    let reason = match response.code {
        SUCCESS => {
            return Outcome::Accepted {
                provider_message_id: given_id(response.recipients),
            };
        }
        INTERNAL_ERROR => {
            return Outcome::Retry {
                reason: detail,
                after: None,
                endpoint_fault: true,
            };
        }
        INVALID_BODY | INVALID_REQUEST => ReasonCode::InvalidStructure,
        _ => ReasonCode::General,
    };
    Outcome::Refused {
        reason,
        detail,
        endpoint_fault: false,
        pause_endpoint: false,
    }
}

/// The id for the one recipient that was named, if it can be kept.
fn given_id(recipients: Recipients) -> Option<String> {
    let mut recipients = recipients.recipient.into_iter();
    message_id(recipients.next()?.message_id?.trim())
}
