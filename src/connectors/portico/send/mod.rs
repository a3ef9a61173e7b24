//! A text or a mail is handed over as one agentless message to one person. It knows the wire and what an answer means; the
//! token that a request shows is put into it by whoever has one.

mod answer;
mod email;
#[cfg(test)]
mod tests;
mod text;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request};

pub use self::answer::interpret;
use self::email::AgentlessEmail;
use self::text::AgentlessText;
use super::settings::PorticoSettings;
use crate::connectors::genesys_cloud::below;
use crate::connectors::outbound::Outbound;
use crate::platform::outbound::{GateRefused, GatedBody};
use crate::values::{Content, EmailPart};

/// Below the API host, whose URL may have a path of its own.
const TEXTS: [&str; 5] = ["api", "v2", "conversations", "messages", "agentless"];
const EMAILS: [&str; 5] = ["api", "v2", "conversations", "emails", "agentless"];
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Five parts of an SMS are the most that it takes.
const TEXT_CHARS_MAX: usize = 765;
const SUBJECT_CHARS_MAX: usize = 400;
/// Enough for the 300 requests a minute that a token has, and few enough that what it says of them comes in time.
pub const IN_FLIGHT_MAX: u16 = 20;

/// Why the service does not take a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It has no form for such content.
    Unsupported(&'static str),
    /// It has one, and this is longer than it may be.
    TooLong(&'static str),
}

/// Why the service does not take this content; `None` where it does.
pub fn refuses(content: &Content) -> Option<Refusal> {
    match content {
        Content::Text(text) if text.chars().count() > TEXT_CHARS_MAX => Some(Refusal::TooLong(
            "the text is longer than the 765 characters that Portico, which sends for this channel, takes",
        )),
        Content::Email(mail) if mail.parts.iter().any(is_attached) => Some(Refusal::Unsupported(
            "Portico, which sends for this channel, attaches no files to mails",
        )),
        Content::Email(mail) if mail.subject.chars().count() > SUBJECT_CHARS_MAX => {
            Some(Refusal::TooLong(
                "the subject is longer than the 400 characters that Portico, which sends for this channel, takes",
            ))
        }
        Content::Text(_) | Content::Email(_) => None,
        Content::RichMedia(_) => Some(Refusal::Unsupported(
            "Portico, which sends for this channel, takes messages of type Text only",
        )),
    }
}

/// Makes the request of one attempt, without a token; its body waits for `gate` when its first byte is asked for. `None`: the
/// service has no form for this content.
pub fn build_request(
    settings: &PorticoSettings,
    message: &Outbound<'_>,
    gate: BoxFuture<'static, Result<(), GateRefused>>,
) -> Option<Request> {
    if let Some(Refusal::Unsupported(_)) = refuses(message.content) {
        return None;
    }
    let (path, body) = match message.content {
        Content::Text(text) => (
            TEXTS,
            serde_json::to_vec(&AgentlessText::of(message, text)).ok()?,
        ),
        Content::Email(mail) => (
            EMAILS,
            serde_json::to_vec(&AgentlessEmail::of(message, mail)).ok()?,
        ),
        Content::RichMedia(_) => return None,
    };
    let mut request = Request::new(Method::POST, below(&settings.url, &path));
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(ACCEPT, JSON);
    *request.body_mut() = Some(GatedBody::new(Bytes::from(body), gate).into());
    Some(request)
}

fn is_attached(part: &EmailPart) -> bool {
    match part {
        EmailPart::Attachment(_) => true,
        EmailPart::Text(_) | EmailPart::Html(_) => false,
    }
}
