use std::fmt;

use super::Media;

/// What a mail says; its addresses stand beside it. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    pub subject: String,
    /// In the order in which they came.
    pub parts: Vec<EmailPart>,
}

impl Email {
    /// All parts of one kind, one below the other; `None` where there is none.
    pub fn joined(&self, said: impl Fn(&EmailPart) -> Option<&String>) -> Option<String> {
        let parts: Vec<&str> = self
            .parts
            .iter()
            .filter_map(|part| said(part).map(String::as_str))
            .collect();
        (!parts.is_empty()).then(|| parts.join("\n"))
    }
}

/// One part of a mail. `Debug` shows what it is, not what it says.
#[derive(Clone, PartialEq, Eq)]
pub enum EmailPart {
    Text(String),
    Html(String),
    Attachment(Media),
}

impl EmailPart {
    /// The wire's word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Html(_) => "html",
            Self::Attachment(_) => "attachment",
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) | Self::Html(text) => text.len(),
            Self::Attachment(media) => media.bytes(),
        }
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Email({:?})", self.parts)
    }
}

impl fmt::Debug for EmailPart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
