//! The JSON of an agentless SMS.

use serde::Serialize;

use crate::connectors::outbound::Outbound;
use crate::values::Address;

/// A number with more digits is an international one; one with fewer is a short code, which has no country.
const SHORT_CODE_DIGITS_MAX: usize = 6;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AgentlessText<'a> {
    from_address: String,
    to_address: String,
    to_address_messenger_type: &'static str,
    text_body: &'a str,
    /// Without it a text fails while a conversation between both is open.
    use_existing_active_conversation: bool,
}

impl<'a> AgentlessText<'a> {
    pub(super) fn of(message: &Outbound<'a>, text: &'a str) -> Self {
        Self {
            from_address: number(&message.from.address),
            to_address: number(&message.to.address),
            to_address_messenger_type: "sms",
            text_body: text,
            use_existing_active_conversation: true,
        }
    }
}

/// A number as the API writes it: with `+` and its country code, and a short code as it is.
fn number(address: &Address) -> String {
    let digits = address.as_str();
    if digits.len() > SHORT_CODE_DIGITS_MAX {
        format!("+{digits}")
    } else {
        digits.to_owned()
    }
}
