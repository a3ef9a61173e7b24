//! `data.callbacks`: where receipts and texts of consumers have what is asked for, and how they are answered.

use serde::Deserialize;
use serde_json::Value;

use crate::connectors::document::{self, Object, SettingsFault};
use crate::connectors::http_sms::place::Place;
use crate::connectors::verdict::Verdicts;

const PLACE: &str = "/data/callbacks";
/// Longest answer to a callback.
const REPLY_BYTES_MAX: usize = 1_000;

/// What the provider calls us with.
#[derive(Debug, Clone, Default)]
pub struct CallbackRules {
    /// Where the list of receipts and texts is; `None`: a call is one of them.
    pub items: Option<Place>,
    pub receipt: Option<ReceiptPlaces>,
    pub message: Option<MessagePlaces>,
    /// What is answered; `None`: our own JSON.
    pub reply: Option<Reply>,
}

/// Where a receipt has what is asked for.
#[derive(Debug, Clone)]
pub struct ReceiptPlaces {
    pub id: ReceiptId,
    pub status: Place,
    /// What each status means.
    pub statuses: Verdicts,
    /// Where the reason of a failure is.
    pub code: Option<Place>,
    /// What each reason means, where the status says that the text failed.
    pub codes: Verdicts,
    pub to: Option<Place>,
}

/// Which text a receipt is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiptId {
    /// By the id that the provider gave it.
    Theirs(Place),
    /// By ours, which the request has told the provider.
    Ours(Place),
}

impl ReceiptId {
    pub fn place(&self) -> &Place {
        match self {
            Self::Theirs(place) | Self::Ours(place) => place,
        }
    }
}

/// Where a text of a consumer has what is asked for.
#[derive(Debug, Clone)]
pub struct MessagePlaces {
    pub id: Place,
    pub from: Place,
    pub to: Place,
    /// What has this is a text, and what has not a receipt.
    pub text: Place,
}

/// The answer to a callback that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub content_type: ReplyType,
    pub body: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum ReplyType {
    #[serde(rename = "text/plain")]
    Text,
    #[serde(rename = "text/xml")]
    Xml,
    #[serde(rename = "application/json")]
    Json,
}

impl ReplyType {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=utf-8",
            Self::Xml => "text/xml; charset=utf-8",
            Self::Json => "application/json",
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    items: Option<String>,
    receipt: Option<Object<ReceiptWire>>,
    message: Option<Object<MessageWire>>,
    reply: Option<Object<ReplyWire>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReceiptWire {
    id: Option<String>,
    our_id: Option<String>,
    status: String,
    statuses: Value,
    code: Option<String>,
    codes: Option<Value>,
    to: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageWire {
    id: String,
    from: String,
    to: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplyWire {
    r#type: ReplyType,
    body: String,
}

pub(super) fn read(section: Option<&Value>) -> Result<CallbackRules, Vec<SettingsFault>> {
    let Some(section) = section else {
        return Ok(CallbackRules::default());
    };
    let wire: Wire = document::read(section, PLACE).map_err(|fault| vec![fault])?;
    let mut faults = Vec::new();
    let items = wire
        .items
        .and_then(|text| place(&text, &format!("{PLACE}/items"), &mut faults));
    let receipt = wire
        .receipt
        .and_then(|Object(wire)| receipt(&wire, &mut faults));
    let message = wire
        .message
        .and_then(|Object(wire)| message(&wire, &mut faults));
    let reply = wire.reply.map(|Object(wire)| reply(wire, &mut faults));
    if faults.is_empty() {
        Ok(CallbackRules {
            items,
            receipt,
            message,
            reply,
        })
    } else {
        Err(faults)
    }
}

fn receipt(wire: &ReceiptWire, faults: &mut Vec<SettingsFault>) -> Option<ReceiptPlaces> {
    let section = format!("{PLACE}/receipt");
    let mut read = |text: &str, name: &str| place(text, &format!("{section}/{name}"), faults);
    let theirs = wire.id.as_deref().map(|text| read(text, "id"));
    let ours = wire.our_id.as_deref().map(|text| read(text, "ourId"));
    let status = read(&wire.status, "status");
    let code = wire.code.as_deref().map(|text| read(text, "code"));
    let to = wire.to.as_deref().map(|text| read(text, "to"));
    let id = match (theirs, ours) {
        (Some(place), None) => place.map(ReceiptId::Theirs),
        (None, Some(place)) => place.map(ReceiptId::Ours),
        _ => {
            faults.push(SettingsFault::new(&section, "must have either id or ourId"));
            None
        }
    };
    let mut table = |table: &Value, name: &str| {
        let read = Verdicts::read(table, &format!("{section}/{name}"));
        read.map_err(|fault| faults.push(fault)).ok()
    };
    let statuses = table(&wire.statuses, "statuses");
    let codes = wire.codes.as_ref().map(|codes| table(codes, "codes"));
    if wire.codes.is_some() && wire.code.is_none() {
        let message = "have no meaning without code, which says where they are";
        faults.push(SettingsFault::new(format!("{section}/codes"), message));
    }
    Some(ReceiptPlaces {
        id: id?,
        status: status?,
        statuses: statuses?,
        code: code.flatten(),
        codes: codes.flatten().unwrap_or_default(),
        to: to.flatten(),
    })
}

fn message(wire: &MessageWire, faults: &mut Vec<SettingsFault>) -> Option<MessagePlaces> {
    let mut read = |text: &str, name: &str| place(text, &format!("{PLACE}/message/{name}"), faults);
    let (id, from) = (read(&wire.id, "id"), read(&wire.from, "from"));
    let (to, text) = (read(&wire.to, "to"), read(&wire.text, "text"));
    Some(MessagePlaces {
        id: id?,
        from: from?,
        to: to?,
        text: text?,
    })
}

fn reply(wire: ReplyWire, faults: &mut Vec<SettingsFault>) -> Reply {
    if wire.body.len() > REPLY_BYTES_MAX {
        let message = format!("must have at most {REPLY_BYTES_MAX} bytes");
        faults.push(SettingsFault::new(format!("{PLACE}/reply/body"), message));
    }
    Reply {
        content_type: wire.r#type,
        body: wire.body,
    }
}

/// A place that the settings name at `at`.
pub(super) fn place(text: &str, at: &str, faults: &mut Vec<SettingsFault>) -> Option<Place> {
    let read = Place::parse(text);
    read.map_err(|message| faults.push(SettingsFault::new(at, message)))
        .ok()
}
