//! An API in Twilio's shape: a form in under HTTP Basic, JSON out; callbacks are forms.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{HeaderMap, Response, StatusCode};
use serde_json::json;

use super::callback::{Became, Callback, ConsumerText, Taken};
use super::dialect::Envelope;
use super::form;
use super::mgage;
use super::received::Signature;
use super::third_party::json as answer;
use crate::values::Secret;

pub(super) fn envelope(body: &[u8]) -> Envelope {
    let number = |name| form::member(body, name).map(|number| digits(&number));
    Envelope {
        message_id: None,
        sender: number("From"),
        recipient: number("To"),
    }
}

fn digits(number: &str) -> String {
    number.trim_start_matches('+').to_owned()
}

pub(super) fn check((account, token): (&str, &Secret), headers: &HeaderMap) -> Signature {
    mgage::check((account, token), headers)
}

pub(super) fn refused() -> Response<Full<Bytes>> {
    error(StatusCode::UNAUTHORIZED, 20003, "Authenticate")
}

pub(super) fn quota() -> Response<Full<Bytes>> {
    error(StatusCode::TOO_MANY_REQUESTS, 20429, "Too Many Requests")
}

fn error(status: StatusCode, code: u32, message: &str) -> Response<Full<Bytes>> {
    let body = json!({ "code": code, "message": message, "status": status.as_u16() });
    answer(status, body.to_string())
}

pub(super) fn accepted(id: Option<&str>) -> Response<Full<Bytes>> {
    let body = json!({ "sid": id, "status": "queued", "num_segments": "1", "error_code": null });
    answer(StatusCode::CREATED, body.to_string())
}

/// The id of the text that is the `number`th.
pub(super) fn id(number: u64) -> String {
    format!("SM{number:032x}")
}

pub(super) fn receipt(taken: &Taken, became: Became) -> Callback {
    let (status, code) = match became {
        Became::Sent => ("sent", ""),
        Became::Delivered => ("delivered", ""),
        Became::Failed => ("undelivered", "30005"),
    };
    form::post(&[
        ("MessageSid", &taken.id),
        ("MessageStatus", status),
        ("ErrorCode", code),
        ("To", &plus(&taken.recipient)),
        ("From", &plus(&taken.sender)),
        ("AccountSid", "AC1"),
    ])
}

pub(super) fn text(text: &ConsumerText) -> Callback {
    form::post(&[
        ("MessageSid", &text.id),
        ("SmsStatus", "received"),
        ("From", &plus(&text.from)),
        ("To", &plus(&text.to)),
        ("Body", &text.text),
        ("NumMedia", "0"),
        ("NumSegments", "1"),
    ])
}

fn plus(number: &str) -> String {
    format!("+{number}")
}
