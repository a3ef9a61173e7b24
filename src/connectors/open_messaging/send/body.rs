//! The bodies of calls.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Call, Door};
use crate::connectors::open_messaging::settings::OpenMessagingSettings;
use crate::platform::clock::rfc3339;
use crate::values::{
    Address, ChannelType, Content, Email, EmailPart, Media, MediaId, MediaKind, MediaUrl,
    MessageId, ReasonCode,
};

/// Who has said something. `Debug` hides the name.
#[derive(Clone)]
pub struct Consumer<'a> {
    pub address: &'a Address,
    pub name: Option<&'a str>,
}

impl std::fmt::Debug for Consumer<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Consumer(…)")
    }
}

/// A consumer's message.
#[derive(Debug)]
pub struct Message<'a> {
    pub id: MessageId,
    pub consumer: Consumer<'a>,
    pub content: &'a Content,
}

/// What became of an agent's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Sent,
    Delivered,
    Removed,
    Failed(Option<ReasonCode>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageBody<'a> {
    channel: FromChannel<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<[AttachmentContent<'a>; 1]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FromChannel<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    from: Person<'a>,
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    custom_attributes: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Person<'a> {
    id: &'a str,
    id_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    nickname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AttachmentContent<'a> {
    content_type: &'static str,
    attachment: Attachment<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Attachment<'a> {
    media_type: &'static str,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReceiptBody<'a> {
    id: &'a str,
    channel: ToChannel<'a>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasons: Option<[ReasonBody; 1]>,
    is_final_receipt: bool,
}

#[derive(Serialize)]
struct ToChannel<'a> {
    to: Person<'a>,
    time: String,
}

#[derive(Serialize)]
struct ReasonBody {
    code: &'static str,
    message: &'static str,
}

#[derive(Serialize)]
struct EventBody<'a> {
    channel: FromChannel<'a>,
    events: [EventType; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventType {
    event_type: &'static str,
}

/// The calls that hand a message in. The API takes one attachment with each, so every further one is a message of its
/// own, named after the first. `link` says where a file of ours can be fetched.
pub fn message_calls(
    settings: &OpenMessagingSettings,
    message: &Message<'_>,
    link: &dyn Fn(MediaId) -> String,
) -> Vec<Call> {
    let text = text_of(message.content);
    let mut attachments = attachments_of(message.content, link).into_iter();
    let mut calls = Vec::new();
    loop {
        let attachment = attachments.next();
        let number = calls.len();
        // The first carries the text; one without anything would be refused.
        if attachment.is_none() && (number > 0 || text.is_none()) {
            return calls;
        }
        let message_id = match number {
            0 => message.id.to_string(),
            _ => format!("{}.{number}", message.id),
        };
        let body = MessageBody {
            channel: FromChannel {
                message_id: Some(message_id),
                from: person(&message.consumer, settings.send_profile),
                time: rfc3339(message.id.unix_ms()),
                metadata: metadata(settings),
            },
            text: text.as_deref().filter(|_| number == 0),
            content: attachment.map(|attachment| {
                [AttachmentContent {
                    content_type: "Attachment",
                    attachment,
                }]
            }),
        };
        calls.push(call(Door::Message, &body));
    }
}

/// The call that tells what became of the agent's message with this id. `at_ms` is Unix milliseconds.
pub fn receipt_call(their_id: &str, consumer: &Consumer<'_>, fate: Fate, at_ms: i64) -> Call {
    let (status, reason) = match fate {
        Fate::Sent => ("Sent", None),
        Fate::Delivered => ("Delivered", None),
        Fate::Removed => ("Removed", None),
        Fate::Failed(reason) => ("Failed", Some(reason.unwrap_or(ReasonCode::General))),
    };
    let body = ReceiptBody {
        id: their_id,
        channel: ToChannel {
            to: person(consumer, false),
            time: rfc3339(at_ms),
        },
        status,
        reasons: reason.map(|reason| {
            [ReasonBody {
                code: reason_word(reason),
                message: reason.sentence(),
            }]
        }),
        is_final_receipt: fate != Fate::Sent,
    };
    call(Door::Receipt, &body)
}

/// The call that tells that a consumer is typing. `at_ms` is Unix milliseconds.
pub fn typing_call(consumer: &Consumer<'_>, at_ms: i64) -> Call {
    let body = EventBody {
        channel: FromChannel {
            message_id: None,
            from: person(consumer, false),
            time: rfc3339(at_ms),
            metadata: None,
        },
        events: [EventType {
            event_type: "Typing",
        }],
    };
    call(Door::Event, &body)
}

fn call(door: Door, body: &impl Serialize) -> Call {
    // Texts and flags can always be written as JSON.
    let body = serde_json::to_vec(body).unwrap_or_default().into();
    Call { door, body }
}

fn metadata(settings: &OpenMessagingSettings) -> Option<Metadata<'_>> {
    let custom_attributes = &settings.custom_attributes;
    (!custom_attributes.is_empty()).then_some(Metadata { custom_attributes })
}

/// A name of several words is shown as it is, and has its last word for a family name.
fn person<'a>(consumer: &Consumer<'a>, with_profile: bool) -> Person<'a> {
    let name = consumer.name.map(str::trim);
    let name = name.filter(|name| with_profile && !name.is_empty());
    let parts = name.and_then(|name| name.rsplit_once(char::is_whitespace));
    Person {
        id: consumer.address.as_str(),
        id_type: match consumer.address.channel_type() {
            ChannelType::Sms => "Phone",
            ChannelType::Email => "Email",
        },
        nickname: name,
        first_name: parts.map(|(first, _)| first.trim_end()).or(name),
        last_name: parts.map(|(_, last)| last),
    }
}

fn text_of(content: &Content) -> Option<String> {
    let text = match content {
        Content::Text(text) => text.clone(),
        Content::RichMedia(rich) => rich.text.clone()?,
        Content::Email(mail) => text_of_mail(mail),
    };
    (!text.trim().is_empty()).then_some(text)
}

/// Agents read texts: the subject, and what the mail says in plain text, or else its HTML as it came.
fn text_of_mail(mail: &Email) -> String {
    let plain = mail.parts.iter().find_map(|part| match part {
        EmailPart::Text(text) => Some(text.as_str()),
        EmailPart::Html(_) | EmailPart::Attachment(_) => None,
    });
    let html = mail.parts.iter().find_map(|part| match part {
        EmailPart::Html(text) => Some(text.as_str()),
        EmailPart::Text(_) | EmailPart::Attachment(_) => None,
    });
    let said = plain.or(html).unwrap_or_default();
    let both = [mail.subject.as_str(), said];
    let both: Vec<&str> = both.into_iter().filter(|text| !text.is_empty()).collect();
    both.join("\n\n")
}

fn attachments_of<'a>(
    content: &'a Content,
    link: &dyn Fn(MediaId) -> String,
) -> Vec<Attachment<'a>> {
    match content {
        Content::Text(_) => Vec::new(),
        Content::RichMedia(rich) => {
            let parts = rich.parts.iter();
            parts
                .map(|part| attachment(part.kind, &part.media, link))
                .collect()
        }
        Content::Email(mail) => {
            let parts = mail.parts.iter().filter_map(|part| match part {
                EmailPart::Attachment(media) => Some(attachment(MediaKind::File, media, link)),
                EmailPart::Text(_) | EmailPart::Html(_) => None,
            });
            parts.collect()
        }
    }
}

fn attachment<'a>(
    kind: MediaKind,
    media: &'a Media,
    link: &dyn Fn(MediaId) -> String,
) -> Attachment<'a> {
    Attachment {
        media_type: match kind {
            MediaKind::Image => "Image",
            MediaKind::Video => "Video",
            MediaKind::Audio => "Audio",
            MediaKind::File => "File",
        },
        url: match &media.url {
            MediaUrl::Uploaded(id) => link(*id),
            MediaUrl::Link(url) => url.clone(),
        },
        mime: media.mime.as_deref(),
        filename: media.filename.as_deref(),
    }
}

/// The platform's word for a reason: its list of receipts' reasons is the same as ours.
fn reason_word(reason: ReasonCode) -> &'static str {
    match reason {
        ReasonCode::Expired => "MessageExpired",
        ReasonCode::RateLimit => "RateLimited",
        ReasonCode::NotAllowed => "MessageNotAllowed",
        ReasonCode::General => "GeneralError",
        ReasonCode::Unsupported => "UnsupportedMessage",
        ReasonCode::UnknownMessage => "UnknownMessage",
        ReasonCode::InvalidStructure => "InvalidMessageStructure",
        ReasonCode::InvalidDestination => "InvalidDestination",
    }
}
