//! Mails as they travel (RFC 5322, MIME), read into what a message says.
//!
//! Words are decoded by a library. What holds others is taken apart here, to a depth and a number that are bounded, and a
//! mail within a mail is not opened: nobody outside decides how deep this program goes.

mod automatic;
mod parts;
#[cfg(test)]
mod tests;

use mail_parser::{Message, MessageParser};

use self::parts::{Parts, split};
use crate::values::Address;

/// Bytes of the longest head.
const HEAD_BYTES_MAX: usize = 65_536;
/// Characters of the longest subject, id and name that are kept.
const SUBJECT_CHARS_MAX: usize = 998;
const NAME_CHARS_MAX: usize = 255;

/// What a mail says.
#[derive(Debug, Default)]
pub struct Mail {
    /// Who wrote it, as the mail says it.
    pub from: Option<Address>,
    pub from_name: Option<String>,
    /// Its `Message-ID`.
    pub id: Option<String>,
    pub subject: String,
    /// In the order in which they stand.
    pub texts: Vec<Words>,
    pub attachments: Vec<Attached>,
    /// A program has written it, such as an answer of somebody who is away: whoever answers it may never come to an end.
    pub is_automatic: bool,
    /// There was more in it than is taken apart.
    pub is_cut: bool,
}

/// Something to read. `Debug` shows what it is, not what it says.
#[derive(Clone, PartialEq, Eq)]
pub enum Words {
    Plain(String),
    Html(String),
}

/// A file in a mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Attached {
    pub name: Option<String>,
    /// Its media type, such as `image/png`, as the mail calls it.
    pub declared: Option<String>,
    pub bytes: Vec<u8>,
}

/// The bytes are no mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAMail {
    #[error("the mail has no headers")]
    Headless,
    #[error("the headers of the mail have more than {HEAD_BYTES_MAX} bytes")]
    LongHead,
}

/// Reads a whole mail.
pub fn read(bytes: &[u8]) -> Result<Mail, NotAMail> {
    let (head, _) = split(bytes);
    if head.len() > HEAD_BYTES_MAX {
        return Err(NotAMail::LongHead);
    }
    let headers = MessageParser::default().parse_headers(head);
    let headers = headers.ok_or(NotAMail::Headless)?;
    let mut parts = Parts::default();
    parts.take_apart(bytes);
    let (from, from_name) = author(&headers);
    let kept = |text: &str, chars_max| -> String { storable(text).take(chars_max).collect() };
    Ok(Mail {
        from,
        from_name: from_name.map(|name| kept(&name, NAME_CHARS_MAX)),
        id: headers.message_id().map(|id| kept(id, SUBJECT_CHARS_MAX)),
        subject: kept(headers.subject().unwrap_or_default(), SUBJECT_CHARS_MAX),
        texts: parts.texts,
        attachments: parts.attachments,
        is_automatic: automatic::is(head),
        is_cut: parts.is_cut,
    })
}

fn author(headers: &Message<'_>) -> (Option<Address>, Option<String>) {
    let Some(author) = headers.from().and_then(|from| from.first()) else {
        return (None, None);
    };
    let address = author
        .address
        .as_deref()
        .and_then(|text| text.trim().parse().ok());
    let name = author.name.as_deref().map(str::trim);
    (
        address,
        name.filter(|name| !name.is_empty()).map(str::to_owned),
    )
}

/// Without what the store cannot hold.
fn storable(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|character| *character != '\0')
}

impl std::fmt::Debug for Words {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Plain(_) => "Plain(..)",
            Self::Html(_) => "Html(..)",
        })
    }
}

impl std::fmt::Debug for Attached {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Attached({} bytes)", self.bytes.len())
    }
}
