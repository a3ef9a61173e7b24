//! What is handed in: a consumer's message, what became of an agent's, and that a consumer is typing. Repeats are safe:
//! one message has the same `messageId` and time whenever it is handed in.
//!
//! Facts: the models of the platform's own SDKs for `/api/v2/conversations/messages/{integrationId}/inbound/open/…`.

mod body;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, Url};

pub use self::body::{Consumer, Fate, Message, message_calls, receipt_call, typing_call};
use super::settings::OpenMessagingSettings;
use crate::connectors::answer::{Repeats, classify, no_answer};
use crate::connectors::outcome::Outcome;
use crate::platform::outbound::{Answer, ExchangeFailed};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// The same message is there already.
const CONFLICT: u16 = 409;

/// One call to the API, but for the integration that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    door: Door,
    body: Bytes,
}

/// The last part of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Message,
    Receipt,
    Event,
}

impl Door {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Receipt => "receipt",
            Self::Event => "event",
        }
    }
}

/// The request of a call, without a token. `None` where the service's URL has no path that could be added to.
pub fn request(
    settings: &OpenMessagingSettings,
    integration: &str,
    call: &Call,
) -> Option<Request> {
    let url = below(
        &settings.url,
        &[
            "conversations",
            "messages",
            integration,
            "inbound",
            "open",
            call.door.as_str(),
        ],
    )?;
    let mut request = Request::new(Method::POST, url);
    request.headers_mut().insert(CONTENT_TYPE, JSON);
    request.headers_mut().insert(ACCEPT, JSON);
    *request.body_mut() = Some(call.body.clone().into());
    Some(request)
}

/// A place of the API. The service's URL may end in the API's own beginning.
pub(super) fn below(url: &Url, place: &[&str]) -> Option<Url> {
    let mut url = url.clone();
    let has_version = url.path().trim_end_matches('/').ends_with("/api/v2");
    let mut segments = url.path_segments_mut().ok()?;
    segments.pop_if_empty();
    if !has_version {
        segments.extend(["api", "v2"]);
    }
    segments.extend(place);
    drop(segments);
    Some(url)
}

/// Says what came of a call. `now_ms` is Unix milliseconds.
pub fn interpret(result: Result<Answer, ExchangeFailed>, now_ms: i64) -> Outcome {
    match result {
        Ok(answer) if answer.status == CONFLICT => Outcome::Accepted {
            provider_message_id: None,
        },
        Ok(answer) => classify(&answer, now_ms),
        Err(failed) => no_answer(failed, None, Repeats::Safe),
    }
}
