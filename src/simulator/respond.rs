//! An answer that was ordered, in the words of the provider that is played.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HeaderValue, LOCATION, RETRY_AFTER};
use hyper::{Response, StatusCode};

use super::answer::Answer;
use super::dialect::{Dialect, Envelope};
use super::genesys_cloud::Counted;
use super::third_party::json;

/// What of a message an answer is made of: whom it is for, the id that it was given, and its bytes.
type Message<'a> = (&'a Envelope, Option<&'a str>, &'a [u8]);

/// What was told, unless the caller has made too many requests, and with the count of them where there is one.
pub(super) fn render_within(
    counted: Option<Counted>,
    answer: Answer,
    dialect: &Dialect,
    message: Message<'_>,
) -> Response<Full<Bytes>> {
    match counted {
        Some(counted) if counted.is_over() => counted.on(counted.refused()),
        Some(counted) => counted.on(render(answer, dialect, message)),
        None => render(answer, dialect, message),
    }
}

fn render(
    answer: Answer,
    dialect: &Dialect,
    (envelope, id, body): Message<'_>,
) -> Response<Full<Bytes>> {
    match answer {
        Answer::Accept { .. } => dialect
            .objection(body)
            .unwrap_or_else(|| dialect.accepted(id, (envelope, body))),
        Answer::Unauthorized => dialect.refused(),
        Answer::Quota => dialect.quota(),
        Answer::Status {
            status,
            retry_after,
        } => {
            let mut response = json(status_of(status), r#"{"error":"answered as it was told"}"#);
            if let Some(value) = retry_after.and_then(|text| HeaderValue::try_from(text).ok()) {
                response.headers_mut().insert(RETRY_AFTER, value);
            }
            response
        }
        Answer::Redirect { status, location } => {
            let mut response = json(status_of(status), "{}");
            if let Ok(value) = HeaderValue::try_from(location) {
                response.headers_mut().insert(LOCATION, value);
            }
            response
        }
        Answer::Oversize { bytes } => {
            let padding = " ".repeat(bytes);
            let id = envelope.message_id.as_deref().unwrap_or_default();
            json(
                StatusCode::OK,
                format!(r#"{{"padding":"{padding}","messageId":"{id}"}}"#),
            )
        }
        Answer::Body { text } => json(StatusCode::OK, text),
        Answer::Json { status, text } => json(status_of(status), text),
        // These end without a response, before this is asked.
        Answer::Hang | Answer::Reset | Answer::AcceptAndReset => json(StatusCode::OK, "{}"),
    }
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
