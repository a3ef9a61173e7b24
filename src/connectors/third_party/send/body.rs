//! The webhook's body. Members stand in the order of the vendor's examples.

use bytes::Bytes;
use serde::Serialize;

use crate::connectors::outbound::{Outbound, UnsubscribeHeaders};
use crate::connectors::third_party::settings::BodyShape;
use crate::content::members::Members;
use crate::values::Party;

/// Writes a message as compact JSON. The same message gives the same bytes.
///
/// # Panics
///
/// Never: texts and objects with fixed members can always be written as JSON.
pub fn render_body(message: &Outbound<'_>, shape: BodyShape) -> Bytes {
    let wire = MessageWire::from(message);
    let written = match shape {
        BodyShape::Single => serde_json::to_vec(&wire),
        BodyShape::Messages => serde_json::to_vec(&MessagesWire { messages: [wire] }),
    };
    written
        .expect("texts and fixed members can be written as JSON")
        .into()
}

#[derive(Serialize)]
struct MessagesWire<'a> {
    messages: [MessageWire<'a>; 1],
}

#[derive(Serialize)]
struct MessageWire<'a> {
    channel: ChannelWire<'a>,
    #[serde(rename = "type")]
    message_type: &'static str,
    #[serde(flatten)]
    members: Members<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChannelWire<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    channel_type: &'static str,
    from: PartyWire<'a>,
    to: PartyWire<'a>,
    message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<ContextWire<'a>>,
}

#[derive(Serialize)]
struct PartyWire<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContextWire<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<PartyWire<'a>>,
    /// Headers that the mail is to carry.
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<UnsubscribeHeaders>,
}

impl<'a> From<&Outbound<'a>> for MessageWire<'a> {
    fn from(message: &Outbound<'a>) -> Self {
        let reply_to = message.reply_to.map(PartyWire::from);
        let headers = UnsubscribeHeaders::of(message);
        Self {
            channel: ChannelWire {
                id: message.channel_id.as_str(),
                channel_type: message.channel_id.channel_type().as_str(),
                from: message.from.into(),
                to: message.to.into(),
                message_id: message.message_id.to_string(),
                context: (reply_to.is_some() || headers.is_some())
                    .then_some(ContextWire { reply_to, headers }),
            },
            message_type: message.content.kind().as_str(),
            members: Members::of(message.content, message.link),
        }
    }
}

impl<'a> From<&'a Party> for PartyWire<'a> {
    fn from(party: &'a Party) -> Self {
        Self {
            id: party.address.as_str(),
            name: party.name.as_deref(),
        }
    }
}
