//! Messages, their attempts and their explanation; retrying a dead letter.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::search;
use crate::auth::caller::TenantCaller;
use crate::auth::permission::Permission;
use crate::messages::desk::Desk;
use crate::messages::view::{self, MessageView};
use crate::platform::http::envelope::Answer;
use crate::platform::http::idempotency::{Begun, IdempotencyKeys, Once};
use crate::platform::http::page::Page;
use crate::platform::http::{ApiError, Path, Query, envelope};
use crate::values::{ConversationId, MessageId};

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
    let found = desk
        .conversation(caller.ccid, id, page.after()?, limit)
        .await?;
    Ok(search::answer(found))
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
    let prospects = desk.prospects(&message).await?;
    Ok(envelope::ok(view::explain(&message, &entries, prospects)))
}

/// Sends one dead letter again.
pub(super) async fn retry(
    State(desk): State<Desk>,
    State(keys): State<IdempotencyKeys>,
    caller: TenantCaller,
    Path(id): Path<String>,
    Once(key): Once,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesSend)?;
    let id = message_id(&id)?;
    let call = key.map(|key| key.of(caller.ccid));
    let mut work = match keys.open(&desk.database.jobs, call).await? {
        Begun::Anew(work) => work,
        Begun::Before(answer) => return Ok(answer.into_response()),
    };
    let done = desk.retry(&mut work, caller.ccid, id).await;
    let (work, redriven) = work.unless_refused(done).await?;
    let answer = Answer::new(StatusCode::ACCEPTED, json!({ "id": id.to_string() }))?;
    work.finish(&answer, desk.clock.now_ms()).await?;
    desk.redriven(redriven);
    Ok(answer.into_response())
}

pub(super) fn message_id(text: &str) -> Result<MessageId, ApiError> {
    text.parse()
        .map_err(|_| ApiError::not_found("there is no such message"))
}
