//! Messages as they are accepted.

use std::sync::Arc;
use std::time::Instant;

use crate::conversations::model::Consumer;
use crate::history::model::Stream;
use crate::lanes::model::{Arrival, Delivery, LaneId, OutboundMessage, Place};
use crate::suppressions::keywords::Keyword;
use crate::values::{
    Ccid, ChannelId, Content, ConversationId, MessageId, Party, Priority, TraceContext,
};

/// A message that is about to be stored. Everything in it has been validated.
#[derive(Debug)]
pub struct Draft {
    pub ccid: Ccid,
    pub channel_id: ChannelId,
    pub from: Party,
    pub to: Party,
    pub reply_to: Option<Party>,
    /// The other side's own id of it.
    pub external_id: Option<String>,
    pub content: Content,
    pub trace: TraceContext,
    /// The caller's own words about it, as JSON.
    pub metadata: Option<String>,
    pub campaign_id: Option<String>,
    pub priority: Priority,
    pub stream: Stream,
    /// Where a message with the same key must not be stored twice.
    pub fingerprint: Option<Fingerprint>,
    pub purpose: Purpose,
}

/// What makes two messages the same, and what makes them differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    /// Over channel, direction and the other side's message id.
    pub key: [u8; 16],
    /// Over everything that a repeat must have in common.
    pub content: [u8; 16],
}

/// What an accepted message is for.
#[derive(Debug)]
pub enum Purpose {
    /// From a consumer to the contact centre.
    Receive { keyword: Option<Keyword> },
    /// From the contact centre to a consumer. Times are Unix milliseconds.
    Send {
        lane: LaneId,
        due_at: Option<i64>,
        expires_at: i64,
        conversation: Option<ConversationId>,
    },
}

impl Draft {
    /// The keyword that the consumer sent, if the message is one.
    pub fn keyword(&self) -> Option<Keyword> {
        match self.purpose {
            Purpose::Receive { keyword } => keyword,
            Purpose::Send { .. } => None,
        }
    }

    /// Channel and consumer of a received message that belongs to agents: it joins or opens their conversation.
    pub fn consumer_that_opens(&self) -> Option<Consumer<'_>> {
        let opens = matches!(self.purpose, Purpose::Receive { .. }) && self.stream == Stream::Chat;
        opens.then_some(Consumer {
            ccid: self.ccid,
            channel_id: &self.channel_id,
            address: &self.from.address,
            name: self.from.name.as_deref(),
        })
    }

    /// The conversation that a sent message was written in; 0 where there is none.
    pub fn given_conversation(&self) -> i64 {
        match self.purpose {
            Purpose::Send {
                conversation: Some(conversation),
                ..
            } => conversation.as_i64(),
            Purpose::Send { .. } | Purpose::Receive { .. } => 0,
        }
    }

    /// The lane that sends it; a received message has none.
    pub fn lane(&self) -> Option<LaneId> {
        match self.purpose {
            Purpose::Send { lane, .. } => Some(lane),
            Purpose::Receive { .. } => None,
        }
    }

    /// What of it may stand only once in a flush.
    pub fn exclusive(&self) -> impl Iterator<Item = Exclusive<'_>> {
        let key = self
            .fingerprint
            .map(|fingerprint| Exclusive::Key(self.ccid, fingerprint.key));
        let person = || {
            Exclusive::Keyword(
                self.ccid,
                self.channel_id.as_str(),
                self.from.address.as_str(),
            )
        };
        key.into_iter().chain(self.keyword().map(|_| person()))
    }

    /// A committed message on its way to the loop of a lane of ours; `None` for one that was received.
    /// `checked_at`: when its recipient was last found not suppressed.
    pub fn into_arrival(self, id: MessageId, stamp: i64, checked_at: Instant) -> Option<Arrival> {
        let Purpose::Send {
            lane,
            due_at,
            expires_at,
            conversation,
        } = self.purpose
        else {
            return None;
        };
        let delivery = Delivery {
            ccid: self.ccid,
            lane,
            place: Place {
                stamp,
                own: true,
                id,
            },
            priority: self.priority,
            attempt: 0,
            due_at,
            expires_at,
            holds_until: None,
            announced_at: None,
        };
        let message = OutboundMessage {
            id,
            ccid: self.ccid,
            channel_id: self.channel_id,
            from: self.from,
            to: self.to,
            reply_to: self.reply_to,
            content: self.content,
            trace: self.trace,
            conversation,
            priority: self.priority,
            stream: self.stream,
            cancelled: false,
        };
        Some(Arrival {
            delivery,
            message: Arc::new(message),
            checked_at: Some(checked_at),
        })
    }
}

/// What may stand only once in a flush: a de-duplication key, and a keyword of one person.
#[derive(Debug, PartialEq, Eq, Hash)]
pub enum Exclusive<'a> {
    Key(Ccid, [u8; 16]),
    Keyword(Ccid, &'a str, &'a str),
}

/// What became of a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    pub id: MessageId,
    /// It added or removed a suppression: the answer waits until no send under the old state can begin.
    pub suppression_changed: bool,
}

/// What became of each draft of a unit, or why nothing of it was stored.
pub type Outcome = Result<Vec<Result<Accepted, AcceptError>>, AcceptError>;

/// Why a draft or a whole unit was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AcceptError {
    #[error("a message with the same messageId and other content was accepted before")]
    Conflict {
        /// The draft at fault, counted within its unit.
        index: usize,
    },
    #[error("recipient opted out")]
    Suppressed,
    #[error("the Idempotency-Key was used before")]
    KeyUsed,
    #[error("this content cannot be stored")]
    Refused,
    #[error("nothing can be stored at this moment")]
    Unavailable,
}

impl AcceptError {
    /// The stable word.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Conflict { .. } => "conflict",
            Self::Suppressed => "suppressed",
            Self::KeyUsed => "key_used",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
        }
    }
}
