//! `/nexus/v3/provisioning/services`.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{MaskedService, ServiceDefinition, Services};
use crate::auth::PathTenantCaller;
use crate::auth::permission::Permission;
use crate::platform::http::envelope::Answer;
use crate::platform::http::idempotency::Keyed;
use crate::platform::http::page::{Page, Sought};
use crate::platform::http::{ApiError, Path, Query, envelope};
use crate::provisioning::model::ServiceName;
use crate::provisioning::routes::{Begun, State as ProvisioningState};
use crate::provisioning::wire::{self, Place};

pub fn routes() -> Router<ProvisioningState> {
    Router::new()
        .route("/nexus/v3/provisioning/services/{ccid}", get(list))
        .route(
            "/nexus/v3/provisioning/services/{ccid}/{name}",
            post(put).put(put).get(find).delete(delete),
        )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceBody {
    url: Option<String>,
    data: Value,
    secret: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServiceView {
    ccid: String,
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    data: Value,
    secret: Value,
    updated_at: String,
}

/// `POST` and `PUT`: defines a service anew or for the first time.
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

async fn find(
    caller: PathTenantCaller,
    Path(place): Path<Place>,
    State(services): State<Services>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ProvisioningRead)?;
    let service = services.find(caller.ccid, known(&place)?).await?;
    Ok(envelope::ok(ServiceView::from(service)))
}

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
