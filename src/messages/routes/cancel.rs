//! `POST /messages/{id}/cancel`.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::look::message_id;
use crate::auth::caller::TenantCaller;
use crate::auth::permission::Permission;
use crate::messages::desk::Desk;
use crate::messages::status::Status;
use crate::platform::http::{ApiError, Path, envelope};

/// Calls one message back that is `Queued`.
pub(super) async fn cancel(
    State(desk): State<Desk>,
    caller: TenantCaller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesSend)?;
    let id = message_id(&id)?;
    desk.cancel(caller.ccid, id).await?;
    Ok(envelope::ok(
        json!({ "id": id.to_string(), "status": Status::Cancelled.as_str() }),
    ))
}
