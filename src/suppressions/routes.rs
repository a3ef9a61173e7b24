//! All HTTP over suppressions.

mod unsubscribe;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRef, State as From};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::link::UnsubscribeLinks;
use super::model::{Route, Source, Suppression};
use super::opt_outs::OptOuts;
use super::proof::Proofs;
use super::store::{self, Change};
use crate::audit::{Action, Entry};
use crate::auth::caller::TenantCaller;
use crate::auth::keyring::Keyring;
use crate::auth::permission::Permission;
use crate::lanes::ids::{Ids, NoLease};
use crate::lanes::ownership::Ownership;
use crate::platform::clock::{Clock, rfc3339, unix_ms};
use crate::platform::database::Database;
use crate::platform::http::openapi::{
    BodyRefused, Done, KeyRefused, Missing, QueryRefused, Success,
};
use crate::platform::http::page::{Items, Page, Sought};
use crate::platform::http::{ApiError, Path, Query, RawBody, envelope, scan, shape};
use crate::platform::vault::Pseudonyms;

/// The answer to what adds a suppression waits this long after its commit: longer than any gate trusts a check.
pub const SETTLES: Duration = Duration::from_millis(60);

/// What these handlers may reach.
#[derive(Debug, Clone, FromRef)]
pub struct State {
    pub keyring: Keyring,
    pub clock: Clock,
    pub database: Database,
    pub ids: Arc<Ids>,
    pub ownership: Arc<Ownership>,
    pub pseudonyms: Pseudonyms,
    pub proofs: Proofs,
    pub links: UnsubscribeLinks,
    pub opt_outs: OptOuts,
}

/// Below the base path.
pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(show, put, remove))
        .merge(unsubscribe::routes())
}

/// An address that a sender must not send to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Suppression, examples(json!({
    "channelId": "16504661149", "address": "16505550199", "source": "keyword",
    "evidence": "1795264928594-0", "time": "2026-11-21T12:00:00.000Z",
})))]
#[serde(rename_all = "camelCase")]
struct View {
    channel_id: String,
    /// In a list, of a person who was erased: `erased:` and a keyed hash.
    address: String,
    /// `keyword`, `api`, `bounce`, `complaint` or `unsubscribe`.
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The id of the message that asked for it or led to it, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
    #[schema(format = DateTime)]
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// Why an address is suppressed, and until when. The body may be empty.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = SuppressionChange, examples(json!({
    "reason": "asked by phone", "expiresAt": "2999-01-01T00:00:00Z",
})))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PutBody {
    #[schema(max_length = 500)]
    reason: Option<String>,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// Longest reason, in characters.
const REASON_MAX: usize = 500;

/// Lists the suppressed addresses of the tenant.
#[utoipa::path(
    get, path = "/suppressions", tag = "Suppressions", operation_id = "listSuppressions",
    params(Page),
    responses((status = 200, body = Success<Items<View>>), KeyRefused, QueryRefused),
    security(("apiKey" = ["nexus:suppressions:read"], "tenant" = [])),
)]
async fn list(
    From(database): From<Database>,
    From(clock): From<Clock>,
    caller: TenantCaller,
    Query(page): Query<Page>,
) -> Result<Response, ApiError> {
    caller.require(Permission::SuppressionsRead)?;
    let sought = Sought::of(&page)?;
    let after = page.after::<String>()?.unwrap_or_else(|| "/".to_owned());
    // No channel has a slash.
    let after = after.split_once('/').ok_or_else(Page::bad_cursor)?;
    let mut connection = database
        .reads
        .acquire()
        .await
        .map_err(ApiError::unavailable)?;
    let bounds = (sought.items(), clock.now_ms());
    let found = store::list(&mut connection, caller.ccid, after, bounds)
        .await
        .map_err(ApiError::unavailable)?;
    Ok(sought.answer(found, key, View::from))
}

/// Shows whether an address is suppressed.
#[utoipa::path(
    get, path = "/suppressions/{channelId}/{address}", tag = "Suppressions", operation_id = "getSuppression",
    params(
        ("channelId" = String, Path, description = "The sender's channel"),
        ("address" = String, Path, description = "A phone number or an email address"),
    ),
    responses((status = 200, body = Success<View>), KeyRefused, Missing, QueryRefused),
    security(("apiKey" = ["nexus:suppressions:read"], "tenant" = [])),
)]
async fn show(
    From(state): From<State>,
    caller: TenantCaller,
    Path(path): Path<(String, String)>,
) -> Result<Response, ApiError> {
    caller.require(Permission::SuppressionsRead)?;
    let route = route(&caller, path)?;
    let mut connection = state
        .database
        .reads
        .acquire()
        .await
        .map_err(ApiError::unavailable)?;
    match store::find(
        &mut connection,
        (&state.proofs, &route),
        state.clock.now_ms(),
    )
    .await
    .map_err(ApiError::unavailable)?
    {
        Some(suppression) => Ok(envelope::ok(View::from(suppression))),
        None => Err(unknown()),
    }
}

/// Suppresses an address: after the answer no send to it from this sender begins.
#[utoipa::path(
    put, path = "/suppressions/{channelId}/{address}", tag = "Suppressions", operation_id = "putSuppression",
    params(
        ("channelId" = String, Path, description = "The sender's channel"),
        ("address" = String, Path, description = "A phone number or an email address"),
    ),
    request_body = Option<PutBody>,
    responses(
        (status = 200, body = Success<View>), (status = 201, body = Success<View>),
        KeyRefused, BodyRefused, QueryRefused,
    ),
    security(("apiKey" = ["nexus:suppressions:write"], "tenant" = [])),
)]
async fn put(
    From(state): From<State>,
    caller: TenantCaller,
    Path(path): Path<(String, String)>,
    RawBody(body): RawBody,
) -> Result<Response, ApiError> {
    caller.require(Permission::SuppressionsWrite)?;
    let route = route(&caller, path)?;
    let body: PutBody = if body.is_empty() {
        PutBody::default()
    } else {
        read(&body)?
    };
    if body
        .reason
        .as_ref()
        .is_some_and(|reason| reason.chars().count() > REASON_MAX)
    {
        return Err(ApiError::unprocessable("reason has at most 500 characters")
            .detail("/reason", "at most 500 characters"));
    }
    let expires_at = expiry(&body, state.clock.now_ms())?;
    let change = state.change()?;
    let mut connection = state
        .database
        .jobs
        .acquire()
        .await
        .map_err(ApiError::unavailable)?;
    let reason = (body.reason.as_deref(), expires_at);
    let record = state.record(&caller, Action::SuppressionSaved, &route);
    let record = record.changing(body.members());
    let added = store::put(
        &mut connection,
        (&state.proofs, &route),
        reason,
        (change, &record),
    )
    .await
    .map_err(ApiError::unavailable)?;
    drop(connection);
    tokio::time::sleep(SETTLES).await;
    let suppression = Suppression {
        channel_id: route.channel_id,
        address: route.address.as_str().to_owned(),
        source: Source::Api.as_str().to_owned(),
        reason: body.reason,
        evidence: None,
        created_at: change.now_ms,
        expires_at,
    };
    Ok(if added {
        envelope::created(View::from(suppression))
    } else {
        envelope::ok(View::from(suppression))
    })
}

/// Takes an address off the list again.
#[utoipa::path(
    delete, path = "/suppressions/{channelId}/{address}", tag = "Suppressions", operation_id = "deleteSuppression",
    params(
        ("channelId" = String, Path, description = "The sender's channel"),
        ("address" = String, Path, description = "A phone number or an email address"),
    ),
    responses((status = 200, body = Done), KeyRefused, Missing, QueryRefused),
    security(("apiKey" = ["nexus:suppressions:write"], "tenant" = [])),
)]
async fn remove(
    From(state): From<State>,
    caller: TenantCaller,
    Path(path): Path<(String, String)>,
) -> Result<Response, ApiError> {
    caller.require(Permission::SuppressionsWrite)?;
    let route = route(&caller, path)?;
    let change = state.change()?;
    let mut connection = state
        .database
        .jobs
        .acquire()
        .await
        .map_err(ApiError::unavailable)?;
    let record = state.record(&caller, Action::SuppressionRemoved, &route);
    let removed = store::remove(&mut connection, (&state.proofs, &route), (change, &record))
        .await
        .map_err(ApiError::unavailable)?;
    if removed {
        Ok(envelope::done())
    } else {
        Err(unknown())
    }
}

impl PutBody {
    /// Names of the members that are there.
    fn members(&self) -> impl Iterator<Item = &'static str> {
        let reason = self.reason.as_ref().map(|_| "reason");
        reason
            .into_iter()
            .chain(self.expires_at.as_ref().map(|_| "expiresAt"))
    }
}

impl State {
    /// The record of what a caller does to a suppression, under the person's pseudonym.
    fn record(&self, caller: &TenantCaller, action: Action, route: &Route) -> Entry {
        let person = self.pseudonyms.of(route.ccid, route.address.as_str());
        let object_id = format!("{}/{person}", route.channel_id.as_str());
        Entry::by(&caller.caller, route.ccid, (action, object_id))
    }

    fn change(&self) -> Result<Change, ApiError> {
        let event = self
            .ids
            .next(&self.ownership)
            .map_err(|error: NoLease| ApiError::unavailable(error))?;
        Ok(Change {
            now_ms: self.clock.now_ms(),
            event,
        })
    }
}

fn route(
    caller: &TenantCaller,
    (channel_id, address): (String, String),
) -> Result<Route, ApiError> {
    let channel_id = channel_id.parse().map_err(|error| {
        ApiError::unprocessable(format!("channelId: {error}")).detail("channelId", "cannot be read")
    })?;
    let address = address.parse().map_err(|error| {
        ApiError::unprocessable(format!("address: {error}")).detail("address", "cannot be read")
    })?;
    Ok(Route {
        ccid: caller.ccid,
        channel_id,
        address,
    })
}

fn read(body: &[u8]) -> Result<PutBody, ApiError> {
    scan::check(body)?;
    Ok(shape::read(body)?)
}

/// When a suppression is to end, if it is to.
fn expiry(body: &PutBody, now_ms: i64) -> Result<Option<i64>, ApiError> {
    let Some(text) = body.expires_at.as_deref() else {
        return Ok(None);
    };
    let expires_at = unix_ms(text).ok_or_else(|| {
        ApiError::unprocessable("expiresAt is not an RFC 3339 time")
            .detail("/expiresAt", "RFC 3339")
    })?;
    if expires_at <= now_ms {
        return Err(ApiError::unprocessable("expiresAt is over already")
            .detail("/expiresAt", "a time to come"));
    }
    Ok(Some(expires_at))
}

/// What the page after this suppression begins behind.
fn key(last: &Suppression) -> String {
    format!("{}/{}", last.channel_id.as_str(), last.address)
}

fn unknown() -> ApiError {
    ApiError::not_found("there is no such suppression")
}

impl std::convert::From<Suppression> for View {
    fn from(suppression: Suppression) -> Self {
        Self {
            channel_id: suppression.channel_id.as_str().to_owned(),
            address: suppression.address,
            source: suppression.source,
            reason: suppression.reason,
            evidence: suppression.evidence.map(|id| id.to_string()),
            time: rfc3339(suppression.created_at),
            expires_at: suppression.expires_at.map(rfc3339),
        }
    }
}
