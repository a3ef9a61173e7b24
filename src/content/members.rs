//! Writes what a message says: the members `text`, `subject` and `content`, in the order of the vendor's examples.
//!
//! The same content gives the same members, so whoever writes it again writes the same bytes.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use crate::values::{
    Content, ContentKind, Email, EmailPart, Media, MediaId, MediaKind, MediaPart, MediaUrl,
    RichMedia,
};

/// Turns an uploaded medium into what the reader of a message finds it by.
pub type Link<'a> = &'a dyn Fn(MediaId) -> String;

/// The members of a message that say something. Absent ones are left out.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Content)]
pub struct Members<'a> {
    /// Of a `Text`, and of `RichMedia` that says something too.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Cow<'a, str>>,
    /// Of an `Email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Cow<'a, str>>,
    /// Of an `Email` and of `RichMedia`.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Vec<PartMembers<'a>>>,
}

/// A part of a mail (`text`, `html`, `attachment`) or a medium of a message (`image`, `video`, `audio`, `file`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ContentPart, examples(json!({
    "type": "image", "url": "https://example.com/parcel.png", "mime": "image/png", "filename": "parcel.png",
})))]
pub struct PartMembers<'a> {
    #[schema(schema_with = part_types)]
    r#type: Cow<'a, str>,
    /// Of `text` and `html`.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Cow<'a, str>>,
    /// Of the others: a URL, or `genesys://nexus/<mediaId>` for a file that was uploaded here.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 255)]
    mime: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 255)]
    filename: Option<Cow<'a, str>>,
}

fn part_types() -> Object {
    let media = ["image", "video", "audio", "file"];
    let of_mail = ["text", "html", "attachment"];
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(of_mail.into_iter().chain(media)))
        .build()
}

impl<'a> Members<'a> {
    /// As messages carry them, with each uploaded medium as the link that `link` makes of it.
    pub fn of(content: &'a Content, link: Link<'_>) -> Self {
        match content {
            Content::Text(text) => Self {
                text: Some(text.into()),
                ..Self::default()
            },
            Content::Email(email) => Self {
                subject: Some((&email.subject).into()),
                content: Some(
                    email
                        .parts
                        .iter()
                        .map(|part| email_part(part, link))
                        .collect(),
                ),
                ..Self::default()
            },
            Content::RichMedia(rich) => {
                let part = |part: &'a MediaPart| media(part.kind.as_str(), &part.media, link);
                Self {
                    text: rich.text.as_ref().map(Cow::from),
                    content: Some(rich.parts.iter().map(part).collect()),
                    ..Self::default()
                }
            }
        }
    }
}

impl Members<'static> {
    /// The members of a stored message, with uploaded media as references; none of a kind of a later release.
    pub fn from_stored(kind: &str, stored: String) -> Self {
        match ContentKind::from_word(kind) {
            Some(ContentKind::Text) => Self {
                text: Some(stored.into()),
                ..Self::default()
            },
            Some(ContentKind::Email | ContentKind::RichMedia) => {
                serde_json::from_str(&stored).unwrap_or_default()
            }
            None => Self::default(),
        }
    }
}

/// The form that is stored beside the kind, and by which repetitions are compared: a text as it is, the members of
/// anything else as JSON.
///
/// # Panics
///
/// Never: texts and objects with fixed members can always be written as JSON.
pub fn stored(content: &Content) -> Cow<'_, str> {
    match content {
        Content::Text(text) => text.into(),
        Content::Email(_) | Content::RichMedia(_) => {
            let members = Members::of(content, &MediaId::reference);
            let written = serde_json::to_string(&members);
            written
                .expect("texts and fixed members can be written as JSON")
                .into()
        }
    }
}

/// Reads what [`stored`] gave; `None` for a kind of a later release.
pub fn from_stored(kind: &str, stored: String) -> Option<Content> {
    let kind = ContentKind::from_word(kind)?;
    let members = Members::from_stored(kind.as_str(), stored);
    let parts = members.content.unwrap_or_default();
    match kind {
        ContentKind::Text => Some(Content::Text(members.text?.into_owned())),
        ContentKind::Email => Some(Content::Email(Email {
            subject: members.subject?.into_owned(),
            parts: parts
                .into_iter()
                .map(stored_email_part)
                .collect::<Option<_>>()?,
        })),
        ContentKind::RichMedia => Some(Content::RichMedia(RichMedia {
            text: members.text.map(Cow::into_owned),
            parts: parts
                .into_iter()
                .map(stored_media_part)
                .collect::<Option<_>>()?,
        })),
    }
}

fn email_part<'a>(part: &'a EmailPart, link: Link<'_>) -> PartMembers<'a> {
    match part {
        EmailPart::Text(text) | EmailPart::Html(text) => PartMembers {
            text: Some(text.into()),
            ..PartMembers::named(part.as_str())
        },
        EmailPart::Attachment(attached) => media(part.as_str(), attached, link),
    }
}

fn media<'a>(word: &'a str, media: &'a Media, link: Link<'_>) -> PartMembers<'a> {
    let url = match &media.url {
        MediaUrl::Uploaded(id) => link(*id).into(),
        MediaUrl::Link(elsewhere) => elsewhere.into(),
    };
    PartMembers {
        url: Some(url),
        mime: media.mime.as_ref().map(Cow::from),
        filename: media.filename.as_ref().map(Cow::from),
        ..PartMembers::named(word)
    }
}

fn stored_email_part(part: PartMembers<'static>) -> Option<EmailPart> {
    match &*part.r#type {
        "text" => Some(EmailPart::Text(part.text?.into_owned())),
        "html" => Some(EmailPart::Html(part.text?.into_owned())),
        "attachment" => stored_media(part).map(EmailPart::Attachment),
        _ => None,
    }
}

fn stored_media_part(part: PartMembers<'static>) -> Option<MediaPart> {
    let kind = MediaKind::from_word(&part.r#type)?;
    let media = stored_media(part)?;
    Some(MediaPart { kind, media })
}

fn stored_media(part: PartMembers<'static>) -> Option<Media> {
    Some(Media {
        url: part.url?.parse().ok()?,
        mime: part.mime.map(Cow::into_owned),
        filename: part.filename.map(Cow::into_owned),
    })
}

impl<'a> PartMembers<'a> {
    fn named(word: &'a str) -> Self {
        Self {
            r#type: word.into(),
            text: None,
            url: None,
            mime: None,
            filename: None,
        }
    }
}
