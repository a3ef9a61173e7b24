//! `POST /callbacks/open-messaging/{ccid}`: what agents say who work in Genesys Cloud CX.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request, State as From};
use axum::http::HeaderValue;
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::State;
use super::sms::TakenView;
use crate::auth::signature::SHA256_HEADER;
use crate::connectors::open_messaging::receive::{self, AgentMessage, Brought, NotRead};
use crate::messages::agents::AgentWords;
use crate::messages::desk::Desk;
use crate::platform::http::openapi::{
    BodyRefused, Conflict, Missing, SignatureRefused, SuccessMaybeData, TooMany,
};
use crate::platform::http::{ApiError, Path, RawBody, Trace, envelope, scan};
use crate::provisioning::directory::Handover;
use crate::values::Ccid;

/// Only below the base path.
pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::default().routes(routes!(open_messaging))
}

/// Takes a message of an agent from Open Messaging, and sends it to the consumer; answers once it is durable.
///
/// It goes out through the channel on which the consumer wrote last. The same `id` again is the same message. What became
/// of it is told there as a receipt. Receipts and typing events are answered, and change nothing.
#[utoipa::path(
    post, path = "/callbacks/open-messaging/{ccid}", tag = "Callbacks of providers", operation_id = "receiveFromAgents",
    params(
        ("ccid" = Uuid, Path, description = "The tenant"),
        ("X-Hub-Signature-256" = String, Header, description = "`sha256=` and the digest of the body in base64"),
    ),
    request_body(content((Object = "application/json", example = json!({
        "id": "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "type": "Text", "text": "Hi, how can I help?",
        "channel": { "to": { "id": "16505550199" } },
    })))),
    responses(
        (status = 200, body = SuccessMaybeData<TakenView>), BodyRefused, SignatureRefused, Missing, Conflict, TooMany,
    ),
    security(()),
)]
async fn open_messaging(
    From(desk): From<Desk>,
    Trace(trace): Trace,
    AgentsCall { handover, body }: AgentsCall,
) -> Result<Response, ApiError> {
    scan::check(&body)?;
    let message = match receive::read(&body).map_err(refused)? {
        Brought::Message(message) => message,
        Brought::Nothing => return Ok(envelope::done()),
    };
    let accepted = desk.agent_says(&handover, words(message), trace).await?;
    let id = accepted.id.to_string();
    Ok(envelope::ok(TakenView { id }))
}

fn words(message: AgentMessage) -> AgentWords {
    AgentWords {
        their_id: message.id,
        to: message.to,
        text: message.text,
        attachments: message.attachments,
    }
}

fn refused(fault: NotRead) -> ApiError {
    let error = ApiError::bad_request_with(fault.reason, fault.to_string());
    if fault.place.is_empty() {
        error
    } else {
        error.detail(fault.place, fault.message)
    }
}

/// A body that a tenant's integration has signed. Whether there is such a tenant nobody else learns.
struct AgentsCall {
    handover: Arc<Handover>,
    body: Bytes,
}

#[derive(Deserialize)]
struct Place {
    ccid: String,
}

impl FromRequest<State> for AgentsCall {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &State) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let Path(place) = Path::<Place>::from_request_parts(&mut parts, state).await?;
        let mut given = parts.headers.get_all(SHA256_HEADER).iter();
        let signature = given.next().cloned();
        let is_repeated = given.next().is_some();
        let request = Request::from_parts(parts, body);
        let RawBody(body) = RawBody::from_request(request, state).await?;
        let snapshot = state.directory.snapshot();
        let ccid = place.ccid.parse::<Ccid>().ok();
        let handover = ccid.and_then(|ccid| snapshot.handover(ccid)).cloned();
        let signature = signature.as_ref().map(HeaderValue::as_bytes);
        let secret = handover.as_ref().map(|to| &to.settings.webhook_secret);
        let is_signed = receive::is_signed(secret, signature, &body);
        handover
            .filter(|_| is_signed && !is_repeated)
            .map(|handover| Self { handover, body })
            .ok_or_else(|| {
                ApiError::unauthorized("the signature does not match the service's webhookSecret")
            })
    }
}
