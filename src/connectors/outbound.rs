//! What every connector is given to send: one message to one person.

use serde::Serialize;

use crate::content::members::Link;
use crate::values::{ChannelId, Content, MessageId, Party};

/// A message that goes to one person.
#[derive(Clone)]
pub struct Outbound<'a> {
    pub channel_id: &'a ChannelId,
    pub from: &'a Party,
    pub to: &'a Party,
    pub message_id: MessageId,
    pub reply_to: Option<&'a Party>,
    /// To many people, so that each of them has to be able to end it.
    pub is_bulk: bool,
    /// Where its recipient ends it with one click: of a mail to many people alone, and the same for every attempt.
    pub unsubscribe_link: Option<&'a str>,
    pub content: &'a Content,
    /// Where the other side finds what was uploaded; the same for every attempt.
    pub link: Link<'a>,
}

impl std::fmt::Debug for Outbound<'_> {
    /// Shows no content, which is nobody's business in a log.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Outbound({})", self.message_id)
    }
}

/// The headers of a mail that its recipient can end with one click (RFC 8058).
#[derive(Serialize)]
pub struct UnsubscribeHeaders {
    #[serde(rename = "List-Unsubscribe")]
    link: String,
    #[serde(rename = "List-Unsubscribe-Post")]
    post: &'static str,
}

impl UnsubscribeHeaders {
    /// Those of a message, if it has such a link.
    pub fn of(message: &Outbound<'_>) -> Option<Self> {
        message.unsubscribe_link.map(|link| Self {
            link: format!("<{link}>"),
            post: "List-Unsubscribe=One-Click",
        })
    }
}

impl std::fmt::Debug for UnsubscribeHeaders {
    /// Whoever has the link can use it.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("UnsubscribeHeaders(..)")
    }
}
