//! All HTTP over conversations themselves; their messages are `messages`' business.

use std::sync::Arc;

use axum::extract::{FromRef, State as From};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::Conversation;
use super::store;
use crate::auth::caller::TenantCaller;
use crate::auth::keyring::Keyring;
use crate::auth::permission::Permission;
use crate::lanes::ids::Ids;
use crate::lanes::ownership::Ownership;
use crate::platform::clock::{Clock, rfc3339};
use crate::platform::database::Database;
use crate::platform::http::envelope::Answer;
use crate::platform::http::idempotency::{Begun, IdempotencyKeys, Once};
use crate::platform::http::openapi::{
    KeyRefused, Missing, QueryRefused, RepeatRefused, Repeatable, Success, words,
};
use crate::platform::http::page::{Items, Page, Sought};
use crate::platform::http::{ApiError, Path, Query, envelope};
use crate::values::ConversationId;

/// What these handlers may reach.
#[derive(Debug, Clone, FromRef)]
pub struct State {
    pub keyring: Keyring,
    pub clock: Clock,
    pub database: Database,
    pub ids: Arc<Ids>,
    pub ownership: Arc<Ownership>,
    pub keys: IdempotencyKeys,
}

/// Below the base path.
pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(close))
}

/// A thread of one consumer on one channel.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Conversation, examples(json!({
    "id": "1795264928594-1", "state": "open", "channelId": "16504661149",
    "consumer": { "id": "16505550199", "name": "Jane" }, "openedAt": "2026-11-21T12:00:00.000Z",
})))]
#[serde(rename_all = "camelCase")]
struct View {
    id: String,
    #[schema(schema_with = states)]
    state: &'static str,
    channel_id: String,
    consumer: ConsumerView,
    #[schema(format = DateTime)]
    opened_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    closed_at: Option<String>,
}

fn states() -> Object {
    words(&["open", "closed"])
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Consumer)]
struct ConsumerView {
    /// A phone number or an email address.
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// Lists the conversations of the tenant, newest first.
#[utoipa::path(
    get, path = "/conversations", tag = "Conversations", operation_id = "listConversations",
    params(Page),
    responses((status = 200, body = Success<Items<View>>), KeyRefused, QueryRefused),
    security(("apiKey" = ["nexus:messages:read"], "tenant" = [])),
)]
async fn list(
    From(database): From<Database>,
    caller: TenantCaller,
    Query(page): Query<Page>,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesRead)?;
    let (sought, before) = (Sought::of(&page)?, page.after::<ConversationId>()?);
    let mut connection = database
        .reads
        .acquire()
        .await
        .map_err(ApiError::unavailable)?;
    let found = store::list(&mut connection, caller.ccid, before, sought.items())
        .await
        .map_err(ApiError::unavailable)?;
    Ok(sought.answer(found, |last| last.id.to_string(), View::from))
}

/// Shows one conversation.
#[utoipa::path(
    get, path = "/conversations/{id}", tag = "Conversations", operation_id = "getConversation",
    params(("id" = String, Path, description = "The id of a conversation")),
    responses((status = 200, body = Success<View>), KeyRefused, Missing),
    security(("apiKey" = ["nexus:messages:read"], "tenant" = [])),
)]
async fn show(
    From(database): From<Database>,
    caller: TenantCaller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesRead)?;
    let mut connection = database
        .reads
        .acquire()
        .await
        .map_err(ApiError::unavailable)?;
    let found = store::find(&mut connection, caller.ccid, parse(&id)?)
        .await
        .map_err(ApiError::unavailable)?;
    Ok(envelope::ok(View::from(found.ok_or_else(unknown)?)))
}

/// Finishes a conversation; the consumer's next message opens another. Closing twice is as good as once.
#[utoipa::path(
    post, path = "/conversations/{id}/close", tag = "Conversations", operation_id = "closeConversation",
    params(("id" = String, Path, description = "The id of a conversation"), Repeatable),
    responses((status = 200, body = Success<View>), KeyRefused, Missing, RepeatRefused),
    security(("apiKey" = ["nexus:messages:send"], "tenant" = [])),
)]
async fn close(
    From(state): From<State>,
    caller: TenantCaller,
    Path(id): Path<String>,
    Once(key): Once,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesSend)?;
    let id = parse(&id)?;
    let call = key.map(|key| key.of(caller.ccid));
    let event = state
        .ids
        .next(&state.ownership)
        .map_err(ApiError::unavailable)?;
    let mut work = match state.keys.open(&state.database.jobs, call).await? {
        Begun::Anew(work) => work,
        Begun::Before(answer) => return Ok(answer.into_response()),
    };
    let found = store::find(&mut work, caller.ccid, id)
        .await
        .map_err(ApiError::unavailable)?;
    let (mut work, _) = work.unless_refused(found.ok_or_else(unknown)).await?;
    let now_ms = state.clock.now_ms();
    store::close(&mut work, caller.ccid, id, now_ms, event)
        .await
        .map_err(ApiError::unavailable)?;
    let closed = store::find(&mut work, caller.ccid, id)
        .await
        .map_err(ApiError::unavailable)?;
    let answer = Answer::new(StatusCode::OK, View::from(closed.ok_or_else(unknown)?))?;
    work.finish(&answer, now_ms).await?;
    Ok(answer.into_response())
}

fn parse(id: &str) -> Result<ConversationId, ApiError> {
    id.parse().map_err(|_| unknown())
}

fn unknown() -> ApiError {
    ApiError::not_found("there is no such conversation")
}

impl std::convert::From<Conversation> for View {
    fn from(conversation: Conversation) -> Self {
        Self {
            id: conversation.id.to_string(),
            state: if conversation.closed_at.is_some() {
                "closed"
            } else {
                "open"
            },
            channel_id: conversation.channel_id.as_str().to_owned(),
            consumer: ConsumerView {
                id: conversation.consumer.as_str().to_owned(),
                name: conversation.consumer_name,
            },
            opened_at: rfc3339(conversation.opened_at),
            closed_at: conversation.closed_at.map(rfc3339),
        }
    }
}
