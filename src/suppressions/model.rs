//! Suppressions as values.

use crate::values::{Address, Ccid, ChannelId, MessageId};

/// One address that a sender must not send to.
#[derive(Debug, Clone)]
pub struct Suppression {
    pub channel_id: ChannelId,
    /// As it is stored: of a person who was erased, the proof.
    pub address: String,
    /// A word of [`Source`].
    pub source: String,
    pub reason: Option<String>,
    /// The message that asked for it, where one did.
    pub evidence: Option<MessageId>,
    /// Unix milliseconds.
    pub created_at: i64,
    pub expires_at: Option<i64>,
}

/// Who suppressed an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The person, by a word.
    Keyword,
    /// An application.
    Api,
    /// Nobody is there: what was sent came back.
    Bounce,
    /// The person called what was sent spam.
    Complaint,
    /// The person, by the link in a mail.
    Unsubscribe,
}

impl Source {
    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keyword => "keyword",
            Self::Api => "api",
            Self::Bounce => "bounce",
            Self::Complaint => "complaint",
            Self::Unsubscribe => "unsubscribe",
        }
    }
}

/// Who would be sent to by whom: what the gate asks about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Route {
    pub ccid: Ccid,
    pub channel_id: ChannelId,
    pub address: Address,
}

/// What is told about one address of a sender: that it must not be sent to any more.
#[derive(Debug, Clone)]
pub struct OptOut {
    pub channel_id: ChannelId,
    pub address: Address,
    pub source: Source,
    pub reason: Option<String>,
    /// The message that led to it, where it is known.
    pub evidence: Option<MessageId>,
}
