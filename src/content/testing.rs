//! Any content, for tests of laws.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use uuid::Uuid;

use super::rules::ContentLimits;
use crate::values::{
    Content, Email, EmailPart, Media, MediaId, MediaKind, MediaPart, MediaUrl, RichMedia,
};

/// The built-in limits.
pub const LIMITS: ContentLimits = ContentLimits {
    parts_max: 50,
    bytes_max: 1_048_576,
};

/// Whatever a consumer may have written.
pub fn any_content() -> impl Strategy<Value = Content> {
    prop_oneof![
        any::<String>().prop_map(Content::Text),
        (any::<String>(), vec(email_part(), 1..5))
            .prop_map(|(subject, parts)| Content::Email(Email { subject, parts })),
        (option::of(any::<String>()), vec(media_part(), 1..5))
            .prop_map(|(text, parts)| Content::RichMedia(RichMedia { text, parts })),
    ]
}

fn email_part() -> impl Strategy<Value = EmailPart> {
    prop_oneof![
        any::<String>().prop_map(EmailPart::Text),
        any::<String>().prop_map(EmailPart::Html),
        media().prop_map(EmailPart::Attachment),
    ]
}

fn media_part() -> impl Strategy<Value = MediaPart> {
    let kind = prop::sample::select(MediaKind::ALL.to_vec());
    (kind, media()).prop_map(|(kind, media)| MediaPart { kind, media })
}

fn media() -> impl Strategy<Value = Media> {
    let uploaded = any::<u128>().prop_map(|id| {
        let id = MediaId::from_uuid(Uuid::from_u128(id));
        MediaUrl::Uploaded(id)
    });
    let link = "https://[a-z]{1,8}/[!-~äß]{0,20}".prop_map(MediaUrl::Link);
    let name = || option::of("\\PC{0,20}");
    (prop_oneof![uploaded, link], name(), name()).prop_map(|(url, mime, filename)| Media {
        url,
        mime,
        filename,
    })
}
