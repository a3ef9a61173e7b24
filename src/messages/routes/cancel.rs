//! `POST /messages/{id}/cancel`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::look::message_id;
use crate::auth::caller::TenantCaller;
use crate::auth::permission::Permission;
use crate::messages::desk::Desk;
use crate::messages::status::Status;
use crate::platform::http::envelope::Answer;
use crate::platform::http::idempotency::{IdempotencyKeys, Once};
use crate::platform::http::openapi::{
    Conflict, KeyRefused, Missing, RepeatRefused, Repeatable, Success,
};
use crate::platform::http::{ApiError, Path};

/// What became of a message that was called back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CancelledMessage, examples(json!({ "id": "1795264928594-0", "status": "Cancelled" })))]
struct CancelledView {
    id: String,
    /// Always `Cancelled`.
    status: &'static str,
}

/// Calls one message back that is `Queued`; an attempt under way goes first.
#[utoipa::path(
    post, path = "/messages/{id}/cancel", tag = "Messages", operation_id = "cancelMessage",
    params(("id" = String, Path, description = "The id of a message"), Repeatable),
    responses((status = 200, body = Success<CancelledView>), KeyRefused, Missing, Conflict, RepeatRefused),
    security(("apiKey" = ["nexus:messages:send"], "tenant" = [])),
)]
pub(super) async fn cancel(
    State(desk): State<Desk>,
    State(keys): State<IdempotencyKeys>,
    caller: TenantCaller,
    Path(id): Path<String>,
    Once(key): Once,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesSend)?;
    let id = message_id(&id)?;
    let call = key.map(|key| key.of(caller.ccid));
    let jobs = &desk.database.jobs;
    if let Some(answer) = keys.begin_elsewhere(jobs, call.as_ref()).await? {
        return Ok(answer.into_response());
    }
    // The lane's owner does it. A message that was called back before stays so.
    desk.cancel(caller.ccid, id).await?;
    let status = Status::Cancelled.as_str();
    let id = id.to_string();
    let answer = Answer::new(StatusCode::OK, CancelledView { id, status })?;
    let now_ms = desk.clock.now_ms();
    keys.keep_elsewhere(jobs, call.as_ref(), &answer, now_ms)
        .await?;
    Ok(answer.into_response())
}
