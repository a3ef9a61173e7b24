//! `POST /channels/{channelId}/messages`: what third parties send us, signed.

mod agents;
pub mod batches;
pub mod callbacks;
mod http_sms;
pub mod sms;
mod sparkpost;

use std::sync::Arc;

use axum::extract::{FromRef, FromRequest, FromRequestParts, Request, State as From};
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::batches::Batches;
use super::door::{InboundDoor, InboundError};
use crate::auth::Keyring;
use crate::connectors::third_party::receive;
use crate::content::document::Fault;
use crate::messages::desk::Desk;
use crate::platform::clock::Clock;
use crate::platform::http::openapi::{
    BodyRefused, Conflict, SignatureRefused, SuccessMaybeData, TooMany,
};
use crate::platform::http::{ApiError, LongBodies, Path, RawBody, Trace, envelope, scan};
use crate::provisioning::directory::{Channel, Directory, SignedCall};
use crate::values::ReasonCode;

/// What these handlers may reach.
#[derive(Debug, Clone, FromRef)]
pub struct State {
    pub keyring: Keyring,
    pub clock: Clock,
    pub directory: Directory,
    pub door: Arc<InboundDoor>,
    /// Sends what agents elsewhere say.
    pub desk: Desk,
    pub batches: Batches,
    /// Bodies of messages that carry files.
    pub long_bodies: LongBodies,
}

/// The Third-Party Messaging API; served with and without the base path.
pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::default().routes(routes!(receive))
}

/// The ids of the content messages of a body, in their order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReceivedIds, examples(json!({ "ids": ["1795264928594-0"] })))]
struct IdsView {
    ids: Vec<String>,
}

/// Takes messages and receipts of a third party; answers once they are durable.
///
/// All or nothing: one bad message refuses the whole body. The same message again, known by its `messageId`, changes
/// nothing and answers the same id. Where there are receipts and events alone, the answer has no `data`.
#[utoipa::path(
    post, path = "/channels/{channelId}/messages", tag = "Third party", operation_id = "receiveMessages",
    params(("channelId" = String, Path, description = "A number or a domain that the tenant sends from")),
    request_body = receive::Body,
    responses(
        (status = 200, body = SuccessMaybeData<IdsView>), SignatureRefused, BodyRefused, Conflict, TooMany,
    ),
    security(("signature" = [], "tenant" = []), ("signature256" = [], "tenant" = [])),
)]
async fn receive(
    From(door): From<Arc<InboundDoor>>,
    Trace(trace): Trace,
    Signed { channel, body }: Signed,
) -> Result<Response, ApiError> {
    scan::check(&body)?;
    let messages = receive::parse(&channel.channel_id, &body, door.limits).map_err(refused)?;
    let has_content = messages
        .iter()
        .any(|message| matches!(message, receive::Inbound::Content(_)));
    let ids = door.take(&channel, messages, &trace).await?;
    if !has_content {
        return Ok(envelope::done());
    }
    let ids = ids.iter().map(ToString::to_string).collect();
    Ok(envelope::ok(IdsView { ids }))
}

/// The bytes of a body that was signed with a live secret of the channel in the path. No database is asked.
struct Signed {
    channel: Arc<Channel>,
    body: Bytes,
}

impl FromRequest<State> for Signed {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &State) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let Path(channel_id) = Path::<String>::from_request_parts(&mut parts, state).await?;
        let headers = parts.headers.clone();
        let request = Request::from_parts(parts, body);
        let RawBody(body) = RawBody::from_request(request, state).await?;
        let snapshot = state.directory.snapshot();
        let now_ms = state.clock.now_ms();
        let mut call = SignedCall::begin(&headers, &channel_id, &snapshot, now_ms)?;
        call.update(&body);
        let channel = call.finish()?;
        Ok(Self { channel, body })
    }
}

/// The whole body is refused, and every fault is named. The first one's code stands for all.
fn refused(faults: Vec<Fault>) -> ApiError {
    let reason = faults
        .first()
        .map_or(ReasonCode::InvalidStructure, |fault| fault.reason);
    let error = ApiError::bad_request_with(
        reason,
        "the messages cannot be taken; nothing of them was stored",
    );
    faults.into_iter().fold(error, |error, fault| {
        error.detail(fault.path, fault.message)
    })
}

impl std::convert::From<InboundError> for ApiError {
    fn from(error: InboundError) -> Self {
        match error {
            InboundError::Conflict { index } => Self::conflict(None, error.to_string()).detail(
                format!("/messages/{index}/channel/messageId"),
                "used before",
            ),
            InboundError::Refused => {
                Self::bad_request_with(ReasonCode::InvalidStructure, error.to_string())
            }
            InboundError::ParkingFull => Self::rate_limited(60, error.to_string()),
            InboundError::Unavailable => Self::unavailable(error),
        }
    }
}
