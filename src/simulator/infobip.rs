//! An API in Infobip's shape: JSON in with a list of messages, JSON out with another; callbacks are lists as well.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::AUTHORIZATION;
use hyper::{HeaderMap, Method, Response, StatusCode};
use serde_json::{Value, json};

use super::callback::{Became, Callback, ConsumerText, Taken};
use super::dialect::Envelope;
use super::received::Signature;
use super::third_party::json as answer;
use crate::values::Secret;

pub(super) fn envelope(body: &[u8]) -> Envelope {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = &body["messages"][0];
    let destination = &message["destinations"][0];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Envelope {
        message_id: text(&destination["messageId"]),
        sender: text(&message["from"]),
        recipient: text(&destination["to"]),
    }
}

pub(super) fn check(key: &Secret, headers: &HeaderMap) -> Signature {
    let expected = format!("App {}", key.expose());
    match headers.get(AUTHORIZATION) {
        Some(given) if given.as_bytes() == expected.as_bytes() => Signature::Good,
        Some(_) | None => Signature::Refused,
    }
}

pub(super) fn refused() -> Response<Full<Bytes>> {
    error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED")
}

pub(super) fn quota() -> Response<Full<Bytes>> {
    error(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS")
}

fn error(status: StatusCode, id: &str) -> Response<Full<Bytes>> {
    let fault = json!({ "messageId": id, "text": "as the word says" });
    let body = json!({ "requestError": { "serviceException": fault } });
    answer(status, body.to_string())
}

pub(super) fn accepted(id: Option<&str>, recipient: Option<&str>) -> Response<Full<Bytes>> {
    let status =
        json!({ "groupId": 1, "groupName": "PENDING", "id": 26, "name": "PENDING_ACCEPTED" });
    let message = json!({ "messageId": id, "status": status, "destination": recipient });
    let body = json!({ "bulkId": "bulk-1", "messages": [message] });
    answer(StatusCode::OK, body.to_string())
}

pub(super) fn receipt(taken: &Taken, became: Became) -> Callback {
    let (group, name, fault) = match became {
        Became::Sent => (1, "PENDING", 0),
        Became::Delivered => (3, "DELIVERED", 0),
        Became::Failed => (2, "UNDELIVERABLE", 1),
    };
    let error = json!({ "groupId": fault, "id": fault, "permanent": fault != 0 });
    let result = json!({
        "bulkId": "bulk-1", "messageId": taken.id, "to": taken.recipient, "smsCount": 1,
        "status": { "groupId": group, "groupName": name }, "error": error,
    });
    Callback::json(Method::POST, &json!({ "results": [result] }))
}

pub(super) fn text(text: &ConsumerText) -> Callback {
    let result = json!({
        "messageId": text.id, "from": text.from, "to": text.to, "text": text.text, "cleanText": text.text,
        "receivedAt": "2026-11-22T12:00:00.000+0000", "smsCount": 1,
    });
    let body = json!({ "results": [result], "messageCount": 1, "pendingMessageCount": 0 });
    Callback::json(Method::POST, &body)
}
