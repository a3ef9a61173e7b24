//! An API in the shape of Vonage's for SMS: a form in with key and secret among its fields, and 200 out whatever happens;
//! receipts come behind a `?`, texts as JSON.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Response, StatusCode};
use serde_json::json;

use super::callback::{Became, Callback, ConsumerText, Taken};
use super::dialect::Envelope;
use super::form;
use super::received::Signature;
use super::third_party::json as answer;
use crate::values::Secret;

pub(super) fn envelope(body: &[u8]) -> Envelope {
    Envelope {
        message_id: form::member(body, "client-ref"),
        sender: form::member(body, "from"),
        recipient: form::member(body, "to"),
    }
}

pub(super) fn check((key, secret): (&str, &Secret), body: &[u8]) -> Signature {
    let is = |name, expected: &str| form::member(body, name).is_some_and(|given| given == expected);
    if is("api_key", key) && is("api_secret", secret.expose()) {
        Signature::Good
    } else {
        Signature::Refused
    }
}

pub(super) fn refused() -> Response<Full<Bytes>> {
    error("4", "Bad Credentials")
}

pub(super) fn quota() -> Response<Full<Bytes>> {
    error("9", "Quota Exceeded - rejected")
}

fn error(status: &str, text: &str) -> Response<Full<Bytes>> {
    let body =
        json!({ "message-count": "1", "messages": [{ "status": status, "error-text": text }] });
    answer(StatusCode::OK, body.to_string())
}

pub(super) fn accepted(id: Option<&str>, recipient: Option<&str>) -> Response<Full<Bytes>> {
    let message =
        json!({ "to": recipient, "message-id": id, "status": "0", "message-price": "0.03" });
    let body = json!({ "message-count": "1", "messages": [message] });
    answer(StatusCode::OK, body.to_string())
}

pub(super) fn receipt(taken: &Taken, became: Became) -> Callback {
    let (status, code) = match became {
        Became::Sent => ("buffered", "0"),
        Became::Delivered => ("delivered", "0"),
        Became::Failed => ("failed", "6"),
    };
    form::get(&[
        ("msisdn", &taken.recipient),
        ("to", &taken.sender),
        ("network-code", "310260"),
        ("messageId", &taken.id),
        ("price", "0.03"),
        ("status", status),
        ("err-code", code),
    ])
}

pub(super) fn text(text: &ConsumerText) -> Callback {
    let body = json!({
        "msisdn": text.from, "to": text.to, "messageId": text.id, "text": text.text, "type": "text",
    });
    Callback::json(Method::POST, &body)
}
