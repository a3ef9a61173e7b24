//! All HTTP over endpoints: what each destination does, pausing and resuming it, testing it.

use std::sync::Arc;

use axum::extract::{FromRef, State as From};
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use sqlx::PgConnection;
use utoipa::ToSchema;
use utoipa::openapi::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::attempt::Report;
use super::endpoint_test::{EndpointTests, NotTested};
use crate::audit::{self, Action, Entry as Record};
use crate::auth::caller::TenantCaller;
use crate::auth::keyring::Keyring;
use crate::auth::permission::Permission;
use crate::history::model::{Entry, Kind, Stream};
use crate::history::{self};
use crate::lanes::LaneId;
use crate::lanes::ids::Ids;
use crate::lanes::ownership::{LaneSignal, Ownership};
use crate::lanes::store::{self, Endpoint};
use crate::messages::accept::AfterAccept;
use crate::platform::clock::{Clock, rfc3339};
use crate::platform::database::Database;
use crate::platform::http::envelope::Answer;
use crate::platform::http::idempotency::{Begun, IdempotencyKeys, Once, RequestKey};
use crate::platform::http::openapi::{
    Conflict, KeyRefused, Missing, QueryRefused, RepeatRefused, Repeatable, Success, TooMany, words,
};
use crate::platform::http::page::{Items, Page, Sought};
use crate::platform::http::patience::waits_by_nature;
use crate::platform::http::{ApiError, Path, Query, envelope};
use crate::values::MessageId;

/// What these handlers may reach.
#[derive(Clone, FromRef)]
pub struct State {
    pub keyring: Keyring,
    pub clock: Clock,
    pub database: Database,
    pub ids: Arc<Ids>,
    pub ownership: Arc<Ownership>,
    pub after: Arc<dyn AfterAccept>,
    pub tests: EndpointTests,
    pub keys: IdempotencyKeys,
}

impl std::fmt::Debug for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("State").finish_non_exhaustive()
    }
}

/// Below the base path.
pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::default()
        .routes(routes!(test))
        .route_layer(from_fn(waits_by_nature))
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(pause))
        .routes(routes!(resume))
}

/// A destination that messages are sent to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Endpoint, examples(json!({
    "id": "7", "connector": "Async", "channelId": "16504661149", "state": "open", "inFlight": 2, "backlog": 31,
    "failuresInARow": 0, "oldestDue": "2026-11-21T12:00:00.000Z",
})))]
#[serde(rename_all = "camelCase")]
struct View {
    id: String,
    connector: String,
    channel_id: String,
    /// Open, parked (left alone after failures, then probed), paused (by an operator or a 410) or held (as all are, after
    /// a restore).
    #[schema(schema_with = states)]
    state: &'static str,
    /// Attempts under way, as the sending replica last told: within its tick.
    in_flight: i32,
    /// Messages that wait or are under way, counted up to 10,000.
    backlog: i64,
    failures_in_a_row: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    parked_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    oldest_due: Option<String>,
    /// The class of the last attempt's error, such as `http_503`.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

fn states() -> Object {
    words(&["open", "parked", "paused", "held"])
}

/// Lists the destinations of the tenant.
#[utoipa::path(
    get, path = "/endpoints", tag = "Endpoints", operation_id = "listEndpoints",
    params(Page),
    responses((status = 200, body = Success<Items<View>>), KeyRefused, QueryRefused),
    security(("apiKey" = ["nexus:endpoints:read"], "tenant" = [])),
)]
async fn list(
    From(database): From<Database>,
    From(clock): From<Clock>,
    caller: TenantCaller,
    Query(page): Query<Page>,
) -> Result<Response, ApiError> {
    caller.require(Permission::EndpointsRead)?;
    let sought = Sought::of(&page)?;
    let after = page.after::<i64>()?.unwrap_or(0);
    let mut connection = database
        .reads
        .acquire()
        .await
        .map_err(ApiError::unavailable)?;
    let found = store::endpoints(&mut connection, caller.ccid, (after, sought.items()))
        .await
        .map_err(ApiError::unavailable)?;
    let now_ms = clock.now_ms();
    let key = |last: &Endpoint| last.lane.0.to_string();
    Ok(sought.answer(found, key, |endpoint| View::of(endpoint, now_ms)))
}

/// Shows one destination.
#[utoipa::path(
    get, path = "/endpoints/{id}", tag = "Endpoints", operation_id = "getEndpoint",
    params(("id" = String, Path, description = "The id of an endpoint")),
    responses((status = 200, body = Success<View>), KeyRefused, Missing),
    security(("apiKey" = ["nexus:endpoints:read"], "tenant" = [])),
)]
async fn show(
    From(state): From<State>,
    caller: TenantCaller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    caller.require(Permission::EndpointsRead)?;
    let connection = state.database.reads.acquire().await;
    let mut connection = connection.map_err(ApiError::unavailable)?;
    let view = state.view(&mut connection, &caller, parse(&id)?).await?;
    Ok(envelope::ok(view))
}

/// Holds what is sent there; its messages wait until it is resumed.
#[utoipa::path(
    post, path = "/endpoints/{id}/pause", tag = "Endpoints", operation_id = "pauseEndpoint",
    params(("id" = String, Path, description = "The id of an endpoint"), Repeatable),
    responses((status = 200, body = Success<View>), KeyRefused, Missing, RepeatRefused),
    security(("apiKey" = ["nexus:endpoints:write"], "tenant" = [])),
)]
async fn pause(
    From(state): From<State>,
    caller: TenantCaller,
    Path(id): Path<String>,
    Once(key): Once,
) -> Result<Response, ApiError> {
    state.change(&caller, &id, true, key).await
}

/// Sends there again.
#[utoipa::path(
    post, path = "/endpoints/{id}/resume", tag = "Endpoints", operation_id = "resumeEndpoint",
    params(("id" = String, Path, description = "The id of an endpoint"), Repeatable),
    responses((status = 200, body = Success<View>), KeyRefused, Missing, RepeatRefused),
    security(("apiKey" = ["nexus:endpoints:write"], "tenant" = [])),
)]
async fn resume(
    From(state): From<State>,
    caller: TenantCaller,
    Path(id): Path<String>,
    Once(key): Once,
) -> Result<Response, ApiError> {
    state.change(&caller, &id, false, key).await
}

/// Posts one test to the endpoint and shows what came of it.
#[utoipa::path(
    post, path = "/endpoints/{id}/test", tag = "Endpoints", operation_id = "testEndpoint",
    params(("id" = String, Path, description = "The id of an endpoint"), Repeatable),
    responses((status = 200, body = Success<TestView>), KeyRefused, Missing, Conflict, RepeatRefused, TooMany),
    security(("apiKey" = ["nexus:endpoints:write"], "tenant" = [])),
)]
async fn test(
    From(state): From<State>,
    caller: TenantCaller,
    Path(id): Path<String>,
    Once(key): Once,
) -> Result<Response, ApiError> {
    caller.require(Permission::EndpointsWrite)?;
    let (keys, jobs) = (&state.keys, &state.database.jobs);
    let call = key.map(|key| key.of(caller.ccid));
    if let Some(answer) = keys.begin_elsewhere(jobs, call.as_ref()).await? {
        return Ok(answer.into_response());
    }
    let report = state.tests.run(caller.ccid, parse(&id)?).await?;
    let answer = Answer::new(StatusCode::OK, TestView::of(report))?;
    let now_ms = state.clock.now_ms();
    keys.keep_elsewhere(jobs, call.as_ref(), &answer, now_ms)
        .await?;
    Ok(answer.into_response())
}

/// What came of a test.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EndpointTest, examples(json!({
    "outcome": "accepted", "durationMilliseconds": 84, "httpStatus": 200, "answer": "{\"messageId\":\"1\"}",
})))]
#[serde(rename_all = "camelCase")]
struct TestView {
    /// What would have become of a message.
    #[schema(schema_with = outcomes)]
    outcome: &'static str,
    duration_milliseconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
}

fn outcomes() -> Object {
    words(&[
        "accepted",
        "retry",
        "refused",
        "barred",
        "unknown",
        "not_started",
    ])
}

impl TestView {
    fn of(report: Report) -> Self {
        let error = report.outcome.error();
        Self {
            outcome: report.outcome.class(),
            duration_milliseconds: u64::try_from(report.duration.as_millis()).unwrap_or(u64::MAX),
            http_status: report.http_status,
            error: error.map(|error| error.class().into_owned()),
            message: error.map(|error| error.to_string()),
            answer: report.excerpt,
        }
    }
}

impl std::convert::From<NotTested> for ApiError {
    fn from(refused: NotTested) -> Self {
        match refused {
            NotTested::Unknown => unknown(),
            NotTested::ChannelGone | NotTested::WouldBeSent => {
                Self::conflict(None, refused.to_string())
            }
            NotTested::TooSoon {
                retry_after_seconds,
            } => Self::rate_limited(retry_after_seconds, refused.to_string()),
            NotTested::NoLease(cause) => Self::unavailable(cause),
        }
    }
}

impl State {
    async fn view(
        &self,
        connection: &mut PgConnection,
        caller: &TenantCaller,
        lane: LaneId,
    ) -> Result<View, ApiError> {
        let found = store::endpoints(connection, caller.ccid, (lane.0 - 1, 1))
            .await
            .map_err(ApiError::unavailable)?;
        let endpoint = found
            .into_iter()
            .find(|endpoint| endpoint.lane == lane)
            .ok_or_else(unknown)?;
        Ok(View::of(endpoint, self.clock.now_ms()))
    }

    /// In force at once where this replica owns the lane, elsewhere as soon as the owner is told. If it is not, it finds
    /// out at its next sweep.
    async fn change(
        &self,
        caller: &TenantCaller,
        id: &str,
        paused: bool,
        key: Option<RequestKey>,
    ) -> Result<Response, ApiError> {
        caller.require(Permission::EndpointsWrite)?;
        let lane = parse(id)?;
        let call = key.map(|key| key.of(caller.ccid));
        let event = self
            .ids
            .next(&self.ownership)
            .map_err(ApiError::unavailable)?;
        let (kind, action) = if paused {
            (Kind::EndpointPaused, Action::EndpointPaused)
        } else {
            (Kind::EndpointResumed, Action::EndpointResumed)
        };
        let mut work = match self.keys.open(&self.database.jobs, call).await? {
            Begun::Anew(work) => work,
            Begun::Before(answer) => return Ok(answer.into_response()),
        };
        let before = store::set_paused(&mut work, caller.ccid, lane, paused)
            .await
            .map_err(ApiError::unavailable)?;
        let (mut work, before) = work.unless_refused(before.ok_or_else(unknown)).await?;
        let detail = json!({
            "endpointId": lane.0.to_string(),
            "channelId": before.target,
            "reason": "by an operator",
        });
        let entry = Entry {
            detail: Some(detail.to_string()),
            ..Entry::event(caller.ccid, event, lane.0, kind, Stream::Both)
        };
        // What is so already is no change.
        if before.paused != paused || (before.parked && !paused) {
            let record = Record::by(&caller.caller, caller.ccid, (action, lane.0.to_string()));
            write(&mut work, &entry, &record).await?;
        }
        let view = self.view(&mut work, caller, lane).await?;
        let answer = Answer::new(StatusCode::OK, view)?;
        work.finish(&answer, self.clock.now_ms()).await?;
        // Where we are the owner ourselves it is in force before anything that is accepted after our answer.
        self.ownership.signal(lane, LaneSignal::LookForRows);
        self.after.wake_owners(vec![lane]);
        Ok(answer.into_response())
    }
}

/// Writes down what consumers are told of, and who did it.
async fn write(
    connection: &mut PgConnection,
    event: &Entry,
    record: &Record,
) -> Result<(), ApiError> {
    let told = history::store::append(connection, std::slice::from_ref(event)).await;
    told.map_err(ApiError::unavailable)?;
    let recorded = audit::store::append(connection, record).await;
    recorded.map_err(ApiError::unavailable)
}

fn parse(id: &str) -> Result<LaneId, ApiError> {
    id.parse()
        .ok()
        .filter(|number| *number > 0)
        .map(LaneId)
        .ok_or_else(unknown)
}

fn unknown() -> ApiError {
    ApiError::not_found("there is no such endpoint")
}

impl View {
    fn of(endpoint: Endpoint, now_ms: i64) -> Self {
        let accepted_at = endpoint.first_ready.map(MessageId::unix_ms);
        let oldest_due = accepted_at.into_iter().chain(endpoint.earliest_due).min();
        let parked_until = endpoint.parked_until.filter(|until| *until > now_ms);
        Self {
            id: endpoint.lane.0.to_string(),
            connector: endpoint.connector,
            channel_id: endpoint.target,
            state: match (endpoint.held, endpoint.paused, parked_until) {
                (true, ..) => "held",
                (false, true, _) => "paused",
                (false, false, Some(_)) => "parked",
                (false, false, None) => "open",
            },
            in_flight: endpoint.in_flight,
            backlog: endpoint.backlog,
            failures_in_a_row: endpoint.failures_in_a_row,
            parked_until: parked_until.map(rfc3339),
            oldest_due: oldest_due.map(rfc3339),
            last_error: endpoint.last_error,
        }
    }
}
