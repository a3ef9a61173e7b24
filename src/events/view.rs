//! Events as the API shows them.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::cursor::Cursor;
use crate::conversations;
use crate::history::model::{Kind, Recorded, Stream};
use crate::history::store::Position;
use crate::messages::status::Status;
use crate::messages::store::read::{self, Stored};
use crate::messages::view::{MessageView, detail};
use crate::platform::clock::rfc3339;
use crate::values::{Ccid, ConversationId, MessageId};

/// One event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event, examples(json!({
    "cursor": "1.3a2.198f5a28f3e", "id": "1795264928594-2", "type": "message.status", "stream": "chat",
    "time": "2026-11-21T12:00:00.000Z",
    "data": {
        "messageId": "1795264928594-0", "status": "Delivered", "channelId": "16504661149", "recipient": "16505550199",
    },
})))]
pub struct EventView {
    /// `after` of the call that reads on.
    cursor: String,
    id: String,
    /// Such as `message.received`, `message.status`, `conversation.started` or `endpoint.paused`.
    r#type: &'static str,
    /// `chat`, `cxc` or `all`.
    stream: &'static str,
    #[schema(format = DateTime)]
    time: String,
    /// What it is about, by its type: the whole message where one was received, else what names it and what changed.
    #[schema(value_type = Object)]
    data: Value,
}

/// Renders entries with what they are about.
pub async fn render(
    connection: &mut PgConnection,
    ccid: Ccid,
    generation: i32,
    entries: &[Recorded],
) -> sqlx::Result<Vec<EventView>> {
    let messages = messages(connection, ccid, entries).await?;
    let mut views = Vec::with_capacity(entries.len());
    for entry in entries {
        let data = match entry.kind {
            Kind::Received => received(messages.get(&entry.subject).cloned()),
            Kind::Attempt | Kind::Receipt | Kind::Settled => {
                status(entry, messages.get(&entry.subject))
            }
            Kind::ConversationStarted | Kind::ConversationFinished => {
                conversation(connection, ccid, entry.subject).await?
            }
            Kind::SuppressionAdded | Kind::SuppressionRemoved => {
                suppression(entry, messages.get(&entry.subject))
            }
            Kind::EndpointPaused
            | Kind::EndpointResumed
            | Kind::EndpointWarned
            | Kind::ReceiptUnmatched => detail(entry),
        };
        let position = Position {
            transaction: entry.transaction,
            id: entry.id,
        };
        let id = MessageId::from_i64(entry.id);
        views.push(EventView {
            cursor: Cursor {
                generation,
                position,
            }
            .to_string(),
            id: id.to_string(),
            r#type: entry.kind.event_type(),
            stream: entry.stream.map_or("all", Stream::as_str),
            time: rfc3339(id.unix_ms()),
            data,
        });
    }
    Ok(views)
}

async fn messages(
    connection: &mut PgConnection,
    ccid: Ccid,
    entries: &[Recorded],
) -> sqlx::Result<HashMap<i64, Stored>> {
    let about_messages = |entry: &&Recorded| match entry.kind {
        Kind::Received
        | Kind::Attempt
        | Kind::Receipt
        | Kind::Settled
        | Kind::SuppressionAdded
        | Kind::SuppressionRemoved => true,
        Kind::ConversationStarted
        | Kind::ConversationFinished
        | Kind::EndpointPaused
        | Kind::EndpointResumed
        | Kind::EndpointWarned
        | Kind::ReceiptUnmatched => false,
    };
    let mut ids: Vec<MessageId> = entries
        .iter()
        .filter(about_messages)
        .map(|entry| MessageId::from_i64(entry.subject))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let found = read::by_ids(connection, ccid, &ids).await?;
    Ok(found
        .into_iter()
        .map(|message| (message.id.as_i64(), message))
        .collect())
}

fn received(message: Option<Stored>) -> Value {
    message
        .and_then(|message| serde_json::to_value(MessageView::of(message, None)).ok())
        .unwrap_or_else(|| json!({}))
}

fn status(entry: &Recorded, message: Option<&Stored>) -> Value {
    let detail = detail(entry);
    let mut data = json!({
        "messageId": MessageId::from_i64(entry.subject).to_string(),
        "status": entry.status.and_then(Status::from_rank).map(Status::as_str),
    });
    if let Some(reasons) = detail
        .get("reasons")
        .filter(|reasons| reasons.as_array().is_some_and(|all| !all.is_empty()))
    {
        data["reasons"] = reasons.clone();
    }
    if let Some(message) = message {
        data["channelId"] = json!(message.channel_id);
        data["recipient"] = json!(message.recipient.0);
        for (member, value) in [
            ("callerMessageId", message.external_id.clone()),
            ("campaignId", message.campaign_id.clone()),
            (
                "conversationId",
                message.conversation.map(|id| id.to_string()),
            ),
        ] {
            if let Some(value) = value {
                data[member] = json!(value);
            }
        }
    }
    data
}

async fn conversation(connection: &mut PgConnection, ccid: Ccid, id: i64) -> sqlx::Result<Value> {
    let id = ConversationId::from_i64(id);
    let found = conversations::store::find(connection, ccid, id).await?;
    Ok(found.map_or_else(
        || json!({ "conversationId": id.to_string() }),
        |found| {
            json!({
                "conversationId": id.to_string(),
                "channelId": found.channel_id.as_str(),
                "consumer": found.consumer.as_str(),
            })
        },
    ))
}

/// A keyword's message says who has opted out; other sources say it themselves.
fn suppression(entry: &Recorded, message: Option<&Stored>) -> Value {
    match message {
        Some(message) if entry.detail.is_none() => json!({
            "channelId": message.channel_id,
            "address": message.sender.0,
            "source": "keyword",
            "evidence": message.id.to_string(),
        }),
        Some(_) | None => detail(entry),
    }
}
