//! What consumers wrote.

use super::{InboundContent, address, message_id};
use crate::content::document::{Fault, Noted, Object, Place};
use crate::content::read;
use crate::content::rules::ContentRules;
use crate::values::{ChannelId, ChannelType, ContentKind, Party, ReasonCode};

/// Longest name of a person, in characters.
const NAME_CHARS_MAX: usize = 255;

/// Reads a message that says something. A channel for numbers carries no mail; a domain's may be given texts too.
pub(super) fn content(
    channel: &ChannelId,
    kind: ContentKind,
    message: &Object<'_>,
    rules: &ContentRules,
    faults: &mut Vec<Fault>,
) -> Result<InboundContent, Noted> {
    if kind == ContentKind::Email && channel.channel_type() == ChannelType::Sms {
        let sentence = "an SMS channel carries no messages of type Email";
        let place = message.member("type");
        return place.fault(faults, ReasonCode::Unsupported, sentence);
    }
    let envelope = message.member("channel");
    let envelope = envelope.object(faults);
    let named = envelope.map(|envelope| {
        (
            sides(channel, &envelope, faults),
            message_id(&envelope, faults),
        )
    });
    let content = read::content(kind, message, rules, faults);
    let (sides, message_id) = named?;
    let (from, to) = sides?;
    Ok(InboundContent {
        from,
        to,
        message_id: message_id?,
        content: content?,
    })
}

/// Reads the consumer and the channel's own address.
pub(super) fn sides(
    channel: &ChannelId,
    envelope: &Object<'_>,
    faults: &mut Vec<Fault>,
) -> Result<(Party, Party), Noted> {
    let from = consumer(channel, &envelope.member("from"), faults);
    let to = recipient(channel, &envelope.member("to"), faults);
    Ok((from?, to?))
}

fn consumer(
    channel: &ChannelId,
    place: &Place<'_>,
    faults: &mut Vec<Fault>,
) -> Result<Party, Noted> {
    let side = place.object(faults)?;
    let party = party(&side, faults)?;
    if party.address.channel_type() != channel.channel_type() {
        let sentence = format!("must be an address for {}", channel.channel_type());
        let place = side.member("id");
        return place.fault(faults, ReasonCode::InvalidDestination, sentence);
    }
    Ok(party)
}

fn recipient(
    channel: &ChannelId,
    place: &Place<'_>,
    faults: &mut Vec<Fault>,
) -> Result<Party, Noted> {
    let side = place.object(faults)?;
    let party = party(&side, faults)?;
    if !party.address.belongs_to(channel) {
        let sentence = "does not belong to the channel that the message was sent to";
        let place = side.member("id");
        return place.fault(faults, ReasonCode::InvalidDestination, sentence);
    }
    Ok(party)
}

fn party(side: &Object<'_>, faults: &mut Vec<Fault>) -> Result<Party, Noted> {
    let address = address(side, faults);
    let name = side.member("name").short_text(NAME_CHARS_MAX, faults);
    Ok(Party {
        address: address?,
        name: name?,
    })
}
