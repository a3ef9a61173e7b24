//! What an MMS carries beside its text becomes files of the tenant, and the message refers to them as it does to uploads.

use super::door::{InboundDoor, InboundError};
use crate::connectors::portico::receive::Attachment;
use crate::media::deposit::{Deposit, NotTaken};
use crate::media::error::UploadRefused;
use crate::media::file_name::FileName;
use crate::provisioning::directory::ReceivingChannel;
use crate::values::{Content, Media, MediaId, MediaKind, MediaPart, MediaUrl, RichMedia};

/// Why a message of the aggregation service is not taken.
#[derive(Debug, thiserror::Error)]
pub enum SmsRefused {
    #[error("{0}")]
    Message(#[from] InboundError),
    #[error("attachments are not taken")]
    Attachments(Vec<AttachmentRefused>),
    #[error("{0}")]
    Files(#[from] UploadRefused),
}

/// Why one attachment is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttachmentRefused {
    /// The number in its name.
    pub number: u16,
    pub why: NotTaken,
}

impl InboundDoor {
    /// The files that the attachments of one message would be. `key` is the message's own.
    pub(super) fn judge_attachments(
        &self,
        channel: &ReceivingChannel,
        key: [u8; 16],
        attachments: Vec<Attachment>,
    ) -> Result<Vec<Deposit>, SmsRefused> {
        let ccid = channel.ccid.as_uuid();
        let (mut deposits, mut refused) = (Vec::with_capacity(attachments.len()), Vec::new());
        for attachment in attachments {
            let number = attachment.number;
            let origin: [&[u8]; 3] = [ccid.as_bytes(), &key, &number.to_be_bytes()];
            let name = FileName::from_stored(format!("attachment-{number}"));
            let described = (name, attachment.declared.as_deref());
            match self.files.judge(&origin, described, attachment.bytes) {
                Ok(deposit) => deposits.push(deposit),
                Err(why) => refused.push(AttachmentRefused { number, why }),
            }
        }
        if refused.is_empty() {
            Ok(deposits)
        } else {
            Err(SmsRefused::Attachments(refused))
        }
    }
}

/// What the message says that carries these files, each under the id that `of` says.
pub(super) fn content(
    text: Option<String>,
    deposits: &[Deposit],
    of: impl Fn(&Deposit) -> MediaId,
) -> Content {
    if deposits.is_empty() {
        return Content::Text(text.unwrap_or_default());
    }
    let parts = deposits.iter().map(|deposit| {
        let facts = &deposit.file.facts;
        MediaPart {
            kind: kind(&facts.mimetype),
            media: Media {
                url: MediaUrl::Uploaded(of(deposit)),
                mime: Some(facts.mimetype.clone()),
                filename: Some(facts.file_name.to_string()),
            },
        }
    });
    Content::RichMedia(RichMedia {
        text: text.filter(|text| !text.is_empty()),
        parts: parts.collect(),
    })
}

/// What a file of a type is to whoever gets it.
fn kind(mimetype: &str) -> MediaKind {
    match mimetype.split('/').next() {
        Some("image") => MediaKind::Image,
        Some("video") => MediaKind::Video,
        Some("audio") => MediaKind::Audio,
        _ => MediaKind::File,
    }
}
