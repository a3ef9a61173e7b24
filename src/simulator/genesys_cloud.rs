//! Genesys Cloud CX, from its documents: a login host that grants tokens, and an API that takes agentless texts and mails
//! and counts requests by token. Both are one server here.

mod callbacks;
mod numbers;
mod organization;
mod tokens;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{HeaderMap, Method, Response, StatusCode, Uri};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

pub(super) use self::callbacks::{receipt, text};
pub use self::organization::{GenesysCloud, Switches};
pub(super) use self::tokens::Counted;
use super::dialect::Envelope;
use super::received::Signature;
use super::third_party::json as answer;

/// On every answer of the API.
const CORRELATION_ID: &str = "inin-correlation-id";
const TEXT_CHARS_MAX: usize = 765;

/// The members of both kinds of messages.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Agentless {
    from_address: Value,
    to_address: Option<String>,
    to_address_messenger_type: Option<String>,
    text_body: Option<String>,
    html_body: Option<String>,
    sender_type: Option<String>,
    to_addresses: Vec<Mailbox>,
    subject: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Mailbox {
    email: String,
}

/// No message of ours has an id there.
pub(super) fn envelope(body: &[u8]) -> Envelope {
    let message: Agentless = serde_json::from_slice(body).unwrap_or_default();
    let first = message.to_addresses.into_iter().next();
    let number = message.to_address.map(|to| to.replace('+', ""));
    Envelope {
        message_id: None,
        sender: message
            .from_address
            .as_str()
            .map(|from| from.replace('+', "")),
        recipient: number.or(first.map(|mailbox| mailbox.email)),
    }
}

impl GenesysCloud {
    pub(super) fn check(&self, headers: &HeaderMap, now_ms: i64) -> Signature {
        if bearer(headers).is_some_and(|token| self.knows(token, now_ms)) {
            Signature::Good
        } else {
            Signature::Refused
        }
    }

    /// What it answers beside taking messages: tokens, and numbers to order.
    pub(super) fn besides(
        &self,
        (method, uri): (&Method, &Uri),
        headers: &HeaderMap,
        body: &[u8],
        now_ms: i64,
    ) -> Option<Response<Full<Bytes>>> {
        if uri.path() == "/oauth/token" {
            return Some(self.grant(headers, body, now_ms));
        }
        let below = uri.path().strip_prefix(numbers::PREFIX)?;
        let mut response = match self.check(headers, now_ms) {
            Signature::Good => self.numbers((method, below), uri.query(), body),
            Signature::Refused | Signature::Unchecked => refused(),
        };
        correlate(&mut response);
        Some(response)
    }

    /// Counts a request with its token.
    pub(super) fn counted(&self, headers: &HeaderMap, now_ms: i64) -> Option<Counted> {
        self.count(bearer(headers)?, now_ms)
    }
}

/// An id for a message that is taken: 32 digits of base 16.
pub(super) fn new_id() -> String {
    Uuid::new_v4().simple().to_string()
}

/// The answer by which a message is taken.
pub(super) fn accepted(id: Option<&str>, body: &[u8]) -> Response<Full<Bytes>> {
    let sent: Value = serde_json::from_slice(body).unwrap_or_default();
    let conversation_id = Uuid::new_v4().to_string();
    let mut taken = json!({
        "conversationId": conversation_id,
        "fromAddress": sent["fromAddress"],
        "selfUri": format!("/api/v2/conversations/{conversation_id}"),
    });
    let copied: &[&str] = if sent["toAddresses"].is_array() {
        &["senderType", "toAddresses", "replyToAddress", "subject"]
    } else {
        taken["messengerType"] = json!("sms");
        &["toAddress", "textBody", "useExistingActiveConversation"]
    };
    for member in copied {
        taken[*member] = sent[*member].clone();
    }
    if let Some(id) = id {
        taken["id"] = json!(id);
    }
    answer(StatusCode::OK, taken.to_string())
}

/// Why a message is not taken as it is.
pub(super) fn objection(body: &[u8]) -> Option<Response<Full<Bytes>>> {
    let message: Agentless = serde_json::from_slice(body).unwrap_or_default();
    let text = message.text_body.as_deref().unwrap_or_default();
    let is_mail = message.sender_type.as_deref() == Some("Outbound");
    let why = if message.from_address.is_null() {
        "fromAddress is required"
    } else if is_mail && message.to_addresses.len() != 1 {
        "toAddresses must have one entry"
    } else if is_mail && text.is_empty() && message.html_body.is_none() {
        "one of textBody and htmlBody is required"
    } else if is_mail && message.subject.is_none() {
        "subject is required"
    } else if is_mail {
        return None;
    } else if message.to_address_messenger_type.as_deref() != Some("sms") {
        "toAddressMessengerType must be sms, whatsapp or open"
    } else if message.to_address.is_none() {
        "toAddress is required"
    } else if text.is_empty() || text.chars().count() > TEXT_CHARS_MAX {
        "textBody must have 1 to 765 characters"
    } else {
        return None;
    };
    Some(fault(StatusCode::BAD_REQUEST, "bad.request", why))
}

/// The answer to a token that is not, or no longer, good.
pub(super) fn refused() -> Response<Full<Bytes>> {
    let message = "Invalid login credentials.";
    let mut response = fault(StatusCode::UNAUTHORIZED, "bad.credentials", message);
    correlate(&mut response);
    response
}

/// Puts the header on it that every answer of the API has.
pub(super) fn correlate(response: &mut Response<Full<Bytes>>) {
    if let Ok(id) = HeaderValue::try_from(Uuid::new_v4().to_string()) {
        response.headers_mut().insert(CORRELATION_ID, id);
    }
}

/// An error as the API writes it.
fn fault(status: StatusCode, code: &str, message: &str) -> Response<Full<Bytes>> {
    let body = json!({
        "message": message, "code": code, "status": status.as_u16(),
        "contextId": Uuid::new_v4().to_string(), "details": [], "errors": [],
    });
    answer(status, body.to_string())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ")
}
