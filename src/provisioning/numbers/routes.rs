//! `/nexus/v3/provisioning/numbers`.

use axum::extract::State;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use tokio::sync::oneshot;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::bodies::{self, AvailableQuery, NumbersView, OrderBody, OrderedView};
use super::order::{BegunOrder, Order};
use super::{Numbers, NumbersError};
use crate::audit::{Action, Entry};
use crate::auth::PathTenantCaller;
use crate::auth::permission::Permission;
use crate::platform::http::idempotency::Keyed;
use crate::platform::http::openapi::{
    BodyRefused, KeyRefused, QueryRefused, RepeatRefused, Repeatable, Success,
};
use crate::platform::http::patience::waits_by_nature;
use crate::platform::http::{ApiError, Query, envelope};
use crate::provisioning::routes::State as ProvisioningState;

pub fn routes() -> OpenApiRouter<ProvisioningState> {
    OpenApiRouter::default()
        .routes(routes!(list, order))
        .routes(routes!(available))
        .route_layer(from_fn(waits_by_nature))
}

/// Lists the toll-free numbers of the tenant's organization, as Genesys Cloud shows them.
#[utoipa::path(
    get, path = "/nexus/v3/provisioning/numbers/{ccid}", tag = "Services and senders", operation_id = "listNumbers",
    params(("ccid" = Uuid, Path, description = "The tenant")),
    responses(
        (status = 200, body = Success<NumbersView>, example = json!({
            "status": { "code": 0 }, "data": { "entities": [{ "tollfreeNumber": "18445551212" }] },
        })),
        KeyRefused, QueryRefused,
    ),
    security(("apiKey" = ["nexus:provisioning:read"])),
)]
async fn list(
    caller: PathTenantCaller,
    State(numbers): State<Numbers>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ProvisioningRead)?;
    let shown = numbers.list(caller.ccid).await?;
    Ok(envelope::ok(NumbersView(shown)))
}

/// Shows toll-free numbers that can be ordered, as Genesys Cloud shows them.
#[utoipa::path(
    get, path = "/nexus/v3/provisioning/numbers/{ccid}/available", tag = "Services and senders",
    operation_id = "listAvailableNumbers",
    params(("ccid" = Uuid, Path, description = "The tenant"), AvailableQuery),
    responses(
        (status = 200, body = Success<NumbersView>, example = json!({
            "status": { "code": 0 }, "data": { "entities": [{ "tollfreeNumber": "18445551212" }] },
        })),
        KeyRefused, QueryRefused,
    ),
    security(("apiKey" = ["nexus:provisioning:read"])),
)]
async fn available(
    caller: PathTenantCaller,
    State(numbers): State<Numbers>,
    Query(query): Query<AvailableQuery>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ProvisioningRead)?;
    let wanted = query.parse()?;
    let shown = numbers.available(caller.ccid, &wanted).await?;
    Ok(envelope::ok(NumbersView(shown)))
}

/// Orders toll-free numbers, which costs money; what Genesys Cloud answers is passed on.
///
/// Where it calls us is filled in, with a new API key of the tenant that may do nothing else; the caller must be allowed
/// that itself (`nexus:callbacks:write`). With an `Idempotency-Key` the same call never orders twice: where it is not known
/// whether an order was made (503), the same call under the same key finds out.
#[utoipa::path(
    post, path = "/nexus/v3/provisioning/numbers/{ccid}", tag = "Services and senders", operation_id = "orderNumbers",
    params(("ccid" = Uuid, Path, description = "The tenant"), Repeatable), request_body = Vec<OrderBody>,
    responses(
        (status = 200, body = Success<OrderedView>, example = json!({
            "status": { "code": 0 },
            "data": { "orderId": "0b0d6f4e-4c35-4cf4-8f0e-0e0f4b1f2a11", "status": "PENDING" },
        })),
        KeyRefused, BodyRefused, QueryRefused, RepeatRefused,
    ),
    security(("apiKey" = ["nexus:provisioning:write"])),
)]
async fn order(
    caller: PathTenantCaller,
    State(state): State<ProvisioningState>,
    State(numbers): State<Numbers>,
    Keyed { key, body }: Keyed<Vec<OrderBody>>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ProvisioningWrite)?;
    let ordered = bodies::parse(body)?;
    numbers.carrier(caller.ccid)?;
    let public_url = state
        .public_url
        .as_deref()
        .ok_or(NumbersError::NoPublicUrl)?;
    let order = Order {
        ccid: caller.ccid,
        numbers: ordered,
        public_url: public_url.trim_end_matches('/').to_owned(),
    };
    let call = key.map(|key| key.of(caller.ccid));
    let begun = match state.begin_order(&caller, call.as_ref()).await? {
        BegunOrder::Before(answer) => return Ok(answer.into_response()),
        BegunOrder::Anew(running) => (running, false),
        BegunOrder::Again(running) => (running, true),
    };
    let undone = Entry::by(
        &caller.caller,
        caller.ccid,
        (Action::KeyDeleted, begun.0.key_id.to_string()),
    );
    let (tell, told) = oneshot::channel();
    let lifecycle = state.lifecycle.clone();
    // It is made to its end, also where its caller does not wait for that.
    lifecycle.spawn_until_stop("number order", async move {
        let made = state
            .make_order(numbers, order, begun, (call, undone))
            .await;
        let _ = tell.send(made);
    });
    let made = told.await.map_err(ApiError::unavailable)?;
    Ok(made?.into_response())
}
