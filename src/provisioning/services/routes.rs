//! `/nexus/v3/provisioning/services`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{MaskedService, ServiceDefinition, Services};
use crate::auth::PathTenantCaller;
use crate::auth::permission::Permission;
use crate::platform::http::envelope::Answer;
use crate::platform::http::idempotency::Keyed;
use crate::platform::http::openapi::{
    BodyRefused, Done, KeyRefused, Missing, QueryRefused, RepeatRefused, Repeatable, Success,
};
use crate::platform::http::page::{Items, Page, Sought};
use crate::platform::http::{ApiError, Path, Query, envelope};
use crate::provisioning::model::ServiceName;
use crate::provisioning::routes::{Begun, State as ProvisioningState};
use crate::provisioning::wire::{self, Place};

pub fn routes() -> OpenApiRouter<ProvisioningState> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(put, find, delete))
}

/// What a service needs. Its members depend on the service; a mask (`********`) in `secret` keeps what is stored.
#[derive(Deserialize, ToSchema)]
#[schema(as = ServiceDefinition, examples(json!({
    "data": { "channels": [
        { "channelId": "16504661149", "webhook": { "url": "https://sms.example.com/webhook" } },
    ] },
    "secret": { "channels": [
        { "channelId": "16504661149", "webhook": { "secret": "what we sign with" },
          "api": { "secret": "what you sign with" } },
    ] },
})))]
#[serde(deny_unknown_fields)]
struct ServiceBody {
    url: Option<String>,
    #[schema(value_type = Object)]
    data: Value,
    #[schema(value_type = Object)]
    secret: Value,
}

/// A service with its secrets masked.
#[derive(Serialize, ToSchema)]
#[schema(as = Service, examples(json!({
    "ccid": "0ff723ff-6c6f-44e0-9ce3-ce579337eadd", "name": "SMS", "url": "N/A", "data": { "provider": "Async" },
    "secret": {}, "updatedAt": "2026-11-21T12:00:00.000Z",
})))]
#[serde(rename_all = "camelCase")]
struct ServiceView {
    ccid: String,
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[schema(value_type = Object)]
    data: Value,
    #[schema(value_type = Object)]
    secret: Value,
    #[schema(format = DateTime)]
    updated_at: String,
}

/// Defines a service anew or for the first time.
#[utoipa::path(
    method(post, put), path = "/nexus/v3/provisioning/services/{ccid}/{name}", tag = "Services and senders",
    operation_id = "putService",
    params(
        ("ccid" = Uuid, Path, description = "The tenant"),
        ("name" = String, Path, description = "The service, such as `SMS`, `Email` or `Async`"), Repeatable,
    ),
    request_body = ServiceBody,
    responses(
        (status = 200, body = Success<ServiceView>), (status = 201, body = Success<ServiceView>),
        KeyRefused, BodyRefused, QueryRefused, RepeatRefused,
    ),
    security(("apiKey" = ["nexus:provisioning:write"])),
)]
async fn put(
    caller: PathTenantCaller,
    Path(place): Path<Place>,
    State(state): State<ProvisioningState>,
    State(services): State<Services>,
    Keyed { key, body }: Keyed<ServiceBody>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ProvisioningWrite)?;
    let name: ServiceName = place
        .name
        .parse()
        .map_err(|error| ApiError::unprocessable(format!("{error}")))?;
    let definition = ServiceDefinition {
        url: body.url,
        data: body.data,
        secret: body.secret,
    };
    let call = key.map(|key| key.of(caller.ccid));
    let mut change = match state.begin_once(call.as_ref()).await? {
        Begun::Anew(change) => change,
        Begun::Before(answer) => return Ok(answer.into_response()),
    };
    let now = state.clock.now();
    let done = services
        .put(&mut change, (caller.ccid, name), definition, now)
        .await;
    let (change, (put, service)) = change.unless_refused(done).await?;
    let answer = Answer::new(put.status(), ServiceView::from(service))?;
    state.finish_once(change, call.as_ref(), &answer).await?;
    Ok(answer.into_response())
}

/// Lists the services of a tenant with their secrets masked.
#[utoipa::path(
    get, path = "/nexus/v3/provisioning/services/{ccid}", tag = "Services and senders", operation_id = "listServices",
    params(("ccid" = Uuid, Path, description = "The tenant"), Page),
    responses((status = 200, body = Success<Items<ServiceView>>), KeyRefused, QueryRefused),
    security(("apiKey" = ["nexus:provisioning:read"])),
)]
async fn list(
    caller: PathTenantCaller,
    State(services): State<Services>,
    Query(page): Query<Page>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ProvisioningRead)?;
    let (sought, after) = (Sought::of(&page)?, page.after::<String>()?);
    let found = services
        .list(caller.ccid, after.as_deref(), sought.items())
        .await?;
    let key = |service: &MaskedService| service.name.as_str().to_owned();
    Ok(sought.answer(found, key, ServiceView::from))
}

/// Shows one service with its secrets masked.
#[utoipa::path(
    get, path = "/nexus/v3/provisioning/services/{ccid}/{name}", tag = "Services and senders",
    operation_id = "getService",
    params(
        ("ccid" = Uuid, Path, description = "The tenant"),
        ("name" = String, Path, description = "The service, such as `SMS`, `Email` or `Async`"),
    ),
    responses((status = 200, body = Success<ServiceView>), KeyRefused, Missing),
    security(("apiKey" = ["nexus:provisioning:read"])),
)]
async fn find(
    caller: PathTenantCaller,
    Path(place): Path<Place>,
    State(services): State<Services>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ProvisioningRead)?;
    let service = services.find(caller.ccid, known(&place)?).await?;
    Ok(envelope::ok(ServiceView::from(service)))
}

/// Deletes a service.
#[utoipa::path(
    delete, path = "/nexus/v3/provisioning/services/{ccid}/{name}", tag = "Services and senders",
    operation_id = "deleteService",
    params(
        ("ccid" = Uuid, Path, description = "The tenant"),
        ("name" = String, Path, description = "The service, such as `SMS`, `Email` or `Async`"),
    ),
    responses((status = 200, body = Done), KeyRefused, Missing),
    security(("apiKey" = ["nexus:provisioning:write"])),
)]
async fn delete(
    caller: PathTenantCaller,
    Path(place): Path<Place>,
    State(services): State<Services>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ProvisioningWrite)?;
    services.delete(caller.ccid, known(&place)?).await?;
    Ok(envelope::done())
}

/// What nothing can be stored under is simply not there.
fn known(place: &Place) -> Result<ServiceName, ApiError> {
    place
        .name
        .parse()
        .map_err(|_| ApiError::not_found("this tenant has no such service"))
}

impl From<MaskedService> for ServiceView {
    fn from(service: MaskedService) -> Self {
        Self {
            ccid: service.ccid.to_string(),
            name: service.name.as_str(),
            url: service.url,
            data: service.data,
            secret: service.secret,
            updated_at: wire::time(service.updated_at),
        }
    }
}
