use std::fmt;

use super::Media;

/// Pictures, sounds and files, with or without a text. `Debug` hides them.
#[derive(Clone, PartialEq, Eq)]
pub struct RichMedia {
    pub text: Option<String>,
    /// In the order in which they came.
    pub parts: Vec<MediaPart>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaPart {
    pub kind: MediaKind,
    pub media: Media,
}

/// What a medium is to whoever gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    Image,
    Video,
    Audio,
    File,
}

impl MediaKind {
    pub const ALL: [Self; 4] = [Self::Image, Self::Video, Self::Audio, Self::File];

    /// The wire's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::File => "file",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Debug for RichMedia {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RichMedia({:?})", self.parts)
    }
}
