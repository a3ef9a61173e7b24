//! Suppressions as values.

use crate::values::{Address, Ccid, ChannelId, MessageId};

/// One address that a sender must not send to.
#[derive(Debug, Clone)]
pub struct Suppression {
    pub channel_id: ChannelId,
    /// As it is stored: of a person who was erased, the proof.
    pub address: String,
    /// `keyword` or `api`.
    pub source: String,
    pub reason: Option<String>,
    /// The message that asked for it, where one did.
    pub evidence: Option<MessageId>,
    /// Unix milliseconds.
    pub created_at: i64,
    pub expires_at: Option<i64>,
}

/// Who would be sent to by whom: what the gate asks about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Route {
    pub ccid: Ccid,
    pub channel_id: ChannelId,
    pub address: Address,
}
