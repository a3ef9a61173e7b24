//! A customer's own gateway, as the vendor's pages have it.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::callback::{Became, Callback, ConsumerText, Taken};
use super::caller::CallbackRules;
use super::client::{ReceiptToSend, receipt_message, text_message};
use super::dialect::Envelope;
use super::third_party::json as answer;
use crate::auth::signature;
use crate::values::Secret;

/// The few members of a webhook's body that are acted on, in its bare and its wrapped shape.
#[derive(Debug, Default, serde::Deserialize)]
struct Body {
    #[serde(default)]
    channel: Channel,
    #[serde(default)]
    messages: Vec<Body>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Channel {
    message_id: Option<String>,
    from: Option<Party>,
    to: Option<Party>,
}

#[derive(Debug, serde::Deserialize)]
struct Party {
    id: String,
}

pub(super) fn envelope(body: &[u8]) -> Envelope {
    let body: Body = serde_json::from_slice(body).unwrap_or_default();
    let first = body.messages.into_iter().next();
    let channel = first.map_or(body.channel, |first| first.channel);
    Envelope {
        message_id: channel.message_id,
        sender: channel.from.map(|party| party.id),
        recipient: channel.to.map(|party| party.id),
    }
}

pub(super) fn refused() -> Response<Full<Bytes>> {
    answer(
        StatusCode::UNAUTHORIZED,
        r#"{"error":"the signature is missing or wrong"}"#,
    )
}

pub(super) fn accepted(id: Option<&str>) -> Response<Full<Bytes>> {
    let body = id.map_or_else(
        || "{}".to_owned(),
        |id| json!({ "messageId": id }).to_string(),
    );
    answer(StatusCode::OK, body)
}

/// A third party has no word for what is on its way.
pub(super) fn receipt(
    taken: &Taken,
    became: Became,
    secrets: &[Secret],
    rules: &CallbackRules,
) -> Option<Callback> {
    let status = match became {
        Became::Sent => return None,
        Became::Delivered => "Delivered",
        Became::Failed => "Failed",
    };
    let receipt = receipt_message(&ReceiptToSend {
        from: &taken.sender,
        to: &taken.recipient,
        message_id: &taken.id,
        status,
        reasons: &[],
    });
    signed(&receipt, secrets, rules)
}

pub(super) fn text(
    text: &ConsumerText,
    secrets: &[Secret],
    rules: &CallbackRules,
) -> Option<Callback> {
    let message = text_message(&text.from, &text.to, &text.id, &text.text);
    signed(&message, secrets, rules)
}

/// `None`: nobody has said for which tenant, or with what to sign.
fn signed(message: &Value, secrets: &[Secret], rules: &CallbackRules) -> Option<Callback> {
    let mut callback = Callback::json(Method::POST, &json!({ "messages": [message] }));
    let key = secrets.first()?.expose().as_bytes();
    let signature = signature::sign_sha1(key, &callback.body);
    callback.headers.push(("x-ccid", rules.ccid.clone()?));
    callback.headers.push(("x-hub-signature", signature));
    Some(callback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_of_a_webhook_name_their_message_and_recipient() {
        let bare = r#"{"channel":{"to":{"id":"16505550199"},"messageId":"1-0"},"type":"Text"}"#;
        let wrapped = format!(r#"{{"messages":[{bare}]}}"#);
        for body in [bare, &wrapped] {
            let envelope = envelope(body.as_bytes());
            assert_eq!(envelope.message_id.as_deref(), Some("1-0"));
            assert_eq!(envelope.recipient.as_deref(), Some("16505550199"));
        }
        assert_eq!(envelope(b"not json"), Envelope::default());
    }
}
