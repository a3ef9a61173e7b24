//! What SparkPost's webhooks call: batches of events, and mails for our domains.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request, State as From};
use axum::http::HeaderMap;
use axum::middleware::from_fn;
use axum::response::Response;
use bytes::Bytes;
use tokio::task::spawn_blocking;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::State;
use super::batches::Batches;
use super::callbacks::{Place, no_such_address};
use crate::auth::BasicCaller;
use crate::auth::permission::Permission;
use crate::connectors::sparkpost::receive::{self, Batch};
use crate::inbound::door::InboundDoor;
use crate::platform::http::openapi::{BodyRefused, Done, KeyRefused, Missing, TooMany};
use crate::platform::http::patience::waits_by_nature;
use crate::platform::http::{ApiError, LongBodyPlace, Path, Trace, envelope, scan};
use crate::provisioning::directory::Directory;
use crate::values::{Ccid, ReasonCode, TraceContext};

/// By what SparkPost knows a batch that it sends again.
const BATCH_ID: &str = "x-messagesystems-batch-id";
const BATCH_ID_CHARS_MAX: usize = 200;

/// Below the base path.
pub(super) fn routes() -> OpenApiRouter<State> {
    // A batch may be long, a mail carries files, and many rows are written.
    let routes = OpenApiRouter::default()
        .routes(routes!(by_token))
        .routes(routes!(by_key));
    routes.route_layer(from_fn(waits_by_nature))
}

/// Takes a batch of events, or a relayed mail, from SparkPost; answers once it is durable.
///
/// The same batch again, known by `X-MessageSystems-Batch-ID`, changes nothing for as long as idempotency keys are kept, and
/// the same mail again nothing either. Events about mails are applied to them, or kept until they are known; others are
/// passed over, as is a batch without any, by which SparkPost tries an address. A mail is stored as the message of a
/// consumer, unless a program has written it.
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
async fn by_token(
    From(state): From<State>,
    Trace(trace): Trace,
    ByToken(call): ByToken,
) -> Result<Response, ApiError> {
    take(state, call, &trace).await
}

/// The same from a SparkPost that shows a key: the address has no token then.
#[utoipa::path(
    post, path = "/callbacks/sparkpost/{ccid}", tag = "Callbacks of providers",
    operation_id = "receiveFromSparkPostByKey",
    params(("ccid" = Uuid, Path, description = "The tenant, which is the user, too")),
    request_body(content((Vec<Object> = "application/json", example = json!([{ "msys": { "relay_message": {
        "rcpt_to": "help@company.com", "friendly_from": "jane@example.com", "msg_from": "jane@example.com",
        "content": { "email_rfc822": "Subject: Hi\n\nIs it open?", "email_rfc822_is_base64": false },
    } } }])))),
    responses((status = 200, body = Done), KeyRefused, BodyRefused, Missing, TooMany),
    security(("basic" = ["nexus:callbacks:write"])),
)]
async fn by_key(
    From(state): From<State>,
    Trace(trace): Trace,
    ByKey(call): ByKey,
) -> Result<Response, ApiError> {
    take(state, call, &trace).await
}

async fn take(state: State, call: Call, trace: &TraceContext) -> Result<Response, ApiError> {
    let Call {
        ccid,
        batch_id,
        body,
        _place,
    } = call;
    let bytes = body.clone();
    // A mail may take a while to be taken apart.
    let read = spawn_blocking(move || receive::read(&bytes)).await;
    let batch = read.map_err(ApiError::unavailable)?.map_err(|error| {
        ApiError::bad_request_with(ReasonCode::InvalidStructure, error.to_string())
    })?;
    let Batch { events, relayed } = batch;
    for relayed in relayed {
        take_relayed((&state.door, &state.directory), ccid, relayed, trace).await?;
    }
    if events.is_empty() {
        return Ok(envelope::done());
    }
    let batches = &state.batches;
    let call = batch_id.map(|id| Batches::call(ccid, &id, &body));
    if batches.is_known(call.as_ref()).await? {
        return Ok(envelope::done());
    }
    state.door.take_sparkpost_events(ccid, events).await?;
    batches.keep(call.as_ref()).await?;
    Ok(envelope::done())
}

async fn take_relayed(
    (door, directory): (&Arc<InboundDoor>, &Directory),
    ccid: Ccid,
    relayed: receive::Relayed,
    trace: &TraceContext,
) -> Result<(), ApiError> {
    let snapshot = directory.snapshot();
    let channel = snapshot
        .receiving(ccid, &relayed.channel_id)
        .ok_or_else(|| {
            let sentence = "the tenant has no channel of this domain";
            ApiError::bad_request_with(ReasonCode::InvalidDestination, sentence)
                .detail("/0/msys/relay_message/rcpt_to", sentence)
        })?;
    door.take_relayed(channel, relayed, trace).await?;
    Ok(())
}

/// What was posted, and for whom.
struct Call {
    ccid: Ccid,
    batch_id: Option<String>,
    body: Bytes,
    /// Held until the call is done, which has the body in memory.
    _place: Option<LongBodyPlace>,
}

impl Call {
    async fn read(ccid: Ccid, request: Request, state: &State) -> Result<Self, ApiError> {
        let batch_id = batch_id(request.headers());
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

/// What came to the address of a tenant's `SparkPostEmail` service. To any other there is no such place.
struct ByToken(Call);

impl FromRequest<State> for ByToken {
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
        let request = Request::from_parts(parts, body);
        Call::read(ccid, request, state).await.map(Self)
    }
}

/// What came from somebody who may hand in for the tenant in the path.
struct ByKey(Call);

impl FromRequest<State> for ByKey {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &State) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let caller = BasicCaller::from_request_parts(&mut parts, state).await?;
        caller.require(Permission::CallbacksWrite)?;
        let Path(ccid) = Path::<String>::from_request_parts(&mut parts, state).await?;
        let ccid: Ccid = ccid.parse().map_err(|_| no_such_address())?;
        if ccid != caller.ccid {
            let sentence = "the path names another tenant than the user";
            return Err(ApiError::forbidden(sentence));
        }
        let request = Request::from_parts(parts, body);
        Call::read(ccid, request, state).await.map(Self)
    }
}

fn batch_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(BATCH_ID)?.to_str().ok()?;
    let fits = (1..=BATCH_ID_CHARS_MAX).contains(&id.len());
    fits.then(|| id.to_owned())
}
