//! MO: what a consumer wrote.

use std::fmt;

use super::fields::Fields;
use crate::connectors::form::MemberFault;
use crate::values::{Address, ChannelId, ChannelType, ReasonCode};

const FROM: &str = "device_address";
const TO: &str = "inbound_address";

/// A text of a consumer. `Debug` shows no text, and of the address only its ends.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    /// By which repetitions are known: DirectTEXT's id, and the part of a long text.
    pub message_id: String,
    pub from: Address,
    pub to: Address,
    /// Whose address `to` is.
    pub channel_id: ChannelId,
    pub text: String,
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Text")
            .field("message_id", &self.message_id)
            .field("from", &self.from)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}

pub(super) fn read(fields: &Fields, text_bytes_max: usize) -> Result<Text, Vec<MemberFault>> {
    let read = (
        fields.id("message_id"),
        number(fields, FROM),
        code(fields),
        text(fields, text_bytes_max),
    );
    match read {
        (Ok(id), Ok(from), Ok((channel_id, to)), Ok(text)) => Ok(Text {
            message_id: fields
                .said("message_subid")
                .map_or_else(|| id.to_owned(), |part| format!("{id}/{part}")),
            from,
            to,
            channel_id,
            text: text.to_owned(),
        }),
        (id, from, to, text) => {
            let faults = [id.err(), from.err(), to.err(), text.err()];
            Err(faults.into_iter().flatten().collect())
        }
    }
}

/// The channel and, what is the same number, the address that the consumer wrote to.
fn code(fields: &Fields) -> Result<(ChannelId, Address), MemberFault> {
    let address = number(fields, TO)?;
    let channel_id = address.as_str().parse();
    channel_id
        .map(|channel_id| (channel_id, address))
        .map_err(|_| {
            MemberFault::with_reason(
                TO,
                ReasonCode::InvalidDestination,
                "must be a phone number or short code",
            )
        })
}

fn number(fields: &Fields, name: &'static str) -> Result<Address, MemberFault> {
    let said = fields
        .said(name)
        .ok_or_else(|| MemberFault::new(name, "is missing"))?;
    let address = said.parse::<Address>().ok();
    address
        .filter(|address| address.channel_type() == ChannelType::Sms)
        .ok_or_else(|| {
            MemberFault::with_reason(
                name,
                ReasonCode::InvalidDestination,
                "must be a phone number or short code",
            )
        })
}

/// An empty text is one, since a consumer can send it.
fn text(fields: &Fields, bytes_max: usize) -> Result<&str, MemberFault> {
    let text = fields.given("message").unwrap_or_default();
    if text.len() > bytes_max {
        let message = format!("says more than {bytes_max} bytes");
        return Err(MemberFault::new("message", message));
    }
    Ok(text)
}
