//! Messages as the API shows them.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::Object;

use super::explanation::{Facts, Prospects, sentence};
use super::status::Status;
use super::store::context::Context;
use super::store::read::{Direction, Stored};
use crate::content::members::Members;
use crate::history::model::{Kind, Recorded};
use crate::platform::clock::rfc3339;
use crate::platform::http::openapi::words;
use crate::values::{MessageId, ReasonCode};

/// One message: what it says, where it stands, what happened to it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Message, examples(json!({
    "id": "1795264928594-0", "status": "Sent", "direction": "outbound", "channelId": "16504661149",
    "channel": { "from": { "id": "16504661149" }, "to": { "id": "16505550199" }, "messageId": "order-4711" },
    "type": "Text", "text": "Your parcel is here.", "provider": "Async", "providerMessageIds": ["theirs-1"],
    "createdAt": "2026-11-21T12:00:00.000Z",
})))]
#[serde(rename_all = "camelCase")]
pub struct MessageView {
    id: String,
    #[schema(schema_with = status_words)]
    status: &'static str,
    /// `inbound` or `outbound`.
    direction: &'static str,
    channel_id: String,
    channel: ChannelView,
    /// `Text`, `Email` or `RichMedia`.
    r#type: String,
    #[serde(flatten)]
    said: Members<'static>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    provider_message_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Value>,
    /// It is not sent again by itself, but can be by hand.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dead_letter: bool,
    #[schema(format = DateTime)]
    created_at: String,
    /// Only where one message is looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<HistoryView>>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageChannel)]
#[serde(rename_all = "camelCase")]
struct ChannelView {
    from: PartyView,
    to: PartyView,
    /// The id that whoever sent it gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageParty)]
struct PartyView {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HistoryEntry)]
struct HistoryView {
    #[schema(schema_with = status_words)]
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<ReasonView>>)]
    reasons: Option<Value>,
    #[schema(format = DateTime)]
    time: String,
    /// `gateway`, or who said so.
    source: String,
    /// Of a receipt: what the provider said, in its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    said: Option<Value>,
}

/// Why a message was not delivered, as whoever said so put it.
#[derive(Debug, ToSchema)]
#[schema(as = Reason)]
pub struct ReasonView {
    pub code: i32,
    pub message: Option<String>,
}

/// The words that a message's status is shown as.
pub(super) fn status_words() -> Object {
    words(&[
        RECEIVED,
        "Queued",
        "Unknown",
        "Sent",
        "Failed",
        "Delivered",
        "Removed",
        "Cancelled",
    ])
}

/// The word for a received message: it has no delivery that could have a status.
pub const RECEIVED: &str = "Received";

impl MessageView {
    /// The message alone, as lists show it. `provider`: who sends it.
    pub fn of(message: Stored, provider: Option<&'static str>) -> Self {
        let context = Context::parse(message.context.as_deref());
        let status = status_word(&message);
        Self {
            id: message.id.to_string(),
            status,
            direction: match message.direction {
                Direction::Inbound => "inbound",
                Direction::Outbound => "outbound",
            },
            channel_id: message.channel_id,
            channel: ChannelView {
                from: PartyView {
                    id: message.sender.0,
                    name: message.sender.1,
                },
                to: PartyView {
                    id: message.recipient.0,
                    name: message.recipient.1,
                },
                message_id: message.external_id,
            },
            said: Members::from_stored(&message.kind, message.content),
            r#type: message.kind,
            provider,
            provider_message_ids: message.provider_message_id.into_iter().collect(),
            conversation_id: message.conversation.map(|id| id.to_string()),
            campaign_id: message.campaign_id,
            metadata: context
                .metadata
                .and_then(|metadata| serde_json::from_str(metadata.get()).ok()),
            dead_letter: message.dead_letter,
            created_at: rfc3339(message.id.unix_ms()),
            history: None,
        }
    }

    /// The message with everything that happened to it.
    pub fn with_history(
        message: Stored,
        provider: Option<&'static str>,
        entries: &[Recorded],
    ) -> Self {
        let first = HistoryView {
            status: match message.direction {
                Direction::Inbound => RECEIVED,
                Direction::Outbound => Status::Queued.as_str(),
            },
            reasons: None,
            time: rfc3339(message.id.unix_ms()),
            source: "gateway".to_owned(),
            said: None,
        };
        let history = std::iter::once(first)
            .chain(entries.iter().filter_map(history))
            .collect();
        Self {
            history: Some(history),
            ..Self::of(message, provider)
        }
    }
}

/// The status word of a message.
pub fn status_word(message: &Stored) -> &'static str {
    match message.direction {
        Direction::Inbound => RECEIVED,
        Direction::Outbound => message.status.as_str(),
    }
}

fn history(entry: &Recorded) -> Option<HistoryView> {
    let status = Status::from_rank(entry.status?)?;
    let detail = detail(entry);
    let is_receipt = entry.kind == Kind::Receipt;
    Some(HistoryView {
        status: status.as_str(),
        said: is_receipt.then(|| said(status, &detail)),
        reasons: detail
            .get("reasons")
            .filter(|reasons| reasons.as_array().is_some_and(|all| !all.is_empty()))
            .cloned(),
        time: rfc3339(MessageId::from_i64(entry.id).unix_ms()),
        source: if is_receipt {
            let named = detail.get("source").and_then(Value::as_str);
            named.unwrap_or("provider").to_owned()
        } else if is_of_restore(entry) {
            "restore".to_owned()
        } else {
            "gateway".to_owned()
        },
    })
}

/// What a receipt said to the letter. Where that is not kept, its provider speaks our own language, and status and
/// reasons are all that it says.
fn said(status: Status, detail: &Value) -> Value {
    if let Some(said) = detail.get("said") {
        return said.clone();
    }
    let mut said = json!({ "messageId": detail["messageId"], "status": status.as_str() });
    let reasons = detail["reasons"].as_array().into_iter().flatten();
    let reasons: Vec<Value> = reasons.cloned().map(without_nulls).collect();
    if !reasons.is_empty() {
        said["reasons"] = Value::from(reasons);
    }
    said
}

fn without_nulls(mut object: Value) -> Value {
    if let Value::Object(members) = &mut object {
        members.retain(|_, value| !value.is_null());
    }
    object
}

/// One try to send a message.
#[derive(Debug, ToSchema)]
#[schema(as = Attempt, rename_all = "camelCase", examples(json!({
    "time": "2026-11-21T12:00:00.000Z", "attempt": 1, "durationMilliseconds": 84, "httpStatus": 503,
    "error": "http_503", "answer": "busy", "nextAttemptAt": "2026-11-21T12:00:04.210Z",
})))]
pub struct AttemptView {
    #[schema(format = DateTime)]
    pub time: String,
    /// The first is 1.
    pub attempt: Option<u32>,
    pub duration_milliseconds: Option<u64>,
    pub http_status: Option<u16>,
    /// The class of the error, such as `http_503` or `timeout`.
    pub error: Option<String>,
    /// The beginning of what was answered, without secrets.
    pub answer: Option<String>,
    #[schema(format = DateTime)]
    pub next_attempt_at: Option<String>,
}

/// An attempt, as `/attempts` shows it; `None` for an entry that is none.
pub fn attempt(entry: &Recorded) -> Option<Value> {
    if entry.kind != Kind::Attempt {
        return None;
    }
    let detail = detail(entry);
    let mut view = json!({ "time": rfc3339(MessageId::from_i64(entry.id).unix_ms()) });
    for member in [
        "attempt",
        "durationMilliseconds",
        "httpStatus",
        "error",
        "answer",
        "nextAttemptAt",
    ] {
        if let Some(value) = detail.get(member) {
            view[member] = value.clone();
        }
    }
    Some(view)
}

/// What an entry says beyond its columns; an empty object where it says nothing.
pub fn detail(entry: &Recorded) -> Value {
    entry
        .detail
        .as_deref()
        .and_then(|detail| serde_json::from_str(detail).ok())
        .unwrap_or_else(|| json!({}))
}

/// Whether by this entry a restore left open what became of the message.
fn is_of_restore(entry: &Recorded) -> bool {
    entry.kind == Kind::Settled && entry.status == Some(Status::Unknown.rank())
}

/// What became of a message, and what is next.
#[derive(Debug, ToSchema)]
#[schema(as = Explanation, rename_all = "camelCase", examples(json!({
    "outcome": "Delivered", "sentence": "The message was delivered.",
})))]
pub struct ExplanationView {
    #[schema(schema_with = status_words)]
    pub outcome: String,
    pub sentence: String,
    #[schema(format = DateTime)]
    pub next_attempt_at: Option<String>,
}

/// Delivered or why not, and what happens next, in a sentence that can be read out.
pub fn explain(message: &Stored, entries: &[Recorded], prospects: Prospects) -> Value {
    let attempts: Vec<Value> = entries
        .iter()
        .filter(|entry| entry.kind == Kind::Attempt)
        .map(detail)
        .collect();
    let last = |member: &str| attempts.last()?.get(member)?.as_str();
    let facts = Facts {
        inbound: message.direction == Direction::Inbound,
        status: message.status,
        reason: message
            .reason
            .and_then(|code| ReasonCode::from_code(u16::try_from(code).ok()?)),
        last_error: last("error"),
        attempts: attempts.len(),
        prospects,
        restored: entries.iter().any(is_of_restore),
        dead_letter: message.dead_letter,
    };
    let mut view = json!({ "outcome": status_word(message), "sentence": sentence(&facts) });
    let waits = facts.is_tried_again() && !prospects.paused && !prospects.held;
    if let Some(next) = last("nextAttemptAt").filter(|_| waits) {
        view["nextAttemptAt"] = json!(next);
    }
    view
}
