//! What the third party says about messages that it got from us.

use serde_json::Value;

use super::{InboundReceipt, ReceiptReason, ReceiptStatus, address, message_id};
use crate::content::document::{Fault, Noted, Object, Place};
use crate::values::{Address, ChannelId, ReasonCode};

/// Most reasons that one receipt gives.
const REASONS_MAX: usize = 20;
/// Longest message of a reason, in characters.
const REASON_CHARS_MAX: usize = 1_000;

/// Reads a message of type `Receipt`.
pub(super) fn receipt(
    channel: &ChannelId,
    message: &Object<'_>,
    faults: &mut Vec<Fault>,
) -> Result<InboundReceipt, Noted> {
    let envelope = message.member("channel");
    let envelope = envelope.object(faults);
    let named = envelope.map(|envelope| {
        (
            sides(channel, &envelope, faults),
            message_id(&envelope, faults),
        )
    });
    let status = status(&message.member("status"), faults);
    let reasons = reasons(&message.member("reasons"), faults);
    let (sides, message_id) = named?;
    let (from, to) = sides?;
    Ok(InboundReceipt {
        from,
        to,
        message_id: message_id?,
        status: status?,
        reasons: reasons?,
    })
}

/// Reads both sides, of which exactly one is the channel's.
fn sides(
    channel: &ChannelId,
    envelope: &Object<'_>,
    faults: &mut Vec<Fault>,
) -> Result<(Address, Address), Noted> {
    let from = side(&envelope.member("from"), faults);
    let to = side(&envelope.member("to"), faults);
    let (from, to) = (from?, to?);
    let sentence = match (from.belongs_to(channel), to.belongs_to(channel)) {
        (true, true) => "names the channel on both sides",
        (false, false) => "names the channel on neither side",
        (true, false) | (false, true) if from.channel_type() != to.channel_type() => {
            "names addresses of different types"
        }
        (true, false) | (false, true) => return Ok((from, to)),
    };
    envelope
        .place()
        .fault(faults, ReasonCode::InvalidDestination, sentence)
}

fn side(place: &Place<'_>, faults: &mut Vec<Fault>) -> Result<Address, Noted> {
    address(&place.object(faults)?, faults)
}

fn status(place: &Place<'_>, faults: &mut Vec<Fault>) -> Result<ReceiptStatus, Noted> {
    match place.text(faults)? {
        "Delivered" => Ok(ReceiptStatus::Delivered),
        "Removed" => Ok(ReceiptStatus::Removed),
        "Failed" => Ok(ReceiptStatus::Failed),
        _ => place.fault(
            faults,
            ReasonCode::InvalidStructure,
            "must be Delivered, Removed or Failed",
        ),
    }
}

fn reasons(place: &Place<'_>, faults: &mut Vec<Fault>) -> Result<Vec<ReceiptReason>, Noted> {
    if place.is_absent() {
        return Ok(Vec::new());
    }
    let items = place.array(faults)?;
    if items.len() > REASONS_MAX {
        let sentence = format!("must have at most {REASONS_MAX} reasons");
        return place.fault(faults, ReasonCode::InvalidStructure, sentence);
    }
    let read = |(index, item): (usize, &Value)| reason(&place.item(index, item), faults);
    // Every reason is looked at, so that every fault is named.
    let reasons = items.iter().enumerate().map(read);
    reasons.collect::<Vec<_>>().into_iter().collect()
}

fn reason(place: &Place<'_>, faults: &mut Vec<Fault>) -> Result<ReceiptReason, Noted> {
    let reason = place.object(faults)?;
    let code = reason.member("code").integer(faults);
    let message = reason
        .member("message")
        .short_text(REASON_CHARS_MAX, faults);
    Ok(ReceiptReason {
        code: code?,
        message: message?,
    })
}
