//! Replicas, lanes and deliveries as values.

use std::sync::Arc;
use std::time::Instant;

use crate::history::model::Stream;
use crate::values::{
    Ccid, ChannelId, Content, ConversationId, MessageId, Party, Priority, TraceContext,
};

/// The number of one destination of one tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneId(pub i64);

/// One life of one replica: the fence of everything that it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Life {
    /// 0 to 1023; part of every id that the replica makes.
    pub number: i16,
    /// Rises each time that the number is taken.
    pub life: i64,
}

/// The place of a delivery in its lane's order. Rows that other replicas accepted under the same stamp come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    pub stamp: i64,
    pub own: bool,
    pub id: MessageId,
}

impl Place {
    /// Before every delivery.
    pub const START: Self = Self {
        stamp: -1,
        own: false,
        id: MessageId::from_i64(0),
    };
}

/// The work of handing one message to a provider, as it is stored. Times are Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    pub ccid: Ccid,
    pub lane: LaneId,
    pub place: Place,
    pub priority: Priority,
    /// Attempts that have ended.
    pub attempt: i16,
    /// `None`: at once, in order.
    pub due_at: Option<i64>,
    pub expires_at: i64,
    /// Until when successors to the same recipient wait for this one.
    pub holds_until: Option<i64>,
    /// An attempt was announced and its result is not known.
    pub announced_at: Option<i64>,
}

impl Delivery {
    /// Whether it may have been sent and has waited for a receipt: it fell due after its announcement.
    pub fn was_held(&self) -> bool {
        let times = self.announced_at.zip(self.due_at);
        times.is_some_and(|(announced_at, due_at)| due_at > announced_at)
    }
}

/// What an attempt needs to know about its message; everything that a provider's request is rendered from.
#[derive(Debug, Clone)]
pub struct OutboundMessage {
    pub id: MessageId,
    pub ccid: Ccid,
    pub channel_id: ChannelId,
    pub from: Party,
    pub to: Party,
    pub reply_to: Option<Party>,
    pub content: Content,
    pub trace: TraceContext,
    pub conversation: Option<ConversationId>,
    pub priority: Priority,
    /// Whose events it makes.
    pub stream: Stream,
    /// It was called back before it was read, so nothing of it may be sent.
    pub cancelled: bool,
}

/// A delivery with its message, on its way to a sender.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub delivery: Delivery,
    pub message: Arc<OutboundMessage>,
    /// When the statement was sent that found no suppression for it; `None` where none has looked.
    pub checked_at: Option<Instant>,
}
