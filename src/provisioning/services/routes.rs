//! `/nexus/v3/provisioning/services`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{MaskedService, ServiceDefinition, Services};
use crate::audit::{Action, Entry};
use crate::auth::PathTenantCaller;
use crate::auth::permission::Permission;
use crate::platform::http::envelope::Answer;
use crate::platform::http::idempotency::{Keyed, Once};
use crate::platform::http::openapi::{
    BodyRefused, Conflict, Done, KeyRefused, Missing, QueryRefused, RepeatRefused, Repeatable,
    Success,
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
        .routes(routes!(renew_callback_token))
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
    /// What is to be set at the provider: where it calls us. Whoever knows it can hand in messages and receipts, so
    /// only keys that may write are shown it. Without `server.public_url` it is the path alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<String>,
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
    let (change, saved) = change.unless_refused(done).await?;
    let record = Entry::by(
        &caller.caller,
        caller.ccid,
        (Action::ServiceSaved, name.as_str()),
    );
    let record = record.changing(saved.changed);
    let view = state.view(&caller, saved.service);
    let answer = Answer::new(saved.put.status(), view)?;
    let done = (&answer, &record);
    state.finish_once(change, call.as_ref(), done).await?;
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
    State(state): State<ProvisioningState>,
    State(services): State<Services>,
    Query(page): Query<Page>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ProvisioningRead)?;
    let (sought, after) = (Sought::of(&page)?, page.after::<String>()?);
    let found = services
        .list(caller.ccid, after.as_deref(), sought.items())
        .await?;
    let key = |service: &MaskedService| service.name.as_str().to_owned();
    Ok(sought.answer(found, key, |service| state.view(&caller, service)))
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
    State(state): State<ProvisioningState>,
    State(services): State<Services>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ProvisioningRead)?;
    let service = services.find(caller.ccid, known(&place)?).await?;
    Ok(envelope::ok(state.view(&caller, service)))
}

/// Gives a service's provider another address to call; the one before is called for 24 hours more.
#[utoipa::path(
    post, path = "/nexus/v3/provisioning/services/{ccid}/{name}/callback-token", tag = "Services and senders",
    operation_id = "renewCallbackToken",
    params(
        ("ccid" = Uuid, Path, description = "The tenant"),
        ("name" = String, Path, description = "A service whose provider calls us, such as `mGageSMS`"), Repeatable,
    ),
    responses((status = 200, body = Success<ServiceView>), KeyRefused, Missing, Conflict, RepeatRefused),
    security(("apiKey" = ["nexus:provisioning:write"])),
)]
async fn renew_callback_token(
    caller: PathTenantCaller,
    Path(place): Path<Place>,
    State(state): State<ProvisioningState>,
    State(services): State<Services>,
    Once(key): Once,
) -> Result<Response, ApiError> {
    caller.require(Permission::ProvisioningWrite)?;
    let name = known(&place)?;
    let call = key.map(|key| key.of(caller.ccid));
    let mut change = match state.begin_once(call.as_ref()).await? {
        Begun::Anew(change) => change,
        Begun::Before(answer) => return Ok(answer.into_response()),
    };
    let now_ms = state.clock.now_ms();
    let renewed = services
        .renew_callback_token(&mut change, (caller.ccid, name), now_ms)
        .await;
    let (change, service) = change.unless_refused(renewed).await?;
    let renewed = (Action::CallbackTokenRenewed, name.as_str());
    let record = Entry::by(&caller.caller, caller.ccid, renewed);
    let answer = Answer::new(StatusCode::OK, state.view(&caller, service))?;
    let done = (&answer, &record);
    state.finish_once(change, call.as_ref(), done).await?;
    Ok(answer.into_response())
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
    services.delete(&caller, known(&place)?).await?;
    Ok(envelope::done())
}

/// What nothing can be stored under is simply not there.
fn known(place: &Place) -> Result<ServiceName, ApiError> {
    place
        .name
        .parse()
        .map_err(|_| ApiError::not_found("this tenant has no such service"))
}

impl ProvisioningState {
    /// A service as this caller may see it.
    fn view(&self, caller: &PathTenantCaller, service: MaskedService) -> ServiceView {
        let may_write = caller.require(Permission::ProvisioningWrite).is_ok();
        let base = self.public_url.as_deref().unwrap_or_default();
        let base = base.trim_end_matches('/');
        ServiceView {
            callback_url: service
                .callback_path
                .filter(|_| may_write)
                .map(|path| format!("{base}{path}")),
            ccid: service.ccid.to_string(),
            name: service.name.as_str(),
            url: service.url,
            data: service.data,
            secret: service.secret,
            updated_at: wire::time(service.updated_at),
        }
    }
}
