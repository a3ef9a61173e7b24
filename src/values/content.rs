//! What a message says, and who stands at its two ends.

use std::fmt;

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
    /// Wire type `Text`.
    Text(String),
}

impl Content {
    /// The wire's type word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "Text",
        }
    }

    /// The form that is stored beside [`Content::kind`].
    pub fn stored(&self) -> &str {
        match self {
            Self::Text(text) => text,
        }
    }

    /// Reads what [`Content::stored`] gave; `None` for a kind of a later release.
    pub fn from_stored(kind: &str, stored: String) -> Option<Self> {
        match kind {
            "Text" => Some(Self::Text(stored)),
            _ => None,
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Content::{}(..)", self.kind())
    }
}
