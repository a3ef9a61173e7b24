//! What providers that cannot authenticate call us with, in words that all their connectors share: a text of a consumer,
//! or a receipt.

use std::fmt;

use serde_json::Value;

use super::form::MemberFault;
use super::verdict::Verdict;
use crate::values::{Address, ChannelId, ChannelType, ReasonCode};

/// A text of a consumer. `Debug` shows no text, and of the address only its ends.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    /// By which repetitions are known.
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

/// What became of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The provider's id of the text, or ours where that is what it names.
    pub message_id: String,
    /// Whom the text was for, where that is said.
    pub recipient: Option<Address>,
    /// The provider's word or number for it.
    pub code: String,
    /// `None`: the code is in no table, so nothing is decided.
    pub verdict: Option<Verdict>,
    /// All of it as it came.
    pub said: Value,
}

/// The channel and, what is the same number, the address that a consumer wrote to. `name` is where it stands.
pub(super) fn own_number(said: &str, name: &str) -> Result<(ChannelId, Address), MemberFault> {
    let address = number(said, name)?;
    let channel_id = address.as_str().parse();
    channel_id
        .map(|channel_id| (channel_id, address))
        .map_err(|_| not_a_number(name))
}

/// A number or short code. `name` is where it stands.
pub(super) fn number(said: &str, name: &str) -> Result<Address, MemberFault> {
    let address = said.parse::<Address>().ok();
    address
        .filter(|address| address.channel_type() == ChannelType::Sms)
        .ok_or_else(|| not_a_number(name))
}

fn not_a_number(name: &str) -> MemberFault {
    let message = "must be a phone number or short code";
    MemberFault::with_reason(name, ReasonCode::InvalidDestination, message)
}
