//! `/nexus/v3/provisioning/apikeys`.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ApiKeys;
use super::bodies::{KeyChangeBody, NewKeyBody, parse_tenant};
use crate::auth::permission::Permission;
use crate::auth::{Caller, KeyRecord, KeyTenant};
use crate::platform::http::envelope::Answer;
use crate::platform::http::idempotency::Keyed;
use crate::platform::http::page::{Page, Sought};
use crate::platform::http::{ApiError, Json, Path, Query, envelope};
use crate::provisioning::routes::{Begun, State as ProvisioningState};
use crate::provisioning::wire;
use crate::values::Ccid;

pub fn routes() -> Router<ProvisioningState> {
    Router::new()
        .route("/nexus/v3/provisioning/apikeys", post(create).get(list))
        .route(
            "/nexus/v3/provisioning/apikeys/{id}",
            get(find).patch(change).delete(delete),
        )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    tenant: Option<String>,
    limit: Option<i64>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct Place {
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyView {
    id: Uuid,
    /// Only in the answer that made the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    tenant: String,
    name: String,
    permissions: Vec<String>,
    enabled: bool,
    expires_at: Option<String>,
    created_at: String,
}

async fn create(
    caller: Caller,
    State(state): State<ProvisioningState>,
    Keyed { key: once, body }: Keyed<NewKeyBody>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ApiKeysWrite)?;
    let now = state.clock.now();
    let new = body.parse(now).map_err(wire::refused)?;
    // Before anything else, so that nobody is shown a key by repeating another's call that they may not make.
    let (key, record) = ApiKeys::prepare(caller.key(), new, now)?;
    let call = once.map(|once| once.of(scope(caller.key().tenant)));
    let mut change = match state.begin_once(call.as_ref()).await? {
        Begun::Anew(change) => change,
        Begun::Before(answer) => return Ok(answer.into_response()),
    };
    let done = ApiKeys::create(&mut change, &key, &record).await;
    let (change, ()) = change.unless_refused(done).await?;
    let view = KeyView {
        key: Some(key.reveal()),
        ..KeyView::from(record)
    };
    let answer = Answer::new(StatusCode::CREATED, view)?;
    state.finish_once(change, call.as_ref(), &answer).await?;
    Ok(answer.into_response())
}

/// Whose the caller's idempotency keys are: callers of every tenant share theirs.
fn scope(tenant: KeyTenant) -> Ccid {
    match tenant {
        KeyTenant::One(ccid) => ccid,
        KeyTenant::Every => Ccid::from_uuid(Uuid::nil()),
    }
}

async fn list(
    caller: Caller,
    State(keys): State<ApiKeys>,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ApiKeysRead)?;
    let (tenant, page) = query.parse()?;
    let (sought, after) = (Sought::of(&page)?, page.after()?);
    let found = keys
        .list(caller.key(), tenant, after, sought.items())
        .await?;
    Ok(sought.answer(found, |record| record.id.to_string(), KeyView::from))
}

async fn find(
    caller: Caller,
    Path(place): Path<Place>,
    State(keys): State<ApiKeys>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ApiKeysRead)?;
    let record = keys.find(caller.key(), place.parse()?).await?;
    Ok(envelope::ok(KeyView::from(record)))
}

async fn change(
    caller: Caller,
    Path(place): Path<Place>,
    State(keys): State<ApiKeys>,
    Json(body): Json<KeyChangeBody>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ApiKeysWrite)?;
    let wanted = body.parse().map_err(wire::refused)?;
    let record = keys.change(caller.key(), place.parse()?, wanted).await?;
    Ok(envelope::ok(KeyView::from(record)))
}

async fn delete(
    caller: Caller,
    Path(place): Path<Place>,
    State(keys): State<ApiKeys>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ApiKeysWrite)?;
    keys.delete(caller.key(), place.parse()?).await?;
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
