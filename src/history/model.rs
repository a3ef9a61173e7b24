//! One entry: an attempt, a receipt or an event, or several of these at once.

use crate::values::{Ccid, MessageId};

/// Which consumers an event is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Agents and their conversations.
    Chat,
    /// Campaigns.
    Cxc,
    /// Both of them.
    Both,
}

impl Stream {
    /// As stored; 0 is kept for what no consumer sees.
    pub fn as_i16(self) -> i16 {
        match self {
            Self::Chat => 1,
            Self::Cxc => 2,
            Self::Both => 3,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Cxc => "cxc",
            Self::Both => "all",
        }
    }

    pub fn from_i16(number: i16) -> Option<Self> {
        match number {
            1 => Some(Self::Chat),
            2 => Some(Self::Cxc),
            3 => Some(Self::Both),
            _ => None,
        }
    }
}

/// What happened. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A consumer's message was accepted. The entry's id is the message's.
    Received,
    /// An attempt ended.
    Attempt,
    /// A provider told what became of a message.
    Receipt,
    ConversationStarted,
    SuppressionAdded,
    SuppressionRemoved,
    ConversationFinished,
    EndpointPaused,
    EndpointResumed,
    /// An endpoint fails again and again.
    EndpointWarned,
    /// A message ended or began anew without an attempt: expired, suppressed, retried by hand.
    Settled,
    /// A parked receipt was given up: its message never became known.
    ReceiptUnmatched,
}

impl Kind {
    pub const ALL: [Self; 12] = [
        Self::Received,
        Self::Attempt,
        Self::Receipt,
        Self::ConversationStarted,
        Self::SuppressionAdded,
        Self::SuppressionRemoved,
        Self::ConversationFinished,
        Self::EndpointPaused,
        Self::EndpointResumed,
        Self::EndpointWarned,
        Self::Settled,
        Self::ReceiptUnmatched,
    ];

    /// As stored.
    pub fn as_i16(self) -> i16 {
        match self {
            Self::Received => 1,
            Self::Attempt => 2,
            Self::Receipt => 3,
            Self::ConversationStarted => 4,
            Self::SuppressionAdded => 5,
            Self::SuppressionRemoved => 6,
            Self::ConversationFinished => 7,
            Self::EndpointPaused => 8,
            Self::EndpointResumed => 9,
            Self::Settled => 10,
            Self::ReceiptUnmatched => 11,
            Self::EndpointWarned => 12,
        }
    }

    /// `None` for a kind of a later release.
    pub fn from_i16(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_i16() == number)
    }

    /// The type of its event in the feed.
    pub fn event_type(self) -> &'static str {
        match self {
            Self::Received => "message.received",
            Self::Attempt | Self::Receipt | Self::Settled => "message.status",
            Self::ConversationStarted => "conversation.started",
            Self::ConversationFinished => "conversation.finished",
            Self::SuppressionAdded => "suppression.added",
            Self::SuppressionRemoved => "suppression.removed",
            Self::EndpointPaused => "endpoint.paused",
            Self::EndpointResumed => "endpoint.resumed",
            Self::EndpointWarned => "endpoint.warned",
            Self::ReceiptUnmatched => "receipt.unmatched",
        }
    }
}

/// One entry that is about to be written.
#[derive(Debug, Clone)]
pub struct Entry {
    pub ccid: Ccid,
    pub id: i64,
    /// The message, conversation or lane that it is about.
    pub subject: i64,
    pub kind: Kind,
    /// `None`: it is no event, and the feed passes it over.
    pub stream: Option<Stream>,
    /// Rank of the status that it set, where it set one.
    pub status: Option<i16>,
    /// What else there is to say, as JSON.
    pub detail: Option<String>,
}

impl Entry {
    /// An event that says nothing but that it happened.
    pub fn event(ccid: Ccid, id: i64, subject: i64, kind: Kind, stream: Stream) -> Self {
        Self {
            ccid,
            id,
            subject,
            kind,
            stream: Some(stream),
            status: None,
            detail: None,
        }
    }

    /// A message's new status by a decision rather than by an attempt or a receipt.
    pub fn settled(
        (ccid, message): (Ccid, MessageId),
        id: i64,
        stream: Stream,
        status_rank: i16,
    ) -> Self {
        Self {
            status: Some(status_rank),
            ..Self::event(ccid, id, message.as_i64(), Kind::Settled, stream)
        }
    }
}

/// One entry as it is read.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub id: i64,
    pub subject: i64,
    pub kind: Kind,
    pub stream: Option<Stream>,
    pub status: Option<i16>,
    pub detail: Option<String>,
    /// The transaction that wrote it.
    pub transaction: i64,
}

/// Up to where the feed can be read, and whether anything is behind that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Horizon {
    /// The oldest open write transaction of the whole server; the feed is read below it.
    pub oldest_open: i64,
    /// The first transaction that has not begun.
    pub next: i64,
}
