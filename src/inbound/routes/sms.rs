//! `POST /sms/message` and `POST /sms/receipt`: what the aggregation service calls us with, under HTTP Basic.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request, State as From};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Uri};
use axum::middleware::from_fn;
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::State;
use crate::auth::BasicCaller;
use crate::auth::permission::Permission;
use crate::connectors::form::{BodyShape, MemberFault};
use crate::connectors::portico::receive::{self, Members};
use crate::inbound::attachments::{AttachmentRefused, SmsRefused};
use crate::inbound::door::InboundDoor;
use crate::media::deposit::NotTaken;
use crate::platform::http::openapi::{
    BodyRefused, Conflict, Done, KeyRefused, SuccessMaybeData, TooMany,
};
use crate::platform::http::patience::waits_by_nature;
use crate::platform::http::{ApiError, LongBodyPlace, RawBody, Trace, envelope, scan};
use crate::provisioning::directory::Directory;
use crate::values::{Ccid, ReasonCode};

/// Messages and receipts of the aggregation service; only below the base path.
pub fn routes() -> OpenApiRouter<State> {
    // A message may carry files, of which many rows are written.
    let messages = OpenApiRouter::default()
        .routes(routes!(message))
        .route_layer(from_fn(waits_by_nature));
    messages.routes(routes!(receipt))
}

/// The id of a message that was taken; `data` is left out where it has none any more.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TakenMessage, examples(json!({ "id": "1795264928594-0" })))]
pub(super) struct TakenView {
    pub(super) id: String,
}

/// Takes a consumer's message (MO); answers once it is durable.
///
/// Its members come as a form, behind the `?` or as JSON. The same `message_id` again changes nothing.
#[utoipa::path(
    post, path = "/sms/message", tag = "Aggregation service", operation_id = "receiveSms",
    params(receive::MessageMembers),
    request_body(content(
        (receive::MessageMembers = "application/x-www-form-urlencoded"), (receive::MessageMembers = "application/json"),
    )),
    responses((status = 200, body = SuccessMaybeData<TakenView>), KeyRefused, BodyRefused, Conflict, TooMany),
    security(("basic" = ["nexus:callbacks:write"])),
)]
async fn message(
    From(door): From<Arc<InboundDoor>>,
    From(directory): From<Directory>,
    Trace(trace): Trace,
    MessageCall { call, _place }: MessageCall,
) -> Result<Response, ApiError> {
    let Call { ccid, members } = call;
    let message = receive::message(members, door.limits).map_err(refused)?;
    let snapshot = directory.snapshot();
    let channel = snapshot
        .receiving(ccid, &message.channel_id)
        .ok_or_else(|| {
            let sentence = "the tenant has no channel of this number";
            ApiError::bad_request_with(ReasonCode::InvalidDestination, sentence)
                .detail("/shortcode", sentence)
        })?;
    Ok(match door.take_sms(channel, message, &trace).await? {
        Some(id) => envelope::ok(TakenView { id: id.to_string() }),
        None => envelope::done(),
    })
}

/// Takes a delivery receipt (DR); answers once it is durable.
///
/// It is applied to the message that it names, or kept until that is known. `result_code` wins over `message_state`
/// where it names a failure.
#[utoipa::path(
    post, path = "/sms/receipt", tag = "Aggregation service", operation_id = "receiveSmsReceipt",
    params(receive::ReceiptMembers),
    request_body(content(
        (receive::ReceiptMembers = "application/x-www-form-urlencoded"), (receive::ReceiptMembers = "application/json"),
    )),
    responses((status = 200, body = Done), KeyRefused, BodyRefused, TooMany),
    security(("basic" = ["nexus:callbacks:write"])),
)]
async fn receipt(
    From(door): From<Arc<InboundDoor>>,
    Call { ccid, members }: Call,
) -> Result<Response, ApiError> {
    let receipt = receive::receipt(&members).map_err(refused)?;
    door.take_sms_receipt(ccid, receipt).await?;
    Ok(envelope::done())
}

/// What a caller that may hand in says, and for whom. Who may not is refused before the body is read.
struct Call {
    ccid: Ccid,
    members: Members,
}

/// A call with a message. What it carries makes it longer than others.
struct MessageCall {
    call: Call,
    /// Held until the call is done, which has in memory what was in its body.
    _place: Option<LongBodyPlace>,
}

impl FromRequest<State> for Call {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &State) -> Result<Self, ApiError> {
        let (ccid, request) = authorized(request, state).await?;
        let (uri, headers) = (request.uri().clone(), request.headers().clone());
        let RawBody(bytes) = RawBody::from_request(request, state).await?;
        Self::parse(ccid, (&uri, &headers), &bytes)
    }
}

impl FromRequest<State> for MessageCall {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &State) -> Result<Self, ApiError> {
        let (ccid, request) = authorized(request, state).await?;
        let (uri, headers) = (request.uri().clone(), request.headers().clone());
        let body = state.long_bodies.read(ccid, request).await?;
        Ok(Self {
            call: Call::parse(ccid, (&uri, &headers), &body.bytes)?,
            _place: body.place,
        })
    }
}

impl Call {
    fn parse(
        ccid: Ccid,
        (uri, headers): (&Uri, &HeaderMap),
        bytes: &Bytes,
    ) -> Result<Self, ApiError> {
        let body = shaped(headers, bytes)?;
        let members = Members::read(uri.query().unwrap_or_default(), body).map_err(refused)?;
        Ok(Self { ccid, members })
    }
}

async fn authorized(request: Request, state: &State) -> Result<(Ccid, Request), ApiError> {
    let (mut parts, body) = request.into_parts();
    let caller = BasicCaller::from_request_parts(&mut parts, state).await?;
    caller.require(Permission::CallbacksWrite)?;
    Ok((caller.ccid, Request::from_parts(parts, body)))
}

/// The body with its shape; no bytes are no body, whatever they are said to be.
pub(super) fn shaped<'a>(
    headers: &HeaderMap,
    bytes: &'a Bytes,
) -> Result<Option<(BodyShape, &'a [u8])>, ApiError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let content_type = headers.get(CONTENT_TYPE);
    let shape = content_type
        .and_then(|value| BodyShape::of(value.to_str().ok()?))
        .ok_or_else(|| {
            ApiError::unsupported_media(
                "the body must be application/x-www-form-urlencoded or application/json",
            )
        })?;
    if shape == BodyShape::Json {
        scan::check(bytes)?;
    }
    Ok(Some((shape, bytes)))
}

pub(super) fn refused(faults: Vec<MemberFault>) -> ApiError {
    detailed("the call cannot be taken; nothing was stored", faults)
}

/// Every fault is named; the first one's code stands for all.
pub(super) fn detailed(sentence: &str, faults: Vec<MemberFault>) -> ApiError {
    let reason = faults
        .first()
        .map_or(ReasonCode::InvalidStructure, |fault| fault.reason);
    let error = ApiError::bad_request_with(reason, sentence);
    faults.into_iter().fold(error, |error, fault| {
        let path = match fault.name.as_str() {
            "" => String::new(),
            name => format!("/{name}"),
        };
        error.detail(path, fault.message)
    })
}

impl std::convert::From<SmsRefused> for ApiError {
    fn from(error: SmsRefused) -> Self {
        match error {
            SmsRefused::Message(error) => error.into(),
            SmsRefused::Attachments(attachments) => {
                refused(attachments.into_iter().map(MemberFault::from).collect())
            }
            SmsRefused::Files(error) => error.into(),
        }
    }
}

impl std::convert::From<AttachmentRefused> for MemberFault {
    fn from(AttachmentRefused { number, why }: AttachmentRefused) -> Self {
        let (piece, reason) = match why {
            NotTaken::Kind(_) => ("content_type", ReasonCode::Unsupported),
            NotTaken::TooLarge { .. } => ("content", ReasonCode::InvalidStructure),
        };
        Self {
            name: format!("mms_attachment[{number}].{piece}"),
            message: why.to_string(),
            reason,
        }
    }
}
