//! One message of a submission as it comes, and what is wrong with it.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::said::Said;
use crate::content::document::Fault;
use crate::platform::clock::unix_ms;
use crate::platform::http::{shape, shortened};
use crate::values::{Party, Priority, ReasonCode};

/// Longest name beside an address, in characters.
const NAME_CHARS_MAX: usize = 255;

/// One message of a submission, as it comes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubmitItem {
    pub(super) channel: SubmitChannel,
    pub(super) r#type: String,
    pub(super) text: Option<Value>,
    pub(super) subject: Option<Value>,
    pub(super) content: Option<Value>,
    pub(super) valid_until: Option<String>,
    pub(super) not_before: Option<String>,
    pub(super) priority: Option<String>,
    pub(super) campaign_id: Option<String>,
    pub(super) metadata: Option<Box<RawValue>>,
    pub(super) reply_to: Option<WireParty>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SubmitChannel {
    pub(super) from: WireParty,
    pub(super) to: WireParty,
    pub(super) message_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireParty {
    pub(super) id: String,
    pub(super) name: Option<String>,
}

/// Why one message of a submission is not taken: a reason code or an HTTP status, and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemRefused {
    pub code: u16,
    pub message: String,
    /// Where the place matters: what is wrong with the message, by JSON pointers into it.
    pub details: Vec<Fault>,
}

impl ItemRefused {
    pub fn new(code: u16, message: impl Into<String>) -> Self {
        Self {
            code,
            message: shortened(message.into()),
            details: Vec::new(),
        }
    }

    pub(super) fn reason(reason: ReasonCode, message: impl Into<String>) -> Self {
        Self::new(reason.code(), message)
    }

    /// Faults that were found in the message; the first one's reason stands for all.
    pub(super) fn faults(details: Vec<Fault>) -> Self {
        let reason = details
            .first()
            .map_or(ReasonCode::InvalidStructure, |fault| fault.reason);
        let said = details
            .iter()
            .map(|fault| format!("{} {}", fault.path, fault.message));
        Self {
            message: shortened(said.collect::<Vec<_>>().join("; ")),
            details,
            ..Self::reason(reason, "")
        }
    }
}

impl SubmitItem {
    /// Takes out the members that say something.
    pub(super) fn said(&mut self) -> Said {
        Said {
            kind: std::mem::take(&mut self.r#type),
            text: self.text.take(),
            subject: self.subject.take(),
            content: self.content.take(),
        }
    }

    pub(super) fn read(item: &RawValue) -> Result<Self, ItemRefused> {
        shape::read(item.get().as_bytes()).map_err(|fault| {
            let message = format!("this message cannot be read: {fault}");
            let details = vec![Fault {
                path: fault.pointer,
                reason: ReasonCode::InvalidStructure,
                message: fault.sentence,
            }];
            ItemRefused {
                details,
                ..ItemRefused::new(422, message)
            }
        })
    }
}

pub(super) fn priority(word: Option<&str>) -> Result<Priority, ItemRefused> {
    let parse = |word: &str| {
        word.parse()
            .map_err(|_| ItemRefused::new(422, "priority is one of interactive, normal, bulk"))
    };
    word.map_or(Ok(Priority::Normal), parse)
}

/// Reads one side at its place in the message; `no_address` says what an id that is no address means there.
pub(super) fn party(
    wire: WireParty,
    place: &str,
    no_address: fn() -> ItemRefused,
) -> Result<Party, ItemRefused> {
    let address = wire.id.parse().map_err(|_| no_address())?;
    // A name becomes part of a mail's header lines further on, and must not begin another.
    let fits =
        |name: &String| name.chars().count() <= NAME_CHARS_MAX && !name.contains(char::is_control);
    if wire.name.as_ref().is_none_or(fits) {
        let name = wire.name;
        return Ok(Party { address, name });
    }
    Err(ItemRefused::faults(vec![Fault {
        path: format!("{place}/name"),
        message: format!("must have at most {NAME_CHARS_MAX} characters and no control characters"),
        reason: ReasonCode::InvalidStructure,
    }]))
}

pub(super) fn time(member: &str, text: &str) -> Result<i64, ItemRefused> {
    unix_ms(text).ok_or_else(|| ItemRefused::new(422, format!("{member} is not an RFC 3339 time")))
}
