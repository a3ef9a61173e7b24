//! Reads the body of `POST /channels/{channelId}/messages`: what consumers wrote and do, and receipts for what we sent.
//!
//! It reads the vendor's shape into values and names every fault. Unknown members are ignored. Who signed the body, and
//! whether it was here before, is decided elsewhere.

mod content;
#[cfg(test)]
mod content_tests;
mod event;
mod receipt;
#[cfg(test)]
mod tests;
pub mod wire;

use serde_json::Value;

pub use wire::Body;

use crate::content::document::{Fault, Noted, Object, Place};
use crate::content::rules::{ContentLimits, Writer};
use crate::values::{Address, ChannelId, Content, ContentKind, Party, ReasonCode};

/// Most messages in one body.
const MESSAGES_MAX: usize = 1_000;
/// Longest id that a third party may give a message, in characters.
const MESSAGE_ID_CHARS_MAX: usize = 255;

/// One item of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound {
    Content(InboundContent),
    Receipt(InboundReceipt),
    /// Nobody is told of it: it is over before anybody could have asked.
    Event(InboundEvent),
}

/// A message from a consumer to a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundContent {
    /// The consumer.
    pub from: Party,
    /// The channel's own address.
    pub to: Party,
    /// The third party's id, by which repetitions are known.
    pub message_id: String,
    pub content: Content,
}

/// What the third party says about a message that it got from us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundReceipt {
    /// As in the message it is about, so this is the channel's side; but the sides may be swapped.
    pub from: Address,
    pub to: Address,
    /// The id that the webhook's answer gave, or ours.
    pub message_id: String,
    pub status: ReceiptStatus,
    pub reasons: Vec<ReceiptReason>,
}

impl InboundReceipt {
    /// The side that is not the channel's: whoever the message was for.
    pub fn recipient(&self, channel: &ChannelId) -> &Address {
        if self.from.belongs_to(channel) {
            &self.to
        } else {
            &self.from
        }
    }
}

/// Statuses of the vendor's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptStatus {
    Delivered,
    Removed,
    Failed,
}

/// Why a message was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptReason {
    /// As it came, which need not be one of [`ReasonCode`].
    pub code: i32,
    pub message: Option<String>,
}

impl ReceiptReason {
    /// The code of the vendor's table, where it is one.
    pub fn known(&self) -> Option<ReasonCode> {
        u16::try_from(self.code)
            .ok()
            .and_then(ReasonCode::from_code)
    }
}

/// What a consumer does at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundEvent {
    /// The consumer.
    pub from: Party,
    /// The channel's own address.
    pub to: Party,
    pub typing: Vec<Typing>,
}

/// Somebody has begun or ended to type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Typing {
    pub on: bool,
    /// How long it may be shown, where that is said.
    pub duration_ms: Option<i32>,
}

/// Reads a body that was sent to a channel. All or nothing: one fault refuses it whole, and every fault is named.
pub fn parse(
    channel: &ChannelId,
    body: &[u8],
    limits: ContentLimits,
) -> Result<Vec<Inbound>, Vec<Fault>> {
    let mut faults = Vec::new();
    let inbound = match serde_json::from_slice(body) {
        Ok(document) => messages(channel, &Place::root(&document), limits, &mut faults),
        Err(_) => Place::root(&Value::Null).fault(
            &mut faults,
            ReasonCode::InvalidStructure,
            "is not JSON",
        ),
    };
    inbound.map_err(|Noted| faults)
}

fn messages(
    channel: &ChannelId,
    root: &Place<'_>,
    limits: ContentLimits,
    faults: &mut Vec<Fault>,
) -> Result<Vec<Inbound>, Noted> {
    let document = root.object(faults)?;
    let list = document.member("messages");
    let items = list.array(faults)?;
    if !(1..=MESSAGES_MAX).contains(&items.len()) {
        let sentence = format!("must have 1 to {MESSAGES_MAX} messages");
        return list.fault(faults, ReasonCode::InvalidStructure, sentence);
    }
    // Every item is looked at, so that every fault is named.
    let messages = items.iter().enumerate();
    let messages =
        messages.map(|(index, item)| message(channel, &list.item(index, item), limits, faults));
    messages.collect::<Vec<_>>().into_iter().collect()
}

/// Reads one item.
fn message(
    channel: &ChannelId,
    place: &Place<'_>,
    limits: ContentLimits,
    faults: &mut Vec<Fault>,
) -> Result<Inbound, Noted> {
    let message = place.object(faults)?;
    let type_place = message.member("type");
    let word = type_place.text(faults)?;
    if let Some(kind) = ContentKind::from_word(word) {
        let rules = limits.of(Writer::Consumer);
        return content::content(channel, kind, &message, &rules, faults).map(Inbound::Content);
    }
    match word {
        "Receipt" => receipt::receipt(channel, &message, faults).map(Inbound::Receipt),
        "Event" => event::event(channel, &message, faults).map(Inbound::Event),
        _ => {
            let sentence = "must be Text, Email, RichMedia, Event or Receipt";
            type_place.fault(faults, ReasonCode::Unsupported, sentence)
        }
    }
}

/// Reads `channel.messageId`.
fn message_id(envelope: &Object<'_>, faults: &mut Vec<Fault>) -> Result<String, Noted> {
    let place = envelope.member("messageId");
    let id = place.text(faults)?;
    let length = id.chars().count();
    if !(1..=MESSAGE_ID_CHARS_MAX).contains(&length) || id.contains(char::is_control) {
        let sentence =
            format!("must be 1 to {MESSAGE_ID_CHARS_MAX} characters without control characters");
        return place.fault(faults, ReasonCode::InvalidStructure, sentence);
    }
    Ok(id.to_owned())
}

/// Reads `id` of one side.
fn address(side: &Object<'_>, faults: &mut Vec<Fault>) -> Result<Address, Noted> {
    let place = side.member("id");
    match place.text(faults)?.parse::<Address>() {
        Ok(address) => Ok(address),
        Err(error) => place.fault(faults, ReasonCode::InvalidDestination, error.to_string()),
    }
}
