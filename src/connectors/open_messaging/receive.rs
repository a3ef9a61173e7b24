//! What agents answer, as the platform's outbound notification webhook brings it: signed, repeated after anything but a
//! success or a plain refusal, and read leniently, since members are added without notice.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::auth::signature::is_hmac_sha256;
use crate::values::{Address, Media, MediaKind, MediaPart, ReasonCode, Secret};

/// Carries `sha256=` and the digest in base64, where the header's other users write hex.
const SCHEME: &str = "sha256=";
/// Tried in place of the secret of an unknown service.
const STAND_IN: &[u8] = b"takes as long as a secret";
/// Longest id of theirs, in characters; they have 32.
const ID_CHARS_MAX: usize = 200;
/// Attachments of one message, as many as any message has.
const ATTACHMENTS_MAX: usize = 10;

/// What a call brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Brought {
    Message(AgentMessage),
    /// A receipt, or that somebody is typing: nobody here waits for it.
    Nothing,
}

/// What an agent, or a bot, says to a consumer. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct AgentMessage {
    /// Theirs: the same again is the same message.
    pub id: String,
    pub to: Address,
    pub text: Option<String>,
    pub attachments: Vec<MediaPart>,
}

impl std::fmt::Debug for AgentMessage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "AgentMessage({})", self.id)
    }
}

/// What is wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{place} {message}")]
pub struct NotRead {
    /// As a JSON pointer; empty where the whole is at fault.
    pub place: &'static str,
    pub message: &'static str,
    pub reason: ReasonCode,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    id: Option<String>,
    r#type: Option<String>,
    channel: Option<Channel>,
    text: Option<String>,
    #[serde(default)]
    content: Vec<Part>,
    direction: Option<String>,
}

#[derive(Deserialize)]
struct Channel {
    to: Option<End>,
}

#[derive(Deserialize)]
struct End {
    id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    attachment: Option<Attachment>,
    quick_reply: Option<QuickReply>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attachment {
    media_type: Option<String>,
    url: Option<String>,
    mime: Option<String>,
    filename: Option<String>,
}

#[derive(Deserialize)]
struct QuickReply {
    text: Option<String>,
}

/// Whether a body was signed with the service's webhook secret. `signature` is the value of `X-Hub-Signature-256`. It takes
/// as long where there is no such service.
pub fn is_signed(secret: Option<&Secret>, signature: Option<&[u8]>, body: &[u8]) -> bool {
    let claimed = signature
        .and_then(|value| value.strip_prefix(SCHEME.as_bytes()))
        .and_then(|digest| STANDARD.decode(digest).ok());
    let key = secret.map_or(STAND_IN, |secret| secret.expose().as_bytes());
    is_hmac_sha256(key, body, &claimed.unwrap_or_default()) && secret.is_some()
}

/// Reads a call whose signature is right.
pub fn read(body: &[u8]) -> Result<Brought, NotRead> {
    let body: Body = serde_json::from_slice(body)
        .map_err(|_| fault("", "the body must be a message of Open Messaging in JSON"))?;
    let is_inbound = body.direction.as_deref() == Some("Inbound");
    match body.r#type.as_deref() {
        Some("Text" | "Structured") if !is_inbound => read_message(body).map(Brought::Message),
        Some("Text" | "Structured" | "Receipt" | "Event") => Ok(Brought::Nothing),
        Some(_) => Err(NotRead {
            place: "/type",
            message: "is none of Text, Structured, Receipt and Event",
            reason: ReasonCode::Unsupported,
        }),
        None => Err(fault("/type", "is missing")),
    }
}

fn read_message(body: Body) -> Result<AgentMessage, NotRead> {
    let id = body.id.filter(|id| {
        (1..=ID_CHARS_MAX).contains(&id.chars().count()) && !id.contains(char::is_control)
    });
    let id = id.ok_or_else(|| fault("/id", "must be 1 to 200 characters"))?;
    let to = body.channel.and_then(|channel| channel.to?.id);
    let to: Option<Address> = to.and_then(|to| to.parse().ok());
    let to = to.ok_or(NotRead {
        place: "/channel/to/id",
        message: "must be the phone number or email address of a consumer",
        reason: ReasonCode::InvalidDestination,
    })?;
    let mut attachments = Vec::new();
    let mut choices = Vec::new();
    for part in body.content {
        if let Some(attachment) = part.attachment {
            attachments.push(media(attachment)?);
        }
        choices.extend(part.quick_reply.and_then(|reply| reply.text));
    }
    if attachments.len() > ATTACHMENTS_MAX {
        return Err(fault("/content", "has more than 10 attachments"));
    }
    let text = text(body.text, &choices);
    if text.is_none() && attachments.is_empty() {
        return Err(fault("", "a message must have a text or an attachment"));
    }
    Ok(AgentMessage {
        id,
        to,
        text,
        attachments,
    })
}

/// Choices that a phone cannot show as buttons are lines below the text.
fn text(text: Option<String>, choices: &[String]) -> Option<String> {
    let text = text.unwrap_or_default();
    let lines = std::iter::once(text.as_str()).chain(choices.iter().map(String::as_str));
    let lines: Vec<&str> = lines.filter(|line| !line.trim().is_empty()).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn media(attachment: Attachment) -> Result<MediaPart, NotRead> {
    let url = attachment.url.and_then(|url| url.parse().ok());
    let url = url.ok_or_else(|| {
        fault(
            "/content",
            "has an attachment without a URL that can be fetched",
        )
    })?;
    Ok(MediaPart {
        kind: match attachment.media_type.as_deref() {
            Some("Image") => MediaKind::Image,
            Some("Video") => MediaKind::Video,
            Some("Audio") => MediaKind::Audio,
            Some(_) | None => MediaKind::File,
        },
        media: Media {
            url,
            mime: attachment.mime,
            filename: attachment.filename,
        },
    })
}

const fn fault(place: &'static str, message: &'static str) -> NotRead {
    NotRead {
        place,
        message,
        reason: ReasonCode::InvalidStructure,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn secret() -> Secret {
        Secret::new("It is a secret".to_owned())
    }

    fn message(with: &Value) -> Value {
        let mut body = json!({
            "id": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
            "channel": {
                "id": "a8e1c6f2", "platform": "Open", "type": "Private", "to": { "id": "15555550100" },
                "from": { "nickname": "Support", "id": "a8e1c6f2", "idType": "Opaque" },
                "time": "2026-01-31T12:00:05.123Z", "messageId": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
            },
            "type": "Text", "text": "Hi, how can I help?", "originatingEntity": "Human", "direction": "Outbound",
        });
        for (name, value) in with.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    }

    fn brought(with: &Value) -> Result<Brought, NotRead> {
        read(message(with).to_string().as_bytes())
    }

    fn said(with: &Value) -> AgentMessage {
        match brought(with).unwrap() {
            Brought::Message(message) => message,
            Brought::Nothing => panic!("nothing was brought"),
        }
    }

    #[test]
    fn an_agents_text_is_for_the_consumer_it_names() {
        let message = said(&json!({}));
        assert_eq!(message.id, "0a1b2c3d4e5f60718293a4b5c6d7e8f9");
        assert_eq!(message.to.as_str(), "15555550100");
        assert_eq!(message.text.as_deref(), Some("Hi, how can I help?"));
        assert!(!format!("{message:?}").contains("help"));
    }

    #[test]
    fn attachments_come_along_and_choices_become_lines() {
        let content = json!([
            { "contentType": "Attachment", "attachment": {
                "id": "1", "mediaType": "Image", "url": "https://api.mypurecloud.de/a.png", "mime": "image/png",
                "contentSizeBytes": 5,
            } },
            { "contentType": "QuickReply", "quickReply": { "text": "Yes", "payload": "y" } },
            { "contentType": "QuickReply", "quickReply": { "text": "No", "payload": "n" } },
        ]);
        let message = said(&json!({ "type": "Structured", "text": "Is it?", "content": content }));
        assert_eq!(message.text.as_deref(), Some("Is it?\nYes\nNo"));
        assert_eq!(message.attachments.len(), 1);
        assert_eq!(message.attachments[0].kind, MediaKind::Image);
    }

    #[test]
    fn receipts_typing_and_echoes_of_consumers_bring_nothing() {
        for with in [
            json!({ "type": "Receipt", "status": "Published" }),
            json!({ "type": "Event", "events": [{ "eventType": "Typing" }] }),
            json!({ "direction": "Inbound" }),
        ] {
            assert_eq!(brought(&with), Ok(Brought::Nothing), "{with}");
        }
    }

    #[test]
    fn what_cannot_be_sent_on_is_refused_with_its_place() {
        for (with, place) in [
            (json!({ "id": null }), "/id"),
            (json!({ "id": "" }), "/id"),
            (json!({ "channel": {} }), "/channel/to/id"),
            (
                json!({ "channel": { "to": { "id": "agent" } } }),
                "/channel/to/id",
            ),
            (json!({ "text": " " }), ""),
            (json!({ "type": "Poll" }), "/type"),
            (json!({ "type": null }), "/type"),
            (json!({ "text": 5 }), ""),
            (
                json!({ "content": [{ "attachment": { "url": "file:///etc/passwd" } }] }),
                "/content",
            ),
        ] {
            assert_eq!(brought(&with).unwrap_err().place, place, "{with}");
        }
    }

    #[test]
    fn the_digest_is_base64_of_the_raw_body_and_nothing_else() {
        // echo -n '{"a":1}' | openssl dgst -sha256 -hmac 'It is a secret' -binary | base64
        let body = br#"{"a":1}"#;
        let right = "sha256=fWrUo489hHhwQPagCGv3irOFYbGXKc9W7OTWukA6mFM=";
        let fits = |signature: &str, body: &[u8]| {
            is_signed(Some(&secret()), Some(signature.as_bytes()), body)
        };
        assert!(fits(right, body));
        assert!(!fits(right, br#"{"a":2}"#));
        for wrong in [
            "",
            "sha256=",
            &right[7..],
            "sha1=fWrUo489hHhwQPagCGv3irOFYbGXKc9W7OTWukA6mFM=",
            "sha256=7d6ad4a38f3d84787040f6a0086bf78ab38561b19729cf56ece4d6ba403a9853",
            "sha256=fWrUo489hHhwQPagCGv3irOFYbGXKc9W7OTWukA6mF==",
        ] {
            assert!(!fits(wrong, body), "{wrong}");
        }
        assert!(!is_signed(Some(&secret()), None, body));
        assert!(!is_signed(None, Some(right.as_bytes()), body));
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300), json in ".{0,80}") {
            let _ = read(&body);
            let _ = brought(&json!({ "text": json, "id": json, "type": "Text" }));
        }
    }
}
