//! What SparkPost's webhooks bring: batches of events, read leniently, since members and types are added without notice,
//! and mails for our domains. Of an event only what it says about a mail of ours is taken.

mod relay;
#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde_json::{Map, Value, json};

pub use self::relay::{NotRelayed, Relayed};
use crate::values::{Address, MessageId, ReasonCode};

/// Events in one batch; SparkPost sends some hundreds.
const EVENTS_MAX: usize = 10_000;
/// Longest word of SparkPost's that is kept, in characters.
const WORD_CHARS_MAX: usize = 500;
/// Longest id of SparkPost's, in bytes.
const PROVIDER_ID_BYTES_MAX: usize = 200;
/// A mail came back after it was delivered. Such an event has less to say than others.
const OUT_OF_BAND: &str = "out_of_band";
/// What of an event is kept beside its type.
const KEPT: [&str; 5] = [
    "event_id",
    "timestamp",
    "bounce_class",
    "error_code",
    "reason",
];

/// What relayed mails are called among events.
const RELAYED: &str = "relay_message";

/// The body is no batch of events, or a mail in it cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotABatch {
    #[error("the body must be an array of objects with a member msys")]
    Shape,
    #[error("a batch has at most {EVENTS_MAX} events")]
    TooMany,
    #[error("{0}")]
    Mail(#[from] NotRelayed),
}

/// What an event says about a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Our id of the mail; `None` where the event does not have it.
    pub message_id: Option<MessageId>,
    /// SparkPost's own id of the mail.
    pub provider_message_id: Option<String>,
    /// Whom the mail went to, as SparkPost writes it.
    pub recipients: Vec<Address>,
    /// `None`: nothing becomes of the mail itself.
    pub verdict: Option<Verdict>,
    /// Why its recipient gets no more of them, where that is so.
    pub opt_out: Option<OptOut>,
    /// The event in SparkPost's words, without whom it is about.
    pub said: Value,
}

/// Why somebody gets no more mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptOut {
    /// Nobody is there.
    Bounced,
    Complained,
    Unsubscribed,
}

/// What becomes of the mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is on its way, and nothing is decided.
    UnderWay,
    Delivered,
    Failed(ReasonCode),
    /// It was delivered, and came back.
    Returned(ReasonCode),
}

/// One element of the array. An empty `msys` is SparkPost's test of the address.
#[derive(Deserialize)]
struct Element {
    msys: Map<String, Value>,
}

/// What a webhook brings.
#[derive(Debug, Default)]
pub struct Batch {
    /// Those that say something about mails of ours.
    pub events: Vec<Event>,
    pub relayed: Vec<Relayed>,
}

/// Reads a batch.
pub fn read(body: &[u8]) -> Result<Batch, NotABatch> {
    let elements: Vec<Element> = serde_json::from_slice(body).map_err(|_| NotABatch::Shape)?;
    if elements.len() > EVENTS_MAX {
        return Err(NotABatch::TooMany);
    }
    let mut batch = Batch::default();
    for (name, event) in elements.into_iter().flat_map(|element| element.msys) {
        if name == RELAYED {
            batch.relayed.push(relay::read(event)?);
        } else {
            batch.events.extend(read_event(&event));
        }
    }
    Ok(batch)
}

/// `None`: it is about no mail of ours, or says nothing that matters to one.
fn read_event(event: &Value) -> Option<Event> {
    let kind = event.get("type")?.as_str()?;
    let bounce_class = number(event.get("bounce_class"));
    let verdict = verdict(kind, bounce_class);
    let opt_out = opt_out(kind, bounce_class);
    if verdict.is_none() && opt_out.is_none() {
        return None;
    }
    let message_id = own_id(event);
    let provider_message_id = event.get("message_id").and_then(provider_id);
    // Of what does not name our mail only this can be about one: it has no metadata, whoever's mail it was.
    let may_be_ours = kind == OUT_OF_BAND && event.get("rcpt_meta").is_none()
        || opt_out.is_some() && provider_message_id.is_some();
    if message_id.is_none() && !may_be_ours {
        return None;
    }
    let mut said = json!({ "type": kind });
    for name in KEPT {
        if let Some(word) = event.get(name).and_then(word) {
            said[name] = word;
        }
    }
    Some(Event {
        message_id,
        provider_message_id,
        recipients: recipients(event),
        verdict,
        opt_out,
        said,
    })
}

fn own_id(event: &Value) -> Option<MessageId> {
    let message_id = event.get("rcpt_meta")?.get("messageId")?.as_str()?;
    message_id.parse().ok()
}

fn provider_id(id: &Value) -> Option<String> {
    let id = id.as_str()?.trim();
    let fits = (1..=PROVIDER_ID_BYTES_MAX).contains(&id.len()) && id.parse::<MessageId>().is_err();
    fits.then(|| id.to_owned())
}

/// As it was given to SparkPost, and in lower case as SparkPost has it.
fn recipients(event: &Value) -> Vec<Address> {
    let named = ["raw_rcpt_to", "rcpt_to"].into_iter();
    let named = named.filter_map(|name| event.get(name)?.as_str()?.parse().ok());
    let mut recipients: Vec<Address> = named.collect();
    recipients.dedup();
    recipients
}

/// What ends the recipient's mails, by SparkPost's types of events and bounce classes. Mailboxes that are full, hosts that
/// are away and filters that refuse one mail say nothing about the next.
fn opt_out(kind: &str, bounce_class: Option<i64>) -> Option<OptOut> {
    match (kind, bounce_class) {
        ("bounce" | OUT_OF_BAND, Some(10 | 30)) => Some(OptOut::Bounced),
        ("bounce" | OUT_OF_BAND, Some(90)) | ("list_unsubscribe" | "link_unsubscribe", _) => {
            Some(OptOut::Unsubscribed)
        }
        ("spam_complaint", _) => Some(OptOut::Complained),
        _ => None,
    }
}

fn verdict(kind: &str, bounce_class: Option<i64>) -> Option<Verdict> {
    match kind {
        "delivery" => Some(Verdict::Delivered),
        "delay" => Some(Verdict::UnderWay),
        "bounce" => Some(Verdict::Failed(reason(bounce_class))),
        OUT_OF_BAND => Some(Verdict::Returned(reason(bounce_class))),
        "policy_rejection" | "generation_failure" | "generation_rejection" => {
            Some(Verdict::Failed(ReasonCode::General))
        }
        _ => None,
    }
}

/// Why a mail came back, by SparkPost's bounce classes.
fn reason(bounce_class: Option<i64>) -> ReasonCode {
    match bounce_class {
        // The recipient is not there.
        Some(10 | 30) => ReasonCode::InvalidDestination,
        // SparkPost holds it back for the recipient, who has unsubscribed or complained.
        Some(25 | 26 | 90) => ReasonCode::NotAllowed,
        // The mail is too large.
        Some(23) => ReasonCode::InvalidStructure,
        Some(_) | None => ReasonCode::General,
    }
}

/// A number that may be written as a text.
fn number(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A word or a number, cut where it is too long.
fn word(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => Some(Value::from(
            text.chars().take(WORD_CHARS_MAX).collect::<String>(),
        )),
        Value::Number(number) => Some(Value::Number(number.clone())),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
