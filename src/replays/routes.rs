//! All HTTP over replays.

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

use super::model::{Figures, Replay, Wanted};
use super::store;
use crate::audit::{self, Action, Entry};
use crate::auth::caller::TenantCaller;
use crate::auth::keyring::Keyring;
use crate::auth::permission::Permission;
use crate::messages::desk::Desk;
use crate::messages::narrowing::Narrowing;
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
use crate::values::{Ccid, ReplayId};

/// Messages a second that a job may send at most.
const RATE_MAX: f64 = 10_000.0;
/// And at least, which is one in a hundred seconds.
const RATE_MIN: f64 = 0.01;
/// When a tenant that has as many running jobs as it may have is to ask again, in seconds.
const RETRY_AFTER_SECONDS: u32 = 10;

/// What these handlers may reach.
#[derive(Debug, Clone, FromRef)]
pub struct State {
    pub keyring: Keyring,
    pub clock: Clock,
    pub desk: Desk,
    pub keys: IdempotencyKeys,
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

/// Which dead letters are to be sent again, and how fast.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewReplay, examples(json!({
    "filter": { "channelId": "16504661149", "since": "2026-11-21T12:00:00Z" }, "ratePerSecond": 20, "dryRun": true,
})))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReplayBody {
    filter: Narrowing,
    /// Messages a second.
    #[schema(minimum = 0.01, maximum = 10_000)]
    rate_per_second: f64,
    /// Only count what would be sent.
    #[serde(default)]
    dry_run: bool,
}

/// A job that sends dead letters again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Replay, examples(json!({
    "id": "1795264928594-3", "state": "running", "matched": 120, "queued": 80, "skipped": 2,
    "filter": { "channelId": "16504661149" }, "ratePerSecond": 20.0, "dryRun": false,
    "createdAt": "2026-11-21T12:00:00.000Z",
})))]
#[serde(rename_all = "camelCase")]
struct View {
    id: String,
    #[schema(schema_with = states)]
    state: &'static str,
    matched: i64,
    queued: i64,
    skipped: i64,
    filter: Option<Narrowing>,
    rate_per_second: f64,
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

/// Begins to send dead letters again, as a job that goes on by itself.
#[utoipa::path(
    post, path = "/replays", tag = "Replays", operation_id = "beginReplay",
    params(Repeatable), request_body = ReplayBody,
    responses((status = 202, body = Success<View>), KeyRefused, BodyRefused, QueryRefused, RepeatRefused),
    security(("apiKey" = ["nexus:messages:send"], "tenant" = [])),
)]
async fn begin(
    From(state): From<State>,
    caller: TenantCaller,
    Keyed { key, body }: Keyed<ReplayBody>,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesSend)?;
    let wanted = wanted(&body)?;
    let ccid = caller.ccid;
    let call = key.map(|key| key.of(ccid));
    let desk = &state.desk;
    let id = desk.ids.next(&desk.ownership);
    let id = ReplayId::from_i64(id.map_err(ApiError::unavailable)?);
    let mut work = match state.keys.open(&desk.database.jobs, call).await? {
        Begun::Anew(work) => work,
        Begun::Before(answer) => return Ok(answer.into_response()),
    };
    let record = Entry::by(&caller.caller, ccid, (Action::ReplayBegun, id.to_string()));
    let made = make(&state, &mut work, (&record, (ccid, id)), wanted).await;
    let (work, replay) = work.unless_refused(made).await?;
    let created_at = replay.created_at;
    let answer = Answer::new(StatusCode::ACCEPTED, View::from(replay))?;
    work.finish(&answer, created_at).await?;
    metrics::counter!(metric::REPLAYS, "state" => "running").increment(1);
    info!(replay.id = %id, %ccid, "A replay begins");
    state.wake.wake();
    Ok(answer.into_response())
}

/// Writes the job down unless the tenant has as many as it may have.
async fn make(
    state: &State,
    connection: &mut PgConnection,
    (record, (ccid, id)): (&Entry, (Ccid, ReplayId)),
    wanted: Wanted,
) -> Result<Replay, ApiError> {
    let running = store::count_running(connection, ccid).await;
    if running.map_err(ApiError::unavailable)? >= state.limits.running_max {
        return Err(ApiError::rate_limited(
            RETRY_AFTER_SECONDS,
            "too many replays of this tenant run already; wait until one has ended, or cancel one",
        ));
    }
    let now_ms = state.clock.now_ms();
    store::forget_all_but(connection, ccid, state.limits.ended_max)
        .await
        .map_err(ApiError::unavailable)?;
    store::insert(connection, ccid, id, (&wanted, now_ms))
        .await
        .map_err(ApiError::unavailable)?;
    audit::store::append(connection, record)
        .await
        .map_err(ApiError::unavailable)?;
    Ok(Replay {
        id,
        state: JobState::Running,
        wanted,
        figures: Figures::default(),
        created_at: now_ms,
        ended_at: None,
    })
}

fn wanted(body: &ReplayBody) -> Result<Wanted, ApiError> {
    body.filter.read().map_err(|bad| {
        ApiError::unprocessable(format!("filter: {bad}"))
            .detail(format!("/filter/{}", bad.member), bad.why)
    })?;
    if !(RATE_MIN..=RATE_MAX).contains(&body.rate_per_second) {
        return Err(
            ApiError::unprocessable("ratePerSecond is a number from 0.01 to 10000")
                .detail("/ratePerSecond", "0.01 to 10000"),
        );
    }
    Ok(Wanted {
        filter: serde_json::to_string(&body.filter).map_err(ApiError::unavailable)?,
        rate_per_second: body.rate_per_second,
        dry_run: body.dry_run,
    })
}

/// Lists the jobs of the tenant, newest first.
#[utoipa::path(
    get, path = "/replays", tag = "Replays", operation_id = "listReplays",
    params(Page),
    responses((status = 200, body = Success<Items<View>>), KeyRefused, QueryRefused),
    security(("apiKey" = ["nexus:messages:read"], "tenant" = [])),
)]
async fn list(
    From(desk): From<Desk>,
    caller: TenantCaller,
    Query(page): Query<Page>,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesRead)?;
    let (sought, before) = (Sought::of(&page)?, page.after::<ReplayId>()?);
    let connection = desk.database.reads.acquire().await;
    let mut connection = connection.map_err(ApiError::unavailable)?;
    let found = store::list(&mut connection, caller.ccid, before, sought.items()).await;
    let found = found.map_err(ApiError::unavailable)?;
    Ok(sought.answer(found, |last| last.id.to_string(), View::from))
}

/// Shows one job and how far it has come.
#[utoipa::path(
    get, path = "/replays/{id}", tag = "Replays", operation_id = "getReplay",
    params(("id" = String, Path, description = "The id of a replay")),
    responses((status = 200, body = Success<View>), KeyRefused, Missing),
    security(("apiKey" = ["nexus:messages:read"], "tenant" = [])),
)]
async fn show(
    From(desk): From<Desk>,
    caller: TenantCaller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesRead)?;
    found(&desk, caller.ccid, parse(&id)?).await
}

/// Cancels a job. What it has sent stays sent; one that has ended stays as it is.
#[utoipa::path(
    delete, path = "/replays/{id}", tag = "Replays", operation_id = "cancelReplay",
    params(("id" = String, Path, description = "The id of a replay")),
    responses((status = 200, body = Success<View>), KeyRefused, Missing),
    security(("apiKey" = ["nexus:messages:send"], "tenant" = [])),
)]
async fn cancel(
    From(desk): From<Desk>,
    caller: TenantCaller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesSend)?;
    let (ccid, id) = (caller.ccid, parse(&id)?);
    let record = Entry::by(
        &caller.caller,
        ccid,
        (Action::ReplayCancelled, id.to_string()),
    );
    let cancelled = cancel_with(&desk, (ccid, id), &record).await;
    if cancelled.map_err(ApiError::unavailable)? {
        metrics::counter!(metric::REPLAYS, "state" => "cancelled").increment(1);
        info!(replay.id = %id, %ccid, "A replay was cancelled");
    }
    found(&desk, ccid, id).await
}

/// Whether the job was running, and is cancelled now. Then it is on record, too.
async fn cancel_with(
    desk: &Desk,
    (ccid, id): (Ccid, ReplayId),
    record: &Entry,
) -> sqlx::Result<bool> {
    let mut transaction = desk.database.jobs.begin().await?;
    let cancelled = store::cancel(&mut transaction, ccid, id, desk.clock.now_ms()).await?;
    if cancelled {
        audit::store::append(&mut transaction, record).await?;
    }
    transaction.commit().await?;
    Ok(cancelled)
}

async fn found(desk: &Desk, ccid: Ccid, id: ReplayId) -> Result<Response, ApiError> {
    let connection = desk.database.reads.acquire().await;
    let mut connection = connection.map_err(ApiError::unavailable)?;
    let found = store::find(&mut connection, ccid, id).await;
    let found = found.map_err(ApiError::unavailable)?;
    Ok(envelope::ok(View::from(found.ok_or_else(unknown)?)))
}

fn parse(id: &str) -> Result<ReplayId, ApiError> {
    id.parse().map_err(|_| unknown())
}

fn unknown() -> ApiError {
    ApiError::not_found("there is no such replay")
}

impl std::convert::From<Replay> for View {
    fn from(replay: Replay) -> Self {
        Self {
            id: replay.id.to_string(),
            state: replay.state.as_str(),
            matched: replay.figures.matched,
            queued: replay.figures.queued,
            skipped: replay.figures.skipped,
            filter: serde_json::from_str(&replay.wanted.filter).ok(),
            rate_per_second: replay.wanted.rate_per_second,
            dry_run: replay.wanted.dry_run,
            created_at: rfc3339(replay.created_at),
            ended_at: replay.ended_at.map(rfc3339),
        }
    }
}
