//! Kaleyra.io's REST API, from what public clients of it agree on: a form in under a key, JSON out; callbacks are forms.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{HeaderMap, Response, StatusCode};
use serde_json::json;

use super::callback::{Became, Callback, ConsumerText, Taken};
use super::dialect::Envelope;
use super::form;
use super::received::Signature;
use super::third_party::json as answer;
use crate::values::Secret;

pub(super) fn envelope(body: &[u8]) -> Envelope {
    Envelope {
        message_id: form::member(body, "ref"),
        sender: form::member(body, "sender"),
        recipient: form::member(body, "to"),
    }
}

pub(super) fn check(key: &Secret, headers: &HeaderMap) -> Signature {
    match headers.get("api-key") {
        Some(given) if given.as_bytes() == key.expose().as_bytes() => Signature::Good,
        Some(_) | None => Signature::Refused,
    }
}

pub(super) fn refused() -> Response<Full<Bytes>> {
    let body = json!({ "error": { "code": "RBC001", "message": "Invalid API key" } });
    answer(StatusCode::UNAUTHORIZED, body.to_string())
}

pub(super) fn accepted(id: Option<&str>, recipient: Option<&str>) -> Response<Full<Bytes>> {
    let data = json!([{ "message_id": id, "recipient": recipient }]);
    let body = json!({ "id": "2c8a", "type": "DEFAULT", "data": data, "error": {} });
    answer(StatusCode::ACCEPTED, body.to_string())
}

pub(super) fn receipt(taken: &Taken, became: Became) -> Callback {
    let (status, trace) = match became {
        Became::Sent => ("sent", "SUBMITTED"),
        Became::Delivered => ("delivered", "DELIVRD"),
        Became::Failed => ("Undelivered", "INVALID-SUB"),
    };
    form::post(&[
        ("id", &taken.id),
        ("status", status),
        ("status_trace", trace),
        ("recipient", &taken.recipient),
    ])
}

pub(super) fn text(text: &ConsumerText) -> Callback {
    form::post(&[
        ("source", &text.from),
        ("recipient", &text.to),
        ("id", &text.id),
        ("message", &text.text),
        ("keyword", ""),
        ("timestamp", "2026-11-22 12:00:00"),
    ])
}
