//! `POST /messages/{id}/cancel`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::look::message_id;
use crate::auth::caller::TenantCaller;
use crate::auth::permission::Permission;
use crate::messages::desk::Desk;
use crate::messages::status::Status;
use crate::platform::http::envelope::Answer;
use crate::platform::http::idempotency::{IdempotencyKeys, Once};
use crate::platform::http::{ApiError, Path};

/// Calls one message back that is `Queued`.
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
    let answer = Answer::new(
        StatusCode::OK,
        json!({ "id": id.to_string(), "status": status }),
    )?;
    let now_ms = desk.clock.now_ms();
    keys.keep_elsewhere(jobs, call.as_ref(), &answer, now_ms)
        .await?;
    Ok(answer.into_response())
}
