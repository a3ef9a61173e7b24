//! `/callbacks/http-sms/{ccid}/{token}`: what the provider behind an `HttpSms` service calls us with, in whatever form its
//! settings describe.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request, State as From};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::State;
use super::callbacks::{Place, no_such_address};
use super::sms::{TakenView, detailed, refused, shaped};
use crate::connectors::form::{BodyShape, MemberFault};
use crate::connectors::http_sms::CONNECTOR;
use crate::connectors::http_sms::receive::{self, PlacedText};
use crate::connectors::http_sms::settings::{HttpSmsSettings, Reply};
use crate::inbound::door::InboundDoor;
use crate::platform::http::openapi::{BodyRefused, Missing, SuccessMaybeData, TooMany};
use crate::platform::http::patience::waits_by_nature;
use crate::platform::http::{ApiError, Path, RawBody, Trace, envelope};
use crate::provisioning::directory::{Directory, Snapshot};
use crate::values::{Ccid, MessageId, ReasonCode, TraceContext};

/// The callbacks of described providers; only below the base path.
pub fn routes() -> OpenApiRouter<State> {
    // One call may carry many texts.
    let called = OpenApiRouter::default().routes(routes!(by_query, by_body));
    called.route_layer(from_fn(waits_by_nature))
}

/// Takes receipts and texts of consumers from the provider of an `HttpSms` service, behind the `?`; answers once they are
/// durable.
///
/// Where each of their members is, the service's `data.callbacks` says. The same again changes nothing.
#[utoipa::path(
    get, path = "/callbacks/http-sms/{ccid}/{token}", tag = "Callbacks of providers", operation_id = "receiveFromHttpSmsByQuery",
    params(
        ("ccid" = Uuid, Path, description = "The tenant"),
        ("token" = String, Path, description = "The token of its `HttpSms` service, as in `callbackUrl`"),
    ),
    responses((status = 200, body = SuccessMaybeData<TakenView>), BodyRefused, Missing, TooMany),
    security(()),
)]
async fn by_query(
    from_door: From<Arc<InboundDoor>>,
    directory: From<Directory>,
    trace: Trace,
    call: HttpSmsCall,
) -> Result<Response, ApiError> {
    take(from_door, directory, trace, call).await
}

/// Takes receipts and texts of consumers from the provider of an `HttpSms` service; answers once they are durable.
///
/// They come as JSON or as a form, one or a list of them. Where each of their members is, and what a status means, the
/// service's `data.callbacks` says. The same again changes nothing. Where one of several cannot be taken the others are, and
/// the answer names it.
#[utoipa::path(
    post, path = "/callbacks/http-sms/{ccid}/{token}", tag = "Callbacks of providers", operation_id = "receiveFromHttpSms",
    params(
        ("ccid" = Uuid, Path, description = "The tenant"),
        ("token" = String, Path, description = "The token of its `HttpSms` service, as in `callbackUrl`"),
    ),
    request_body(content(
        (Object = "application/x-www-form-urlencoded", example = json!({ "id": "1", "status": "delivered" })),
        (Value = "application/json", example = json!({ "id": "1", "status": "delivered" })),
    )),
    responses((status = 200, body = SuccessMaybeData<TakenView>), BodyRefused, Missing, TooMany),
    security(()),
)]
async fn by_body(
    from_door: From<Arc<InboundDoor>>,
    directory: From<Directory>,
    trace: Trace,
    call: HttpSmsCall,
) -> Result<Response, ApiError> {
    take(from_door, directory, trace, call).await
}

/// Takes what can be taken, and names what cannot.
async fn take(
    From(door): From<Arc<InboundDoor>>,
    From(directory): From<Directory>,
    Trace(trace): Trace,
    call: HttpSmsCall,
) -> Result<Response, ApiError> {
    let (ccid, rules) = (call.ccid, &call.settings.callbacks);
    let read = receive::read(rules, &call.query, call.body(), door.limits.bytes_max);
    let read = read.map_err(|fault| refused(vec![fault]))?;
    let (receipts, texts, mut faults) = (read.receipts, read.texts, read.faults);
    door.take_receipts(CONNECTOR, ccid, receipts).await?;
    let known = (&*directory.snapshot(), ccid, &trace);
    let ids = take_texts(&door, known, texts, &mut faults).await?;
    if !faults.is_empty() {
        return Err(partly_refused(faults));
    }
    Ok(answer(rules.reply.as_ref(), &ids))
}

async fn take_texts(
    door: &InboundDoor,
    (snapshot, ccid, trace): (&Snapshot, Ccid, &TraceContext),
    texts: Vec<PlacedText>,
    faults: &mut Vec<MemberFault>,
) -> Result<Vec<MessageId>, ApiError> {
    let mut ids = Vec::new();
    for PlacedText { text, to } in texts {
        match snapshot.receiving(ccid, &text.channel_id) {
            Some(channel) => {
                let id = door.take_text(CONNECTOR, channel, text, trace).await?;
                ids.extend(id);
            }
            None => faults.push(MemberFault {
                name: to,
                message: "the tenant has no channel of this number".to_owned(),
                reason: ReasonCode::InvalidDestination,
            }),
        }
    }
    Ok(ids)
}

fn partly_refused(faults: Vec<MemberFault>) -> ApiError {
    detailed(
        "what is named cannot be taken; whatever else there was is stored",
        faults,
    )
}

/// As the settings want it, else the id of the one text that there was.
fn answer(reply: Option<&Reply>, ids: &[MessageId]) -> Response {
    match (reply, ids) {
        (Some(reply), _) => {
            let content_type = HeaderValue::from_static(reply.content_type.as_str());
            ([(CONTENT_TYPE, content_type)], reply.body.clone()).into_response()
        }
        (None, [id]) => envelope::ok(TakenView { id: id.to_string() }),
        (None, _) => envelope::done(),
    }
}

/// A call that came to the address of a tenant's `HttpSms` service. To any other there is no such place.
struct HttpSmsCall {
    ccid: Ccid,
    settings: Arc<HttpSmsSettings>,
    query: String,
    shape: Option<BodyShape>,
    bytes: Bytes,
}

impl HttpSmsCall {
    fn body(&self) -> Option<(BodyShape, &[u8])> {
        self.shape.map(|shape| (shape, self.bytes.as_ref()))
    }
}

impl FromRequest<State> for HttpSmsCall {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &State) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let Path(place) = Path::<Place>::from_request_parts(&mut parts, state).await?;
        let snapshot = state.directory.snapshot();
        let now_ms = state.clock.now_ms();
        let called = place.ccid.parse::<Ccid>().ok().and_then(|ccid| {
            let settings = snapshot.called_by_http_sms(ccid, &place.token, now_ms)?;
            Some((ccid, Arc::clone(settings)))
        });
        let (ccid, settings) = called.ok_or_else(no_such_address)?;
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let headers = parts.headers.clone();
        let RawBody(bytes) = RawBody::from_request(Request::from_parts(parts, body), state).await?;
        let shape = shaped(&headers, &bytes)?.map(|(shape, _)| shape);
        Ok(Self {
            ccid,
            settings,
            query,
            shape,
            bytes,
        })
    }
}
