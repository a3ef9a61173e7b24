//! Messages, their attempts and their explanation; retrying a dead letter.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::search::{self, FoundView};
use crate::audit::{self, Action, Entry};
use crate::auth::caller::TenantCaller;
use crate::auth::permission::Permission;
use crate::messages::desk::Desk;
use crate::messages::view::{self, AttemptView, ExplanationView, MessageView};
use crate::platform::http::envelope::Answer;
use crate::platform::http::idempotency::{Begun, IdempotencyKeys, Once};
use crate::platform::http::openapi::{
    Conflict, KeyRefused, Missing, QueryRefused, RepeatRefused, Repeatable, Success,
};
use crate::platform::http::page::{Items, Page};
use crate::platform::http::{ApiError, Path, Query, envelope};
use crate::values::{ConversationId, MessageId};

/// Messages of one conversation, newest first.
#[utoipa::path(
    get, path = "/conversations/{id}/messages", tag = "Conversations", operation_id = "listConversationMessages",
    params(("id" = String, Path, description = "The id of a conversation"), Page),
    responses((status = 200, body = Success<FoundView>), KeyRefused, Missing, QueryRefused),
    security(("apiKey" = ["nexus:messages:read"], "tenant" = [])),
)]
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
    Ok(search::answer(&desk, found))
}

/// One message with its history.
#[utoipa::path(
    get, path = "/messages/{id}", tag = "Messages", operation_id = "getMessage",
    params(("id" = String, Path, description = "The id of a message")),
    responses((status = 200, body = Success<MessageView>), KeyRefused, Missing),
    security(("apiKey" = ["nexus:messages:read"], "tenant" = [])),
)]
pub(super) async fn show(
    State(desk): State<Desk>,
    caller: TenantCaller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesRead)?;
    let (message, entries) = desk.find(caller.ccid, message_id(&id)?).await?;
    let provider = desk.provider(&message);
    Ok(envelope::ok(MessageView::with_history(
        message, provider, &entries,
    )))
}

/// The attempts to send one message, each with what came back.
#[utoipa::path(
    get, path = "/messages/{id}/attempts", tag = "Messages", operation_id = "listAttempts",
    params(("id" = String, Path, description = "The id of a message")),
    responses((status = 200, body = Success<Items<AttemptView>>), KeyRefused, Missing),
    security(("apiKey" = ["nexus:messages:read"], "tenant" = [])),
)]
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

/// Delivered or why not, and what happens next, in a sentence that can be read out.
#[utoipa::path(
    get, path = "/messages/{id}/explain", tag = "Messages", operation_id = "explainMessage",
    params(("id" = String, Path, description = "The id of a message")),
    responses((status = 200, body = Success<ExplanationView>), KeyRefused, Missing),
    security(("apiKey" = ["nexus:messages:read"], "tenant" = [])),
)]
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

/// Sends one dead letter again; anything else is 409.
#[utoipa::path(
    post, path = "/messages/{id}/retry", tag = "Messages", operation_id = "retryMessage",
    params(("id" = String, Path, description = "The id of a message"), Repeatable),
    responses((status = 202, body = Success<NamedView>), KeyRefused, Missing, Conflict, RepeatRefused),
    security(("apiKey" = ["nexus:messages:send"], "tenant" = [])),
)]
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
    let (mut work, redriven) = work.unless_refused(done).await?;
    let record = Entry::by(
        &caller.caller,
        caller.ccid,
        (Action::MessageRetried, id.to_string()),
    );
    let recorded = audit::store::append(&mut work, &record).await;
    recorded.map_err(ApiError::unavailable)?;
    let answer = Answer::new(StatusCode::ACCEPTED, NamedView { id: id.to_string() })?;
    work.finish(&answer, desk.clock.now_ms()).await?;
    desk.redriven(redriven);
    Ok(answer.into_response())
}

/// A message by its id.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NamedMessage, examples(json!({ "id": "1795264928594-0" })))]
pub(super) struct NamedView {
    pub(super) id: String,
}

pub(super) fn message_id(text: &str) -> Result<MessageId, ApiError> {
    text.parse()
        .map_err(|_| ApiError::not_found("there is no such message"))
}
