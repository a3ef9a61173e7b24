//! What consumers wrote.

use super::fields::{Noted, Object, Place};
use super::{InboundContent, InboundFault, address, message_id};
use crate::values::{ChannelId, ReasonCode};
use crate::values::{Content, Party};

/// Longest name of a person, in characters.
const NAME_CHARS_MAX: usize = 255;

/// Reads a message of type `Text`. An empty text is one: a consumer can send it.
pub(super) fn text(
    channel: &ChannelId,
    message: &Object<'_>,
    faults: &mut Vec<InboundFault>,
) -> Result<InboundContent, Noted> {
    let envelope = message.member("channel");
    let envelope = envelope.object(faults);
    let sides = envelope.map(|envelope| {
        (
            consumer(channel, &envelope.member("from"), faults),
            recipient(channel, &envelope.member("to"), faults),
            message_id(&envelope, faults),
        )
    });
    let text = message.member("text").text(faults);
    let (from, to, message_id) = sides?;
    Ok(InboundContent {
        from: from?,
        to: to?,
        message_id: message_id?,
        content: Content::Text(text?.to_owned()),
    })
}

fn consumer(
    channel: &ChannelId,
    place: &Place<'_>,
    faults: &mut Vec<InboundFault>,
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
    faults: &mut Vec<InboundFault>,
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

fn party(side: &Object<'_>, faults: &mut Vec<InboundFault>) -> Result<Party, Noted> {
    let address = address(side, faults);
    let name = side.member("name").short_text(NAME_CHARS_MAX, faults);
    Ok(Party {
        address: address?,
        name: name?,
    })
}
