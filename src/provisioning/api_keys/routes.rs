//! `/nexus/v3/provisioning/apikeys`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::ApiKeys;
use super::bodies::{KeyChangeBody, NewKeyBody, parse_tenant};
use super::entry;
use crate::audit::Action;
use crate::auth::permission::Permission;
use crate::auth::{Caller, KeyRecord, KeyTenant};
use crate::platform::http::envelope::Answer;
use crate::platform::http::idempotency::Keyed;
use crate::platform::http::openapi::{
    BodyRefused, Conflict, Done, KeyRefused, Missing, QueryRefused, RepeatRefused, Repeatable,
    Success,
};
use crate::platform::http::page::{Items, Page, Sought};
use crate::platform::http::{ApiError, Json, Path, Query, envelope};
use crate::provisioning::routes::{Begun, State as ProvisioningState};
use crate::provisioning::wire;
use crate::values::Ccid;

pub fn routes() -> OpenApiRouter<ProvisioningState> {
    OpenApiRouter::default()
        .routes(routes!(create, list))
        .routes(routes!(find, change, delete))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Whose keys: a ccid, or `*` for those of every tenant.
    tenant: Option<String>,
    /// Most keys on the page; 50 unless asked otherwise.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// `next` of the page before.
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct Place {
    id: String,
}

/// An API key.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey, examples(json!({
    "id": "0bcfa544-6c6f-44e0-9ce3-ce579337eadd", "tenant": "0ff723ff-6c6f-44e0-9ce3-ce579337eadd",
    "name": "operations", "permissions": ["nexus:messages:*"], "enabled": true, "expiresAt": null,
    "createdAt": "2026-11-21T12:00:00.000Z",
})))]
#[serde(rename_all = "camelCase")]
struct KeyView {
    id: Uuid,
    /// Only in the answer that made the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// A ccid, or `*` for every tenant.
    tenant: String,
    name: String,
    permissions: Vec<String>,
    enabled: bool,
    /// `null` where it has no end.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
}

/// Makes an API key; its value is in this answer and never shown again.
#[utoipa::path(
    post, path = "/nexus/v3/provisioning/apikeys", tag = "API keys", operation_id = "createApiKey",
    params(Repeatable), request_body = NewKeyBody,
    responses(
        (status = 201, body = Success<KeyView>),
        KeyRefused, Conflict, BodyRefused, QueryRefused, RepeatRefused,
    ),
    security(("apiKey" = ["nexus:apikeys:write"])),
)]
async fn create(
    caller: Caller,
    State(state): State<ProvisioningState>,
    Keyed { key: once, body }: Keyed<NewKeyBody>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ApiKeysWrite)?;
    let now = state.clock.now();
    let new = body.parse(now).map_err(wire::refused)?;
    caller.require_named(new.tenant)?;
    // Before anything else, so that nobody is shown a key by repeating another's call that they may not make.
    let (key, record) = ApiKeys::prepare(caller.key(), new, now)?;
    let call = once.map(|once| once.of(scope(caller.key().tenant)));
    let mut change = match state.begin_once(call.as_ref()).await? {
        Begun::Anew(change) => change,
        Begun::Before(answer) => return Ok(answer.into_response()),
    };
    let done = ApiKeys::create(&mut change, &key, &record).await;
    let (change, ()) = change.unless_refused(done).await?;
    let made = entry(&caller, Action::KeyCreated, &record);
    let view = KeyView {
        key: Some(key.reveal()),
        ..KeyView::from(record)
    };
    let answer = Answer::new(StatusCode::CREATED, view)?;
    let done = (&answer, &made);
    state.finish_once(change, call.as_ref(), done).await?;
    Ok(answer.into_response())
}

/// Whose the caller's idempotency keys are: callers of every tenant share theirs.
fn scope(tenant: KeyTenant) -> Ccid {
    match tenant {
        KeyTenant::One(ccid) => ccid,
        KeyTenant::Every => Ccid::from_uuid(Uuid::nil()),
    }
}

/// Lists the API keys that the caller may see.
#[utoipa::path(
    get, path = "/nexus/v3/provisioning/apikeys", tag = "API keys", operation_id = "listApiKeys",
    params(ListQuery),
    responses((status = 200, body = Success<Items<KeyView>>), KeyRefused, QueryRefused),
    security(("apiKey" = ["nexus:apikeys:read"])),
)]
async fn list(
    caller: Caller,
    State(keys): State<ApiKeys>,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ApiKeysRead)?;
    let (tenant, page) = query.parse()?;
    if let Some(tenant) = tenant {
        caller.require_named(tenant)?;
    }
    let (sought, after) = (Sought::of(&page)?, page.after()?);
    let found = keys
        .list(caller.key(), tenant, after, sought.items())
        .await?;
    Ok(sought.answer(found, |record| record.id.to_string(), KeyView::from))
}

/// Shows one API key without its value.
#[utoipa::path(
    get, path = "/nexus/v3/provisioning/apikeys/{id}", tag = "API keys", operation_id = "getApiKey",
    params(("id" = Uuid, Path, description = "The id of a key")),
    responses((status = 200, body = Success<KeyView>), KeyRefused, Missing),
    security(("apiKey" = ["nexus:apikeys:read"])),
)]
async fn find(
    caller: Caller,
    Path(place): Path<Place>,
    State(keys): State<ApiKeys>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ApiKeysRead)?;
    let record = keys.find(caller.key(), place.parse()?).await?;
    Ok(envelope::ok(KeyView::from(record)))
}

/// Renames, disables, enables or ends an API key; in force on every replica within a second.
#[utoipa::path(
    patch, path = "/nexus/v3/provisioning/apikeys/{id}", tag = "API keys", operation_id = "changeApiKey",
    params(("id" = Uuid, Path, description = "The id of a key")), request_body = KeyChangeBody,
    responses((status = 200, body = Success<KeyView>), KeyRefused, Missing, BodyRefused, QueryRefused),
    security(("apiKey" = ["nexus:apikeys:write"])),
)]
async fn change(
    caller: Caller,
    Path(place): Path<Place>,
    State(keys): State<ApiKeys>,
    Json(body): Json<KeyChangeBody>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ApiKeysWrite)?;
    let wanted = body.parse().map_err(wire::refused)?;
    let record = keys.change(&caller, place.parse()?, wanted).await?;
    Ok(envelope::ok(KeyView::from(record)))
}

/// Deletes an API key; within a second nobody can call with it.
#[utoipa::path(
    delete, path = "/nexus/v3/provisioning/apikeys/{id}", tag = "API keys", operation_id = "deleteApiKey",
    params(("id" = Uuid, Path, description = "The id of a key")),
    responses((status = 200, body = Done), KeyRefused, Missing),
    security(("apiKey" = ["nexus:apikeys:write"])),
)]
async fn delete(
    caller: Caller,
    Path(place): Path<Place>,
    State(keys): State<ApiKeys>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ApiKeysWrite)?;
    keys.delete(&caller, place.parse()?).await?;
    Ok(envelope::done())
}

impl Place {
    /// What is no id is the id of no key.
    fn parse(&self) -> Result<Uuid, ApiError> {
        self.id
            .parse()
            .map_err(|_| ApiError::not_found("there is no such API key"))
    }
}

impl ListQuery {
    fn parse(self) -> Result<(Option<KeyTenant>, Page), ApiError> {
        let tenant = match self.tenant.as_deref() {
            None => None,
            Some(text) => Some(
                parse_tenant(text)
                    .ok_or_else(|| ApiError::unprocessable("tenant must be a ccid or *"))?,
            ),
        };
        let page = Page {
            limit: self.limit,
            cursor: self.cursor,
        };
        Ok((tenant, page))
    }
}

impl From<KeyRecord> for KeyView {
    fn from(record: KeyRecord) -> Self {
        Self {
            id: record.id,
            key: None,
            tenant: match record.tenant {
                KeyTenant::Every => "*".to_owned(),
                KeyTenant::One(ccid) => ccid.to_string(),
            },
            name: record.name,
            permissions: record.permissions.patterns(),
            enabled: record.enabled,
            expires_at: record.expires_at.map(wire::time),
            created_at: wire::time(record.created_at),
        }
    }
}
