//! A customer's own gateway, as the vendor's pages have it.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};

use super::dialect::Envelope;
use super::third_party::json;

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
        recipient: channel.to.map(|party| party.id),
    }
}

pub(super) fn refused() -> Response<Full<Bytes>> {
    json(
        StatusCode::UNAUTHORIZED,
        r#"{"error":"the signature is missing or wrong"}"#,
    )
}

pub(super) fn accepted(id: Option<String>) -> Response<Full<Bytes>> {
    let body = id.map_or_else(
        || "{}".to_owned(),
        |id| serde_json::json!({ "messageId": id }).to_string(),
    );
    json(StatusCode::OK, body)
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
