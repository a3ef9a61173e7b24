//! Messages, their attempts and their explanation; retrying a dead letter.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use crate::auth::caller::TenantCaller;
use crate::auth::permission::Permission;
use crate::messages::desk::Desk;
use crate::messages::store::read::{Filter, Stored};
use crate::messages::view::{self, MessageView};
use crate::platform::http::page::{self, Page};
use crate::platform::http::{ApiError, Path, Query, envelope};
use crate::values::{ConversationId, MessageId};

/// What narrows a list of messages.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ListQuery {
    limit: Option<i64>,
    cursor: Option<String>,
    channel_id: Option<String>,
    address: Option<String>,
    dead_letter: Option<bool>,
}

/// Messages of the tenant, newest first.
pub(super) async fn list(
    State(desk): State<Desk>,
    caller: TenantCaller,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesRead)?;
    let filter = Filter {
        channel_id: normalised::<crate::values::ChannelId>("channelId", query.channel_id)?,
        address: normalised::<crate::values::Address>("address", query.address)?,
        conversation: None,
        dead_letters_only: query.dead_letter.unwrap_or(false),
    };
    let page = Page {
        limit: query.limit,
        cursor: query.cursor,
    };
    let limit = page.limit()?;
    let messages = desk
        .list(caller.ccid, &filter, page.before()?, limit)
        .await?;
    Ok(page_of(messages, limit))
}

/// Messages of one conversation, newest first.
pub(super) async fn conversation(
    State(desk): State<Desk>,
    caller: TenantCaller,
    Path(id): Path<String>,
    Query(page): Query<Page>,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesRead)?;
    let id: ConversationId = id
        .parse()
        .map_err(|_| ApiError::not_found("there is no such conversation"))?;
    let limit = page.limit()?;
    let messages = desk
        .conversation(caller.ccid, id, page.before()?, limit)
        .await?;
    Ok(page_of(messages, limit))
}

/// One message with its history.
pub(super) async fn show(
    State(desk): State<Desk>,
    caller: TenantCaller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesRead)?;
    let (message, entries) = desk.find(caller.ccid, message_id(&id)?).await?;
    Ok(envelope::ok(MessageView::with_history(message, &entries)))
}

/// The attempts to send one message.
pub(super) async fn attempts(
    State(desk): State<Desk>,
    caller: TenantCaller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesRead)?;
    let (_, entries) = desk.find(caller.ccid, message_id(&id)?).await?;
    let items: Vec<_> = entries.iter().filter_map(view::attempt).collect();
    Ok(envelope::ok(json!({ "items": items })))
}

/// Delivered or why not, and what happens next.
pub(super) async fn explain(
    State(desk): State<Desk>,
    caller: TenantCaller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesRead)?;
    let (message, entries) = desk.find(caller.ccid, message_id(&id)?).await?;
    let paused = desk.is_paused(&message).await?;
    Ok(envelope::ok(view::explain(&message, &entries, paused)))
}

/// Sends one dead letter again.
pub(super) async fn retry(
    State(desk): State<Desk>,
    caller: TenantCaller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesSend)?;
    let id = message_id(&id)?;
    desk.retry(caller.ccid, id).await?;
    Ok(envelope::accepted(json!({ "id": id.to_string() })))
}

fn message_id(text: &str) -> Result<MessageId, ApiError> {
    text.parse()
        .map_err(|_| ApiError::not_found("there is no such message"))
}

/// A filter in the spelling that is stored.
fn normalised<T: std::str::FromStr + AsStr>(
    member: &str,
    value: Option<String>,
) -> Result<Option<String>, ApiError> {
    let parse = |text: String| match text.parse::<T>() {
        Ok(value) => Ok(value.text()),
        Err(_) => Err(ApiError::unprocessable(format!("{member} is not one"))
            .detail(member, "cannot be read")),
    };
    value.map(parse).transpose()
}

trait AsStr {
    fn text(&self) -> String;
}

impl AsStr for crate::values::ChannelId {
    fn text(&self) -> String {
        self.as_str().to_owned()
    }
}

impl AsStr for crate::values::Address {
    fn text(&self) -> String {
        self.as_str().to_owned()
    }
}

fn page_of(messages: Vec<Stored>, limit: i64) -> Response {
    let full = i64::try_from(messages.len()).is_ok_and(|count| count == limit);
    let next = messages
        .last()
        .filter(|_| full)
        .map(|last| last.id.to_string());
    let items: Vec<MessageView> = messages.into_iter().map(MessageView::of).collect();
    page::answer(items, next)
}
