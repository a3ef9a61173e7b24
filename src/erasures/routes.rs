//! All HTTP over erasures.

use std::sync::Arc;

use axum::extract::{FromRef, State as From};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use tracing::info;
use utoipa::ToSchema;
use utoipa::openapi::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{Erasure, Figures};
use super::step::{object_id, sealing};
use super::store;
use crate::audit::{self, Action, Entry};
use crate::auth::caller::TenantCaller;
use crate::auth::keyring::Keyring;
use crate::auth::permission::Permission;
use crate::messages::desk::Desk;
use crate::platform::clock::{Clock, rfc3339};
use crate::platform::http::envelope::Answer;
use crate::platform::http::idempotency::{Begun, IdempotencyKeys, Keyed};
use crate::platform::http::openapi::{
    BodyRefused, KeyRefused, Missing, QueryRefused, RepeatRefused, Repeatable, Success, words,
};
use crate::platform::http::page::{Items, Page, Sought};
use crate::platform::http::{ApiError, Path, Query, envelope};
use crate::platform::job::{JobState, Wake};
use crate::platform::telemetry::metric;
use crate::platform::vault::{Pseudonyms, Vault};
use crate::values::{Address, Ccid, ErasureId};

/// When a tenant that has as many running jobs as it may have is to ask again, in seconds.
const RETRY_AFTER_SECONDS: u32 = 10;

/// What these handlers may reach.
#[derive(Debug, Clone, FromRef)]
pub struct State {
    pub keyring: Keyring,
    pub clock: Clock,
    pub desk: Desk,
    pub keys: IdempotencyKeys,
    pub vault: Arc<Vault>,
    pub pseudonyms: Pseudonyms,
    pub wake: Wake,
    pub limits: Limits,
}

/// How many jobs one tenant may have.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub running_max: i64,
    /// Those that have ended; older ones are forgotten.
    pub ended_max: i64,
}

/// Below the base path.
pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::default()
        .routes(routes!(list, begin))
        .routes(routes!(show, cancel))
}

/// Who is to be forgotten.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewErasure, examples(json!({ "address": "16505550199", "dryRun": true })))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ErasureBody {
    /// The person's phone number or email address.
    address: String,
    /// Only count what would be taken away.
    #[serde(default)]
    dry_run: bool,
}

/// A job that takes away everything of one person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Erasure, examples(json!({
    "id": "1795264928594-3", "state": "running", "person": "0f8fad5bd9cb469fa16570867728950e",
    "messages": 12, "conversations": 1, "receipts": 0, "events": 0, "files": 0, "dryRun": false,
    "createdAt": "2026-11-21T12:00:00.000Z",
})))]
#[serde(rename_all = "camelCase")]
struct View {
    id: String,
    #[schema(schema_with = states)]
    state: &'static str,
    /// The pseudonym under which the audit speaks of the person.
    person: String,
    messages: i64,
    conversations: i64,
    /// Receipts that waited for a message.
    receipts: i64,
    /// Events that named the address, beside those of messages and conversations.
    events: i64,
    /// Uploaded files that nobody else's messages refer to; a dry run counts none.
    files: i64,
    dry_run: bool,
    #[schema(format = DateTime)]
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    ended_at: Option<String>,
}

fn states() -> Object {
    words(&["running", "completed", "cancelled"])
}

/// Begins to take away everything of one person, as a job that goes on by itself. Messages that wait are called back;
/// opt-outs hold.
#[utoipa::path(
    post, path = "/erasures", tag = "Erasures", operation_id = "beginErasure",
    params(Repeatable), request_body = ErasureBody,
    responses((status = 202, body = Success<View>), KeyRefused, BodyRefused, QueryRefused, RepeatRefused),
    security(("apiKey" = ["nexus:provisioning:write"], "tenant" = [])),
)]
async fn begin(
    From(state): From<State>,
    caller: TenantCaller,
    Keyed { key, body }: Keyed<ErasureBody>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ProvisioningWrite)?;
    let address: Address = body.address.parse().map_err(|error| {
        ApiError::unprocessable(format!("address: {error}")).detail("/address", "cannot be read")
    })?;
    let ccid = caller.ccid;
    let call = key.map(|key| key.of(ccid));
    let desk = &state.desk;
    let id = desk.ids.next(&desk.ownership);
    let id = ErasureId::from_i64(id.map_err(ApiError::unavailable)?);
    let mut work = match state.keys.open(&desk.database.jobs, call).await? {
        Begun::Anew(work) => work,
        Begun::Before(answer) => return Ok(answer.into_response()),
    };
    let erasure = Erasure {
        id,
        state: JobState::Running,
        person: state.pseudonyms.of(ccid, address.as_str()),
        dry_run: body.dry_run,
        figures: Figures::default(),
        created_at: state.clock.now_ms(),
        ended_at: None,
    };
    let named = (Action::ErasureBegun, object_id(id, &erasure.person));
    let record = Entry::by(&caller.caller, ccid, named);
    let made = make(&state, &mut work, (&record, ccid), (&erasure, &address)).await;
    let (work, ()) = work.unless_refused(made).await?;
    let created_at = erasure.created_at;
    let answer = Answer::new(StatusCode::ACCEPTED, View::from(erasure))?;
    work.finish(&answer, created_at).await?;
    metrics::counter!(metric::ERASURES, "state" => "running").increment(1);
    info!(erasure.id = %id, %ccid, "An erasure begins");
    state.wake.wake();
    Ok(answer.into_response())
}

/// Writes the job down unless the tenant has as many as it may have.
async fn make(
    state: &State,
    connection: &mut PgConnection,
    (record, ccid): (&Entry, Ccid),
    (erasure, address): (&Erasure, &Address),
) -> Result<(), ApiError> {
    let running = store::count_running(connection, ccid).await;
    if running.map_err(ApiError::unavailable)? >= state.limits.running_max {
        return Err(ApiError::rate_limited(
            RETRY_AFTER_SECONDS,
            "too many erasures of this tenant run already; wait until one has ended",
        ));
    }
    store::forget_all_but(connection, ccid, state.limits.ended_max)
        .await
        .map_err(ApiError::unavailable)?;
    let row = erasure.id.to_string();
    let sealed = (state.vault).seal(&sealing(ccid, &row), address.as_str().as_bytes());
    store::insert(connection, ccid, erasure, &sealed)
        .await
        .map_err(ApiError::unavailable)?;
    audit::store::append(connection, record)
        .await
        .map_err(ApiError::unavailable)
}

/// Lists the jobs of the tenant, newest first.
#[utoipa::path(
    get, path = "/erasures", tag = "Erasures", operation_id = "listErasures",
    params(Page),
    responses((status = 200, body = Success<Items<View>>), KeyRefused, QueryRefused),
    security(("apiKey" = ["nexus:provisioning:read"], "tenant" = [])),
)]
async fn list(
    From(desk): From<Desk>,
    caller: TenantCaller,
    Query(page): Query<Page>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ProvisioningRead)?;
    let (sought, before) = (Sought::of(&page)?, page.after::<ErasureId>()?);
    let connection = desk.database.reads.acquire().await;
    let mut connection = connection.map_err(ApiError::unavailable)?;
    let found = store::list(&mut connection, caller.ccid, before, sought.items()).await;
    let found = found.map_err(ApiError::unavailable)?;
    Ok(sought.answer(found, |last| last.id.to_string(), View::from))
}

/// Shows one job and how far it has come.
#[utoipa::path(
    get, path = "/erasures/{id}", tag = "Erasures", operation_id = "getErasure",
    params(("id" = String, Path, description = "The id of an erasure")),
    responses((status = 200, body = Success<View>), KeyRefused, Missing),
    security(("apiKey" = ["nexus:provisioning:read"], "tenant" = [])),
)]
async fn show(
    From(desk): From<Desk>,
    caller: TenantCaller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ProvisioningRead)?;
    found(&desk, caller.ccid, parse(&id)?).await
}

/// Cancels a job. What it has taken away is gone; one that has ended stays as it is.
#[utoipa::path(
    delete, path = "/erasures/{id}", tag = "Erasures", operation_id = "cancelErasure",
    params(("id" = String, Path, description = "The id of an erasure")),
    responses((status = 200, body = Success<View>), KeyRefused, Missing),
    security(("apiKey" = ["nexus:provisioning:write"], "tenant" = [])),
)]
async fn cancel(
    From(desk): From<Desk>,
    caller: TenantCaller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ProvisioningWrite)?;
    let (ccid, id) = (caller.ccid, parse(&id)?);
    let cancelled = cancel_with(&desk, &caller, id).await;
    if cancelled.map_err(ApiError::unavailable)? {
        metrics::counter!(metric::ERASURES, "state" => "cancelled").increment(1);
        info!(erasure.id = %id, %ccid, "An erasure was cancelled");
    }
    found(&desk, ccid, id).await
}

/// Whether the job was running, and is cancelled now. Then it is on record, too.
async fn cancel_with(desk: &Desk, caller: &TenantCaller, id: ErasureId) -> sqlx::Result<bool> {
    let ccid = caller.ccid;
    let mut transaction = desk.database.jobs.begin().await?;
    let Some(erasure) = store::find(&mut transaction, ccid, id).await? else {
        return Ok(false);
    };
    let now_ms = desk.clock.now_ms();
    let key = (ccid, id);
    let cancelled = store::end(&mut transaction, key, JobState::Cancelled, now_ms).await?;
    if cancelled {
        let named = (Action::ErasureCancelled, object_id(id, &erasure.person));
        let record = Entry::by(&caller.caller, ccid, named);
        audit::store::append(&mut transaction, &record).await?;
    }
    transaction.commit().await?;
    Ok(cancelled)
}

async fn found(desk: &Desk, ccid: Ccid, id: ErasureId) -> Result<Response, ApiError> {
    let connection = desk.database.reads.acquire().await;
    let mut connection = connection.map_err(ApiError::unavailable)?;
    let found = store::find(&mut connection, ccid, id).await;
    let found = found.map_err(ApiError::unavailable)?;
    Ok(envelope::ok(View::from(found.ok_or_else(unknown)?)))
}

fn parse(id: &str) -> Result<ErasureId, ApiError> {
    id.parse().map_err(|_| unknown())
}

fn unknown() -> ApiError {
    ApiError::not_found("there is no such erasure")
}

impl std::convert::From<Erasure> for View {
    fn from(erasure: Erasure) -> Self {
        let figures = erasure.figures;
        Self {
            id: erasure.id.to_string(),
            state: erasure.state.as_str(),
            person: erasure.person,
            messages: figures.messages,
            conversations: figures.conversations,
            receipts: figures.receipts,
            events: figures.events,
            files: figures.files,
            dry_run: erasure.dry_run,
            created_at: rfc3339(erasure.created_at),
            ended_at: erasure.ended_at.map(rfc3339),
        }
    }
}
