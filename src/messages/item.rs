//! One message of a submission as it comes, and what is wrong with it.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::said::Said;
use crate::content::document::Fault;
use crate::content::members::PartMembers;
use crate::platform::clock::unix_ms;
use crate::platform::http::{shape, shortened};
use crate::values::{Party, Priority, ReasonCode};

/// Longest name beside an address, in characters.
const NAME_CHARS_MAX: usize = 255;

/// One message of a submission, as it comes.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = SubmittedMessage, examples(json!({
    "channel": { "from": { "id": "16504661149" }, "to": { "id": "16505550199" }, "messageId": "order-4711" },
    "type": "Text", "text": "Your parcel is here.", "campaignId": "spring",
})))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubmitItem {
    pub(super) channel: SubmitChannel,
    /// `Text`, `Email` or `RichMedia`.
    pub(super) r#type: String,
    /// Of a `Text`, and of `RichMedia` that says something too.
    #[schema(value_type = Option<String>)]
    pub(super) text: Option<Value>,
    /// Of an `Email`.
    #[schema(value_type = Option<String>)]
    pub(super) subject: Option<Value>,
    /// Of an `Email` and of `RichMedia`.
    #[schema(value_type = Option<Vec<PartMembers<'static>>>)]
    pub(super) content: Option<Value>,
    /// When it is not worth sending any more; at most 30 days ahead.
    #[schema(format = DateTime)]
    pub(super) valid_until: Option<String>,
    /// When it may be sent at the earliest; at most 30 days ahead.
    #[schema(format = DateTime)]
    pub(super) not_before: Option<String>,
    /// `interactive`, `normal` (where it is left out) or `bulk`.
    pub(super) priority: Option<String>,
    pub(super) campaign_id: Option<String>,
    /// Kept and shown with the message.
    #[schema(value_type = Option<Object>)]
    pub(super) metadata: Option<Box<RawValue>>,
    pub(super) reply_to: Option<WireParty>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SubmitChannel {
    /// A channel of the tenant, or an address in its domain.
    pub(super) from: WireParty,
    pub(super) to: WireParty,
    /// The caller's own id: the same message again answers the same id.
    pub(super) message_id: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Party)]
#[serde(deny_unknown_fields)]
pub(super) struct WireParty {
    /// A phone number or an email address.
    pub(super) id: String,
    #[schema(max_length = 255)]
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
