//! SparkPost's transmissions, from its documentation: one JSON document in, another out.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::AUTHORIZATION;
use hyper::{HeaderMap, Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::callback::{Became, Callback, Taken};
use super::dialect::Envelope;
use super::received::Signature;
use super::third_party::json as answer;
use crate::values::Secret;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Transmission {
    recipients: Vec<Recipient>,
    content: MailContent,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MailContent {
    from: Mailbox,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Recipient {
    address: Mailbox,
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Mailbox {
    email: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    message_id: Option<String>,
}

pub(super) fn envelope(body: &[u8]) -> Envelope {
    let transmission: Transmission = serde_json::from_slice(body).unwrap_or_default();
    let first = transmission.recipients.into_iter().next();
    let first = first.unwrap_or_default();
    Envelope {
        message_id: first.metadata.message_id,
        sender: transmission.content.from.email,
        recipient: first.address.email,
    }
}

pub(super) fn check(api_key: &Secret, headers: &HeaderMap) -> Signature {
    match headers.get(AUTHORIZATION) {
        Some(given) if given.as_bytes() == api_key.expose().as_bytes() => Signature::Good,
        Some(_) | None => Signature::Refused,
    }
}

pub(super) fn refused() -> Response<Full<Bytes>> {
    let body = json!({ "errors": [{ "message": "Unauthorized." }] });
    answer(StatusCode::UNAUTHORIZED, body.to_string())
}

pub(super) fn accepted(id: Option<&str>) -> Response<Full<Bytes>> {
    let mut results = json!({ "total_rejected_recipients": 0, "total_accepted_recipients": 1 });
    if let Some(id) = id {
        results["id"] = json!(id);
    }
    answer(StatusCode::OK, json!({ "results": results }).to_string())
}

/// A sending limit is used up.
pub(super) fn quota() -> Response<Full<Bytes>> {
    let body = json!({ "errors": [{ "message": "Exceed Sending Limit (daily)", "code": "2102" }] });
    let limit_reached = StatusCode::from_u16(420).unwrap_or(StatusCode::TOO_MANY_REQUESTS);
    answer(limit_reached, body.to_string())
}

/// A batch with one event. Its id stays the same over its attempts.
pub(super) fn receipt(taken: &Taken, became: Became) -> Callback {
    let kind = match became {
        Became::Sent => "injection",
        Became::Delivered => "delivery",
        Became::Failed => "bounce",
    };
    let event = json!({
        "type": kind, "event_id": "92356927693813856", "timestamp": "1795521600", "rcpt_to": taken.recipient,
        "rcpt_meta": { "messageId": taken.our_id }, "transmission_id": taken.id, "bounce_class": "1",
    });
    let mut callback = Callback::json(
        Method::POST,
        &json!([{ "msys": { "message_event": event } }]),
    );
    let batch = ("x-messagesystems-batch-id", format!("{kind}-{}", taken.id));
    callback.headers.push(batch);
    callback
}
