//! `GET /messages`: any combination of filters, newest first.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::Object;

use crate::auth::caller::TenantCaller;
use crate::auth::permission::Permission;
use crate::messages::desk::Desk;
use crate::messages::narrowing::Narrowing;
use crate::messages::search::{Found, Search};
use crate::messages::store::search::Filter;
use crate::messages::view::{MessageView, status_words};
use crate::platform::http::openapi::{KeyRefused, QueryRefused, Success, words};
use crate::platform::http::page::{self, Page};
use crate::platform::http::{ApiError, Query, envelope};

/// What narrows a search.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SearchQuery {
    /// Most messages on the page; 50 unless asked otherwise.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// `next` of the page before.
    cursor: Option<String>,
    channel_id: Option<String>,
    /// The consumer's phone number or email address.
    address: Option<String>,
    #[param(schema_with = status_words, required = false)]
    status: Option<String>,
    #[param(schema_with = directions, required = false)]
    direction: Option<String>,
    #[param(format = DateTime)]
    since: Option<String>,
    #[param(format = DateTime)]
    until: Option<String>,
    campaign_id: Option<String>,
    /// Only messages that are not sent again by themselves.
    dead_letter: Option<bool>,
}

fn directions() -> Object {
    words(&["inbound", "outbound"])
}

/// One page, and whether more may lie within it than was looked at.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FoundMessages)]
pub(super) struct FoundView {
    items: Vec<MessageView>,
    /// The cursor of the page after this one; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// The search's time was up before the page was full: `next` goes on with it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

/// Messages of the tenant by any combination of filters, newest first.
///
/// After a second it answers what it has found with `truncated`; `next` goes on.
#[utoipa::path(
    get, path = "/messages", tag = "Messages", operation_id = "searchMessages",
    params(SearchQuery),
    responses((status = 200, body = Success<FoundView>), KeyRefused, QueryRefused),
    security(("apiKey" = ["nexus:messages:read"], "tenant" = [])),
)]
pub(super) async fn search(
    State(desk): State<Desk>,
    caller: TenantCaller,
    Query(query): Query<SearchQuery>,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesRead)?;
    let search = query.search()?;
    Ok(answer(&desk, desk.search(caller.ccid, &search).await?))
}

/// Answers a page.
pub(super) fn answer(desk: &Desk, found: Found) -> Response {
    let view = |message| {
        let provider = desk.provider(&message);
        MessageView::of(message, provider)
    };
    envelope::ok(FoundView {
        items: found.messages.into_iter().map(view).collect(),
        next: found.next.map(|id| page::cursor(&id.to_string())),
        truncated: found.truncated,
    })
}

impl SearchQuery {
    fn search(self) -> Result<Search, ApiError> {
        let page = Page {
            limit: self.limit,
            cursor: self.cursor,
        };
        let (limit, before) = (page.limit()?, page.after()?);
        let narrowing = Narrowing {
            channel_id: self.channel_id,
            address: self.address,
            status: self.status,
            direction: self.direction,
            since: self.since,
            until: self.until,
            campaign_id: self.campaign_id,
        };
        let narrowed = narrowing
            .read()
            .map_err(|bad| ApiError::unprocessable(bad.to_string()).detail(bad.member, bad.why))?;
        let filter = Filter {
            dead_letters_only: self.dead_letter.unwrap_or(false),
            ..narrowed.filter
        };
        let mut search = Search::newest(filter, before, limit);
        search.lowest = narrowed.lowest;
        search.below = search.below.min(narrowed.below);
        Ok(search)
    }
}
