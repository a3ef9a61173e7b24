//! Deliveries for tests of the rules.

use std::sync::Arc;

use uuid::Uuid;

use crate::history::model::Stream;
use crate::lanes::model::{Arrival, Delivery, LaneId, OutboundMessage, Place};
use crate::values::{Ccid, Content, MessageId, Party, Priority, TraceContext};

/// When the tests begin, Unix milliseconds.
pub const START_MS: i64 = 1_700_000_000_000;

/// The `number`th message of the tests, made at `unix_ms`.
pub fn message_id(unix_ms: i64, number: u32) -> MessageId {
    MessageId::from_parts(unix_ms, number).unwrap()
}

/// A message for the `recipient`th consumer that may be sent at once.
pub fn arrival(place: Place, recipient: u64, priority: Priority) -> Arrival {
    let party = |digits: u64| Party {
        address: format!("{digits}").parse().unwrap(),
        name: None,
    };
    let ccid = Ccid::from_uuid(Uuid::nil());
    Arrival {
        delivery: Delivery {
            ccid,
            lane: LaneId(1),
            place,
            priority,
            attempt: 0,
            due_at: None,
            expires_at: i64::MAX,
            holds_until: None,
            announced_at: None,
        },
        message: Arc::new(OutboundMessage {
            id: place.id,
            ccid,
            channel_id: "16504661149".parse().unwrap(),
            from: party(16_504_661_149),
            to: party(16_505_550_000 + recipient),
            reply_to: None,
            content: Content::Text(String::new()),
            trace: TraceContext::default(),
            conversation: None,
            priority,
            stream: Stream::Chat,
            cancelled: false,
        }),
        checked_at: None,
    }
}
