//! What a message says, and who stands at its two ends.
//!
//! How it is written and read is `content`'s business; that what is sent fits its channel, that of `messages`.

mod email;
mod media;
mod rich_media;

use std::fmt;

pub use self::email::{Email, EmailPart};
pub use self::media::{Media, MediaId, MediaIdError, MediaUrl, MediaUrlError, StoredFile};
pub use self::rich_media::{MediaKind, MediaPart, RichMedia};
use super::Address;

/// One end of a message: an address and the name to show beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    pub address: Address,
    pub name: Option<String>,
}

/// What a message says. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// One text, as SMS has it.
    Text(String),
    Email(Email),
    RichMedia(RichMedia),
}

/// Which of its forms a content has: the wire's type words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContentKind {
    Text,
    Email,
    RichMedia,
}

impl ContentKind {
    pub const ALL: [Self; 3] = [Self::Text, Self::Email, Self::RichMedia];

    /// The wire's type word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "Text",
            Self::Email => "Email",
            Self::RichMedia => "RichMedia",
        }
    }

    /// `None` for a word that is none of content's; case matters.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl Content {
    pub fn kind(&self) -> ContentKind {
        match self {
            Self::Text(_) => ContentKind::Text,
            Self::Email(_) => ContentKind::Email,
            Self::RichMedia(_) => ContentKind::RichMedia,
        }
    }

    /// How much it says: its words, links and file names, in bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Email(email) => {
                let parts = email.parts.iter().map(EmailPart::bytes);
                email.subject.len() + parts.sum::<usize>()
            }
            Self::RichMedia(rich) => {
                let parts = rich.parts.iter().map(|part| part.media.bytes());
                rich.text.as_ref().map_or(0, String::len) + parts.sum::<usize>()
            }
        }
    }

    /// The uploaded media that it refers to, each with the number of its part, in order and with repetitions; links to
    /// elsewhere are not among them.
    pub fn uploaded_media(&self) -> impl Iterator<Item = (usize, MediaId)> {
        let (email, rich): (&[EmailPart], &[MediaPart]) = match self {
            Self::Text(_) => (&[], &[]),
            Self::Email(email) => (&email.parts, &[]),
            Self::RichMedia(rich) => (&[], &rich.parts),
        };
        let attached = email.iter().map(|part| match part {
            EmailPart::Attachment(media) => Some(media),
            EmailPart::Text(_) | EmailPart::Html(_) => None,
        });
        let shown = rich.iter().map(|part| Some(&part.media));
        let parts = attached.chain(shown).enumerate();
        parts.filter_map(|(number, media)| Some((number, media?.url.uploaded()?)))
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Content::{}(..)", self.kind().as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_names_what_was_uploaded_for_it_and_nothing_else() {
        let media = |url: &str| Media {
            url: url.parse().unwrap(),
            mime: None,
            filename: None,
        };
        let uploaded = "genesys://nexus/bb4a9f86-dbbb-4464-a669-650da94fbad6";
        let id = media(uploaded).url.uploaded().unwrap();
        let elsewhere = "https://company.com/terms.pdf";
        let email = Content::Email(Email {
            subject: "Terms".to_owned(),
            parts: vec![
                EmailPart::Text(uploaded.to_owned()),
                EmailPart::Attachment(media(elsewhere)),
                EmailPart::Attachment(media(uploaded)),
            ],
        });
        let rich = Content::RichMedia(RichMedia {
            text: Some(uploaded.to_owned()),
            parts: vec![MediaPart {
                kind: MediaKind::Image,
                media: media(uploaded),
            }],
        });
        for (content, number) in [(email, 2), (rich, 0)] {
            let named: Vec<_> = content.uploaded_media().collect();
            assert_eq!(named, [(number, id)]);
        }
        let text = Content::Text(uploaded.to_owned());
        assert_eq!(text.uploaded_media().count(), 0);
    }

    #[test]
    fn printing_a_content_shows_its_kind_alone() {
        let content = Content::Text("between you and me".to_owned());
        assert_eq!(format!("{content:?}"), "Content::Text(..)");
    }
}
