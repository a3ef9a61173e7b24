//! Reads the body of `POST /channels/{channelId}/messages`: what consumers wrote, and receipts for what we sent.
//!
//! It reads the vendor's shape into values and names every fault. Unknown members are ignored. Who signed the body, and
//! whether it was here before, is decided elsewhere.

mod content;
mod fields;
mod receipt;
#[cfg(test)]
mod tests;

use serde_json::Value;

use self::fields::{Noted, Object, Place};
use crate::values::{Address, ChannelId, Content, Party, ReasonCode};

/// Most messages in one body.
const MESSAGES_MAX: usize = 1_000;
/// Longest id that a third party may give a message, in characters.
const MESSAGE_ID_CHARS_MAX: usize = 255;
/// Types that the vendor's API has and this gateway does not receive.
const TYPES_NOT_RECEIVED: [&str; 3] = ["Email", "RichMedia", "Event"];

/// One item of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound {
    Content(InboundContent),
    Receipt(InboundReceipt),
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

/// One thing that is wrong with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundFault {
    /// A JSON pointer into the body.
    pub path: String,
    pub message: String,
    pub reason: ReasonCode,
}

/// Reads a body that was sent to a channel. All or nothing: one fault refuses it whole, and every fault is named.
pub fn parse(channel: &ChannelId, body: &[u8]) -> Result<Vec<Inbound>, Vec<InboundFault>> {
    let mut faults = Vec::new();
    let inbound = match serde_json::from_slice(body) {
        Ok(document) => messages(channel, &Place::root(&document), &mut faults),
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
    faults: &mut Vec<InboundFault>,
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
    let messages = messages.map(|(index, item)| message(channel, &list.item(index, item), faults));
    messages.collect::<Vec<_>>().into_iter().collect()
}

/// Reads one item.
fn message(
    channel: &ChannelId,
    place: &Place<'_>,
    faults: &mut Vec<InboundFault>,
) -> Result<Inbound, Noted> {
    let message = place.object(faults)?;
    let type_place = message.member("type");
    match type_place.text(faults)? {
        "Text" => content::text(channel, &message, faults).map(Inbound::Content),
        "Receipt" => receipt::receipt(channel, &message, faults).map(Inbound::Receipt),
        word => {
            let sentence = if TYPES_NOT_RECEIVED.contains(&word) {
                format!("messages of type {word} are not received by this gateway")
            } else {
                "must be Text or Receipt".to_owned()
            };
            type_place.fault(faults, ReasonCode::Unsupported, sentence)
        }
    }
}

/// Reads `channel.messageId`.
fn message_id(envelope: &Object<'_>, faults: &mut Vec<InboundFault>) -> Result<String, Noted> {
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
fn address(side: &Object<'_>, faults: &mut Vec<InboundFault>) -> Result<Address, Noted> {
    let place = side.member("id");
    match place.text(faults)?.parse::<Address>() {
        Ok(address) => Ok(address),
        Err(error) => place.fault(faults, ReasonCode::InvalidDestination, error.to_string()),
    }
}
