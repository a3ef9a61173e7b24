//! `POST /callbacks/{provider}/{ccid}/{token}`: what providers call us with that cannot authenticate. The token in the
//! address is known to nobody else.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request, State as From};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn;
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::State;
use super::batches::Batches;
use super::sms::{TakenView, refused};
use crate::connectors::form::BodyShape;
use crate::connectors::mgage::receive::{self, Call, CallMembers};
use crate::connectors::mgage::settings::MGageSettings;
use crate::connectors::sparkpost::receive as sparkpost;
use crate::inbound::door::InboundDoor;
use crate::platform::http::openapi::{BodyRefused, Done, Missing, SuccessMaybeData, TooMany};
use crate::platform::http::patience::waits_by_nature;
use crate::platform::http::{ApiError, LongBodyPlace, Path, RawBody, Trace, envelope, scan};
use crate::provisioning::directory::Directory;
use crate::values::{Ccid, ReasonCode};

/// By what SparkPost knows a batch that it sends again.
const BATCH_ID: &str = "x-messagesystems-batch-id";
const BATCH_ID_CHARS_MAX: usize = 200;

/// The callbacks of providers; only below the base path.
pub fn routes() -> OpenApiRouter<State> {
    // A batch may be long, and many rows are written.
    let batches = OpenApiRouter::default()
        .routes(routes!(sparkpost))
        .route_layer(from_fn(waits_by_nature));
    batches
        .routes(routes!(mgage))
        .merge(super::agents::routes())
}

/// Takes a text of a consumer, or a receipt, from mGage's DirectTEXT; answers once it is durable.
///
/// The same `message_id` again changes nothing. A receipt is applied to the message that it names, or kept until that is
/// known; what its `status_code` means can be said in the service's `data.statusCodes`.
#[utoipa::path(
    post, path = "/callbacks/mgage/{ccid}/{token}", tag = "Callbacks of providers", operation_id = "receiveFromMGage",
    params(
        ("ccid" = Uuid, Path, description = "The tenant"),
        ("token" = String, Path, description = "The token of its `mGageSMS` service, as in `callbackUrl`"),
    ),
    request_body(content((CallMembers = "application/x-www-form-urlencoded"))),
    responses((status = 200, body = SuccessMaybeData<TakenView>), BodyRefused, Missing, TooMany),
    security(()),
)]
async fn mgage(
    From(door): From<Arc<InboundDoor>>,
    From(directory): From<Directory>,
    Trace(trace): Trace,
    MGageCall {
        ccid,
        settings,
        form,
    }: MGageCall,
) -> Result<Response, ApiError> {
    let bytes_max = door.limits.bytes_max;
    let call = receive::read(&form, &settings.status_codes, bytes_max).map_err(refused)?;
    let text = match call {
        Call::Text(text) => text,
        Call::Receipt(receipt) => {
            door.take_mgage_receipt(ccid, receipt).await?;
            return Ok(envelope::done());
        }
    };
    let snapshot = directory.snapshot();
    let channel = snapshot.receiving(ccid, &text.channel_id).ok_or_else(|| {
        let sentence = "the tenant has no channel of this number";
        ApiError::bad_request_with(ReasonCode::InvalidDestination, sentence)
            .detail("/inbound_address", sentence)
    })?;
    Ok(match door.take_mgage_text(channel, text, &trace).await? {
        Some(id) => envelope::ok(TakenView { id: id.to_string() }),
        None => envelope::done(),
    })
}

/// Takes a batch of events from SparkPost; answers once it is durable.
///
/// The same batch again, known by `X-MessageSystems-Batch-ID`, changes nothing for as long as idempotency keys are kept.
/// Events about mails are applied to them, or kept until they are known; others are passed over, as is a batch without
/// any, by which SparkPost tries an address.
#[utoipa::path(
    post, path = "/callbacks/sparkpost/{ccid}/{token}", tag = "Callbacks of providers",
    operation_id = "receiveFromSparkPost",
    params(
        ("ccid" = Uuid, Path, description = "The tenant"),
        ("token" = String, Path, description = "The token of its `SparkPostEmail` service, as in `callbackUrl`"),
    ),
    request_body(content((Vec<Object> = "application/json", example = json!([{ "msys": { "message_event": {
        "type": "delivery", "event_id": "92356927693813856", "rcpt_meta": { "messageId": "1795264928594-0" },
    } } }])))),
    responses((status = 200, body = Done), BodyRefused, Missing, TooMany),
    security(()),
)]
async fn sparkpost(
    From(door): From<Arc<InboundDoor>>,
    From(batches): From<Batches>,
    SparkPostCall {
        ccid,
        batch_id,
        body,
        _place,
    }: SparkPostCall,
) -> Result<Response, ApiError> {
    let events = sparkpost::read(&body).map_err(|error| {
        ApiError::bad_request_with(ReasonCode::InvalidStructure, error.to_string())
    })?;
    if events.is_empty() {
        return Ok(envelope::done());
    }
    let call = batch_id.map(|id| Batches::call(ccid, &id, &body));
    if batches.is_known(call.as_ref()).await? {
        return Ok(envelope::done());
    }
    door.take_sparkpost_events(ccid, events).await?;
    batches.keep(call.as_ref()).await?;
    Ok(envelope::done())
}

/// A batch that came to the address of a tenant's `SparkPostEmail` service. To any other there is no such place.
struct SparkPostCall {
    ccid: Ccid,
    batch_id: Option<String>,
    body: Bytes,
    /// Held until the call is done, which has the batch in memory.
    _place: Option<LongBodyPlace>,
}

impl FromRequest<State> for SparkPostCall {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &State) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let Path(place) = Path::<Place>::from_request_parts(&mut parts, state).await?;
        let now_ms = state.clock.now_ms();
        let snapshot = state.directory.snapshot();
        let ccid = place.ccid.parse::<Ccid>().ok();
        let ccid = ccid
            .filter(|ccid| snapshot.takes_call_of_sparkpost(*ccid, &place.token, now_ms))
            .ok_or_else(no_such_address)?;
        let batch_id = parts.headers.get(BATCH_ID);
        let batch_id = batch_id
            .and_then(|id| id.to_str().ok())
            .filter(|id| (1..=BATCH_ID_CHARS_MAX).contains(&id.len()))
            .map(str::to_owned);
        let request = Request::from_parts(parts, body);
        let body = state.long_bodies.read(ccid, request).await?;
        scan::check(&body.bytes)?;
        Ok(Self {
            ccid,
            batch_id,
            body: body.bytes,
            _place: body.place,
        })
    }
}

fn no_such_address() -> ApiError {
    ApiError::not_found("there is no such address for callbacks")
}

/// Who calls, by the address.
#[derive(Deserialize)]
struct Place {
    ccid: String,
    token: String,
}

/// A form that came to the address of a tenant's `mGageSMS` service. To any other there is no such place.
struct MGageCall {
    ccid: Ccid,
    settings: Arc<MGageSettings>,
    form: Bytes,
}

impl FromRequest<State> for MGageCall {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &State) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let Path(place) = Path::<Place>::from_request_parts(&mut parts, state).await?;
        let snapshot = state.directory.snapshot();
        let now_ms = state.clock.now_ms();
        let called = place.ccid.parse::<Ccid>().ok().and_then(|ccid| {
            let settings = snapshot.called_by_mgage(ccid, &place.token, now_ms)?;
            Some((ccid, Arc::clone(settings)))
        });
        let (ccid, settings) = called.ok_or_else(no_such_address)?;
        let content_type = parts.headers.get(CONTENT_TYPE);
        let is_form = |value: &HeaderValue| {
            let shape = value.to_str().ok().and_then(BodyShape::of);
            shape == Some(BodyShape::Form)
        };
        if !content_type.is_none_or(is_form) {
            let sentence = "the body must be application/x-www-form-urlencoded";
            return Err(ApiError::unsupported_media(sentence));
        }
        let RawBody(form) = RawBody::from_request(Request::from_parts(parts, body), state).await?;
        Ok(Self {
            ccid,
            settings,
            form,
        })
    }
}
