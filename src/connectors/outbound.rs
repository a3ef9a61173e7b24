//! What every connector is given to send: one message to one person.

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
