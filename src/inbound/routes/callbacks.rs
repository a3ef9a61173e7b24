//! `POST /callbacks/{provider}/{ccid}/{token}`: what providers call us with that cannot authenticate. The token in the
//! address is known to nobody else.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request, State as From};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::sms::{TakenView, refused};
use super::{State, http_sms, sparkpost};
use crate::connectors::form::BodyShape;
use crate::connectors::mgage::CONNECTOR as MGAGE;
use crate::connectors::mgage::receive::{self, Call, CallMembers};
use crate::connectors::mgage::settings::MGageSettings;
use crate::inbound::door::InboundDoor;
use crate::platform::http::openapi::{BodyRefused, Missing, SuccessMaybeData, TooMany};
use crate::platform::http::{ApiError, Path, RawBody, Trace, envelope};
use crate::provisioning::directory::Directory;
use crate::values::{Ccid, ReasonCode};

/// The callbacks of providers; only below the base path.
pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::default()
        .routes(routes!(mgage))
        .merge(sparkpost::routes())
        .merge(super::agents::routes())
        .merge(http_sms::routes())
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
    let call = receive::call(&settings, &form, bytes_max).map_err(refused)?;
    let text = match call {
        Call::Text(text) => text,
        Call::Receipt(receipt) => {
            door.take_receipts(MGAGE, ccid, vec![receipt]).await?;
            return Ok(envelope::done());
        }
    };
    let snapshot = directory.snapshot();
    let channel = snapshot.receiving(ccid, &text.channel_id).ok_or_else(|| {
        let sentence = "the tenant has no channel of this number";
        ApiError::bad_request_with(ReasonCode::InvalidDestination, sentence)
            .detail("/inbound_address", sentence)
    })?;
    let taken = door.take_text(MGAGE, channel, text, &trace).await?;
    Ok(match taken {
        Some(id) => envelope::ok(TakenView { id: id.to_string() }),
        None => envelope::done(),
    })
}

pub(super) fn no_such_address() -> ApiError {
    ApiError::not_found("there is no such address for callbacks")
}

/// Who calls, by the address.
#[derive(Deserialize)]
pub(super) struct Place {
    pub(super) ccid: String,
    pub(super) token: String,
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
