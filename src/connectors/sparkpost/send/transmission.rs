//! The JSON of a transmission.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::connectors::outbound::{Outbound, UnsubscribeHeaders};
use crate::values::{Content, Email, EmailPart, MediaUrl, Party, StoredFile};

/// A mail to one recipient.
#[derive(Serialize)]
pub(super) struct Transmission<'a> {
    options: Options,
    recipients: [Recipient<'a>; 1],
    content: MailContent<'a>,
}

#[derive(Serialize)]
struct Options {
    /// Of one person's business: SparkPost adds nothing, and holds back only for those who want no mail at all.
    transactional: bool,
    /// What stands in braces is the sender's own text.
    perform_substitutions: bool,
}

#[derive(Serialize)]
struct Recipient<'a> {
    address: Mailbox<'a>,
    metadata: Metadata,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    message_id: String,
}

#[derive(Serialize)]
struct Mailbox<'a> {
    email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct MailContent<'a> {
    from: Mailbox<'a>,
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<UnsubscribeHeaders>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment<'a>>,
}

#[derive(Serialize)]
struct Attachment<'a> {
    name: &'a str,
    r#type: &'a str,
    /// Base64 without line breaks.
    data: String,
}

impl<'a> Transmission<'a> {
    /// `None`: this content is no mail, or something attached to it is not among the files.
    pub(super) fn of(message: &Outbound<'a>, files: &'a [StoredFile]) -> Option<Self> {
        let Content::Email(mail) = message.content else {
            return None;
        };
        Some(Self {
            options: Options {
                transactional: !message.is_bulk,
                perform_substitutions: false,
            },
            recipients: [Recipient {
                address: message.to.into(),
                metadata: Metadata {
                    message_id: message.message_id.to_string(),
                },
            }],
            content: MailContent {
                from: message.from.into(),
                subject: &mail.subject,
                reply_to: message.reply_to.map(|party| party.address.as_str()),
                headers: UnsubscribeHeaders::of(message),
                text: mail.joined(|part| match part {
                    EmailPart::Text(text) => Some(text),
                    EmailPart::Html(_) | EmailPart::Attachment(_) => None,
                }),
                html: mail.joined(|part| match part {
                    EmailPart::Html(html) => Some(html),
                    EmailPart::Text(_) | EmailPart::Attachment(_) => None,
                }),
                attachments: attachments(mail, files)?,
            },
        })
    }
}

fn attachments<'a>(mail: &Email, files: &'a [StoredFile]) -> Option<Vec<Attachment<'a>>> {
    let attached = mail.parts.iter().filter_map(|part| match part {
        EmailPart::Attachment(media) => Some(&media.url),
        EmailPart::Text(_) | EmailPart::Html(_) => None,
    });
    let attached = attached.map(|url| {
        let MediaUrl::Uploaded(id) = url else {
            return None;
        };
        let file = files.iter().find(|file| file.id == *id)?;
        Some(Attachment {
            name: &file.name,
            r#type: &file.mimetype,
            data: STANDARD.encode(&file.bytes),
        })
    });
    attached.collect()
}

impl<'a> From<&'a Party> for Mailbox<'a> {
    fn from(party: &'a Party) -> Self {
        Self {
            email: party.address.as_str(),
            name: party.name.as_deref(),
        }
    }
}
