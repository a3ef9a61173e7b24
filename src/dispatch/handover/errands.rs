//! From events of the feed to what agents' platform is called with.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::PgConnection;

use crate::connectors::open_messaging::send::{
    Call, Consumer, Fate, Message, message_calls, receipt_call,
};
use crate::content::members::from_stored;
use crate::history::model::{Kind, Recorded};
use crate::media::references::References;
use crate::messages::agents::their_id;
use crate::messages::status::Status;
use crate::messages::store::read::{self, Direction, Stored};
use crate::messages::view::detail;
use crate::provisioning::directory::Handover;
use crate::values::{Address, MessageId, ReasonCode};

/// What is to be done about one event.
#[derive(Debug)]
pub(super) struct Errand {
    /// Whom it is about: what is about one consumer is done in order.
    pub(super) consumer: String,
    pub(super) message: MessageId,
    /// Those that were not taken yet.
    pub(super) calls: Vec<Call>,
    /// Since when it alone is not taken (Unix ms).
    pub(super) failing_since: Option<i64>,
}

/// The event types that can concern agents.
pub(super) const TYPES: [&str; 2] = ["message.received", "message.status"];

/// What these events ask for, in their order.
pub(super) async fn errands(
    connection: &mut PgConnection,
    handover: &Handover,
    entries: &[Recorded],
    media: &References,
) -> sqlx::Result<Vec<Errand>> {
    let mut ids: Vec<MessageId> = entries
        .iter()
        .map(|entry| MessageId::from_i64(entry.subject))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let messages = read::by_ids(connection, handover.ccid, &ids).await?;
    let messages: HashMap<i64, Stored> = messages
        .into_iter()
        .map(|message| (message.id.as_i64(), message))
        .collect();
    let errands = entries.iter().filter_map(|entry| {
        let message = messages.get(&entry.subject)?;
        match entry.kind {
            Kind::Received => said_by_consumer(handover, message, media),
            Kind::Attempt | Kind::Receipt | Kind::Settled => became_of_agents(entry, message),
            Kind::ConversationStarted
            | Kind::ConversationFinished
            | Kind::SuppressionAdded
            | Kind::SuppressionRemoved
            | Kind::EndpointPaused
            | Kind::EndpointResumed
            | Kind::EndpointWarned
            | Kind::ReceiptUnmatched => None,
        }
    });
    Ok(errands.collect())
}

fn said_by_consumer(handover: &Handover, message: &Stored, media: &References) -> Option<Errand> {
    let channel_id = message.channel_id.parse().ok()?;
    if message.direction != Direction::Inbound || !handover.channels.contains(&channel_id) {
        return None;
    }
    let (address, name) = &message.sender;
    let consumer: Address = address.parse().ok()?;
    let content = from_stored(&message.kind, message.content.clone())?;
    let said = Message {
        id: message.id,
        consumer: Consumer {
            address: &consumer,
            name: name.as_deref(),
        },
        content: &content,
    };
    let link = |id| media.link((handover.ccid, message.id), id);
    let calls = message_calls(&handover.settings, &said, &link);
    errand(address, message.id, calls)
}

/// Agents are told of what they have said themselves.
fn became_of_agents(entry: &Recorded, message: &Stored) -> Option<Errand> {
    let their_id = their_id(message.external_id.as_deref()?)?;
    let (address, name) = &message.recipient;
    let consumer: Address = address.parse().ok()?;
    let fate = match Status::from_rank(entry.status?)? {
        Status::Queued | Status::Unknown => return None,
        Status::Sent => Fate::Sent,
        Status::Delivered => Fate::Delivered,
        Status::Removed => Fate::Removed,
        Status::Failed | Status::Bounced | Status::Cancelled => Fate::Failed(reason(entry)),
    };
    let consumer = Consumer {
        address: &consumer,
        name: name.as_deref(),
    };
    let at_ms = MessageId::from_i64(entry.id).unix_ms();
    let call = receipt_call(their_id, &consumer, fate, at_ms);
    errand(address, message.id, vec![call])
}

fn reason(entry: &Recorded) -> Option<ReasonCode> {
    let code = detail(entry)
        .pointer("/reasons/0/code")
        .and_then(Value::as_u64)?;
    ReasonCode::from_code(u16::try_from(code).ok()?)
}

fn errand(consumer: &str, message: MessageId, calls: Vec<Call>) -> Option<Errand> {
    (!calls.is_empty()).then(|| Errand {
        consumer: consumer.to_owned(),
        message,
        calls,
        failing_since: None,
    })
}
