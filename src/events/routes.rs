//! All HTTP over events.

use std::time::Duration;

use axum::extract::{FromRef, State as From};
use axum::middleware::from_fn;
use axum::response::Response;
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::openapi::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::feed::{self, Follower, Wanted};
use super::view;
use crate::auth::caller::TenantCaller;
use crate::auth::keyring::Keyring;
use crate::auth::permission::Permission;
use crate::history::growth::FeedGrowth;
use crate::history::model::{Kind, Stream};
use crate::platform::clock::Clock;
use crate::platform::database::Database;
use crate::platform::http::openapi::{KeyRefused, QueryRefused, Success, words};
use crate::platform::http::page::{self, Items, Page};
use crate::platform::http::patience::waits_by_nature;
use crate::platform::http::{ApiError, Query};
use crate::platform::lifecycle::Lifecycle;

/// Longest wait of a long-poll, in seconds.
const WAIT_SECONDS_MAX: u64 = 30;

/// What these handlers may reach.
#[derive(Debug, Clone, FromRef)]
pub struct State {
    pub keyring: Keyring,
    pub clock: Clock,
    pub database: Database,
    pub lifecycle: Lifecycle,
    pub growth: FeedGrowth,
}

/// Below the base path.
pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::default()
        .routes(routes!(read))
        .route_layer(from_fn(waits_by_nature))
}

/// What a consumer asks for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct FeedQuery {
    #[param(schema_with = streams, required = false)]
    stream: Option<String>,
    /// Comma-separated; all where there are none.
    types: Option<String>,
    /// The cursor of the last event that was read, or `next` of the page before.
    after: Option<String>,
    /// How long to wait for an event where there is none, in seconds.
    #[param(maximum = 30)]
    wait: Option<u64>,
    /// Most events on the page; 50 unless asked otherwise.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
}

fn streams() -> Object {
    words(&["chat", "cxc", "all"])
}

/// The events after a cursor, oldest first; waits for one if asked to.
///
/// At least once and without gaps. The answer always has `next`.
#[utoipa::path(
    get, path = "/events", tag = "Events", operation_id = "readEvents",
    params(FeedQuery),
    responses((status = 200, body = Success<Items<view::EventView>>), KeyRefused, QueryRefused),
    security(("apiKey" = ["nexus:events:read"], "tenant" = [])),
)]
async fn read(
    From(database): From<Database>,
    From(lifecycle): From<Lifecycle>,
    From(growth): From<FeedGrowth>,
    caller: TenantCaller,
    Query(query): Query<FeedQuery>,
) -> Result<Response, ApiError> {
    caller.require(Permission::EventsRead)?;
    let patience = Duration::from_secs(query.wait.unwrap_or(0));
    if patience.as_secs() > WAIT_SECONDS_MAX {
        return Err(ApiError::unprocessable("wait is at most 30 seconds").detail("wait", "0 to 30"));
    }
    let mut wanted = wanted(&caller, &query)?;
    let mut follower = Follower::new(growth.follow(caller.ccid));
    let deadline = Instant::now() + patience;
    // A stop answers whoever waits with what there is.
    let draining = lifecycle.draining();
    let found = tokio::select! {
        found = follower.next(&database, &mut wanted, deadline) => Some(found),
        () = draining.cancelled() => None,
    };
    let page = match found {
        Some(page) => page,
        None => feed::read(&database, &wanted).await,
    };
    let page = page.map_err(ApiError::unavailable)?;
    let mut connection = database
        .reads
        .acquire()
        .await
        .map_err(ApiError::unavailable)?;
    let items = view::render(
        &mut connection,
        caller.ccid,
        page.next.generation,
        &page.entries,
    )
    .await;
    Ok(page::answer(
        items.map_err(ApiError::unavailable)?,
        Some(page.next.to_string()),
    ))
}

fn wanted(caller: &TenantCaller, query: &FeedQuery) -> Result<Wanted, ApiError> {
    let stream = match query.stream.as_deref() {
        None | Some("all") => None,
        Some("chat") => Some(Stream::Chat),
        Some("cxc") => Some(Stream::Cxc),
        Some(_) => {
            return Err(ApiError::unprocessable("stream is one of chat, cxc, all")
                .detail("stream", "chat, cxc or all"));
        }
    };
    let after = query.after.as_deref().map(str::parse).transpose();
    let after = after.map_err(|error: super::cursor::CursorError| {
        ApiError::unprocessable(error.to_string()).detail("after", "unknown")
    })?;
    let types = query
        .types
        .as_deref()
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty());
    let types: Vec<String> = types.map(str::to_owned).collect();
    let is_known = |word: &str| Kind::ALL.iter().any(|kind| kind.event_type() == word);
    if let Some(unknown) = types.iter().find(|word| !is_known(word)) {
        return Err(
            ApiError::unprocessable(format!("there are no events of type {unknown}"))
                .detail("types", "unknown"),
        );
    }
    let limit = Page {
        limit: query.limit,
        cursor: None,
    }
    .limit()?;
    Ok(Wanted {
        ccid: caller.ccid,
        after,
        stream,
        types,
        limit,
    })
}
