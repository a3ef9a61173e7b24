//! One message of a submission as it comes, and what is wrong with it.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::platform::clock::unix_ms;
use crate::values::{Content, Party, Priority, ReasonCode};

/// One message of a submission, as it comes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubmitItem {
    pub(super) channel: SubmitChannel,
    pub(super) r#type: String,
    pub(super) text: Option<String>,
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
}

impl ItemRefused {
    pub fn new(code: u16, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(super) fn reason(reason: ReasonCode, message: impl Into<String>) -> Self {
        Self::new(reason.code(), message)
    }
}

impl SubmitItem {
    pub(super) fn read(item: &RawValue) -> Result<Self, ItemRefused> {
        serde_json::from_str(item.get()).map_err(|error| {
            let message = format!("this message cannot be read: {}", plain(&error));
            ItemRefused::new(422, message)
        })
    }
}

/// Reads what a message says from its wire members.
pub fn content(kind: &str, text: Option<String>) -> Result<Content, ItemRefused> {
    match (kind, text) {
        ("Text", Some(text)) if text.is_empty() => Err(ItemRefused::reason(
            ReasonCode::InvalidStructure,
            "text is empty",
        )),
        ("Text", Some(text)) => Ok(Content::Text(text)),
        ("Text", None) => Err(ItemRefused::reason(
            ReasonCode::InvalidStructure,
            "a Text message needs text",
        )),
        _ => Err(ItemRefused::reason(
            ReasonCode::Unsupported,
            "type is not one that this channel can send: use Text",
        )),
    }
}

pub(super) fn priority(word: Option<&str>) -> Result<Priority, ItemRefused> {
    let parse = |word: &str| {
        word.parse()
            .map_err(|_| ItemRefused::new(422, "priority is one of interactive, normal, bulk"))
    };
    word.map_or(Ok(Priority::Normal), parse)
}

pub(super) fn party(wire: WireParty) -> Result<Party, ()> {
    Ok(Party {
        address: wire.id.parse().map_err(drop)?,
        name: wire.name,
    })
}

pub(super) fn time(member: &str, text: &str) -> Result<i64, ItemRefused> {
    unix_ms(text).ok_or_else(|| ItemRefused::new(422, format!("{member} is not an RFC 3339 time")))
}

/// A parser's complaint without its position in our copy of the text.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line")
        .map_or(text.clone(), |(complaint, _)| complaint.to_owned())
}
