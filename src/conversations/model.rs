//! Threads of one consumer on one channel, as values.

use crate::values::{Address, Ccid, ChannelId, ConversationId};

/// Whose message joins or opens a conversation.
#[derive(Debug, Clone, Copy)]
pub struct Consumer<'a> {
    pub ccid: Ccid,
    pub channel_id: &'a ChannelId,
    pub address: &'a Address,
    pub name: Option<&'a str>,
}

/// One thread. Times are Unix milliseconds.
#[derive(Debug, Clone)]
pub struct Conversation {
    pub id: ConversationId,
    pub channel_id: ChannelId,
    pub consumer: Address,
    pub consumer_name: Option<String>,
    pub opened_at: i64,
    pub closed_at: Option<i64>,
}
