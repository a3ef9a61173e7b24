//! All HTTP over figures.

use std::str::FromStr;

use axum::extract::{FromRef, State as From};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{Figures, HOUR_MS, hour_of};
use super::store::{self, Wanted};
use crate::auth::caller::TenantCaller;
use crate::auth::keyring::Keyring;
use crate::auth::permission::Permission;
use crate::platform::clock::{Clock, rfc3339, unix_ms};
use crate::platform::database::Pool;
use crate::platform::http::openapi::{KeyRefused, QueryRefused, Success};
use crate::platform::http::page::{Items, Page, Sought};
use crate::platform::http::{ApiError, Query};
use crate::values::ChannelId;

/// Whoever does not say since when gets this hour and the ones before.
const HOURS: i32 = 24;

/// What these handlers may reach.
#[derive(Debug, Clone, FromRef)]
pub struct State {
    pub keyring: Keyring,
    pub clock: Clock,
    pub reads: Pool,
}

/// Below the base path.
pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::default().routes(routes!(list))
}

/// Which hours and channels; the last 24 hours of all channels where nothing is said.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StatisticsQuery {
    channel_id: Option<String>,
    #[param(format = DateTime)]
    since: Option<String>,
    #[param(format = DateTime)]
    until: Option<String>,
    /// Most items on the page; 50 unless asked otherwise.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// What the messages of one channel came to in one hour.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HourOfChannel, examples(json!({
    "hour": "2026-11-21T12:00:00.000Z", "channelId": "16504661149", "received": 3, "submitted": 120, "sent": 118,
    "delivered": 110, "failed": 2, "removed": 0, "cancelled": 0, "retried": 1,
})))]
#[serde(rename_all = "camelCase")]
struct View {
    /// When the hour begins.
    #[schema(format = DateTime)]
    hour: String,
    channel_id: String,
    received: i64,
    submitted: i64,
    sent: i64,
    delivered: i64,
    failed: i64,
    removed: i64,
    cancelled: i64,
    retried: i64,
}

/// The hour and channel that a page ended with.
struct Place(i32, String);

/// What happened, by hour and channel, oldest first.
///
/// An hour of which only a part is asked for is shown whole. A message that failed and was delivered after all is in both.
#[utoipa::path(
    get, path = "/statistics", tag = "Statistics", operation_id = "listStatistics",
    params(StatisticsQuery),
    responses((status = 200, body = Success<Items<View>>), KeyRefused, QueryRefused),
    security(("apiKey" = ["nexus:messages:read"], "tenant" = [])),
)]
async fn list(
    From(state): From<State>,
    caller: TenantCaller,
    Query(query): Query<StatisticsQuery>,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesRead)?;
    let channel_id = query.channel_id.as_deref().map(channel).transpose()?;
    let (from_hour, below_hour) = hours(&query, state.clock.now_ms())?;
    let page = Page {
        limit: query.limit,
        cursor: query.cursor,
    };
    let sought = Sought::of(&page)?;
    let Place(hour, last) = page.after()?.unwrap_or(Place(-1, String::new()));
    let wanted = Wanted {
        channel_id: channel_id.as_ref().map(ChannelId::as_str),
        from_hour,
        below_hour,
    };
    let connection = state.reads.acquire().await;
    let mut connection = connection.map_err(ApiError::unavailable)?;
    let behind = ((hour, last.as_str()), sought.items());
    let found = store::list(&mut connection, caller.ccid, wanted, behind).await;
    let found = found.map_err(ApiError::unavailable)?;
    let key = |last: &Figures| format!("{}/{}", last.hour, last.channel_id);
    Ok(sought.answer(found, key, View::from))
}

/// The first hour that is wanted, and the first one behind them.
fn hours(query: &StatisticsQuery, now_ms: i64) -> Result<(i32, i32), ApiError> {
    let time = |parameter: &'static str, text: &Option<String>| {
        let text = text.as_deref();
        text.map(|text| unix_ms(text).ok_or_else(|| refused(parameter, "is not an RFC 3339 time")))
            .transpose()
    };
    let (since, until) = (time("since", &query.since)?, time("until", &query.until)?);
    if let (Some(since), Some(until)) = (since, until)
        && since > until
    {
        return Err(refused("until", "is before since"));
    }
    let below_hour = until.map_or(i32::MAX, |until| hour_of(until + HOUR_MS - 1));
    let from_hour = since.map_or_else(|| hour_of(now_ms) - HOURS + 1, hour_of);
    Ok((from_hour, below_hour))
}

fn channel(text: &str) -> Result<ChannelId, ApiError> {
    ChannelId::from_str(text).map_err(|_| refused("channelId", "cannot be read"))
}

fn refused(parameter: &str, why: &str) -> ApiError {
    ApiError::unprocessable(format!("{parameter} {why}")).detail(parameter, why)
}

impl FromStr for Place {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (hour, channel_id) = text.split_once('/').unwrap_or((text, ""));
        Ok(Self(hour.parse()?, channel_id.to_owned()))
    }
}

impl std::convert::From<Figures> for View {
    fn from(figures: Figures) -> Self {
        Self {
            hour: rfc3339(i64::from(figures.hour) * HOUR_MS),
            channel_id: figures.channel_id,
            received: figures.received,
            submitted: figures.submitted,
            sent: figures.sent,
            delivered: figures.delivered,
            failed: figures.failed,
            removed: figures.removed,
            cancelled: figures.cancelled,
            retried: figures.retried,
        }
    }
}
