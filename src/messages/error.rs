//! Why a call about messages is refused.

use super::item::ItemRefused;
use super::keyed::ReplyRefused;
use crate::lanes::backlog::Full;
use crate::provisioning::directory::CannotSend;

/// Closed: the mapping to HTTP in `routes` names every one.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    #[error("there is no such message")]
    UnknownMessage,
    #[error("there is no such conversation")]
    UnknownConversation,
    #[error("the conversation is closed")]
    ConversationClosed,
    #[error("only a dead letter can be retried")]
    NotDead,
    #[error(transparent)]
    LaneFull(#[from] Full),
    #[error("only a message that is Queued can be cancelled")]
    NotQueued,
    #[error(
        "the message was not cancelled: an attempt to send it is under way, try again when it has ended"
    )]
    UnderWay,
    #[error("the conversation's channel cannot send: {0}")]
    CannotSend(CannotSend),
    #[error("the Idempotency-Key was used before")]
    KeyUsed,
    #[error("{}", .0.message)]
    Item(ItemRefused),
    #[error("the store is not available")]
    Database(#[from] sqlx::Error),
}

impl From<ReplyRefused> for MessageError {
    fn from(refused: ReplyRefused) -> Self {
        match refused {
            ReplyRefused::KeyUsed => Self::KeyUsed,
            ReplyRefused::Item(refused) => Self::Item(refused),
        }
    }
}
