//! `GET /messages`: any combination of filters, newest first.

use std::str::FromStr;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::auth::caller::TenantCaller;
use crate::auth::permission::Permission;
use crate::messages::desk::Desk;
use crate::messages::search::{Found, Search};
use crate::messages::status::Status;
use crate::messages::store::search::Filter;
use crate::messages::view::{MessageView, RECEIVED};
use crate::platform::clock::unix_ms;
use crate::platform::http::page::{self, Page};
use crate::platform::http::{ApiError, Query, envelope};
use crate::values::{Address, ChannelId, MessageId};

const INBOUND: i16 = 0;
const OUTBOUND: i16 = 1;
/// Longest name of a campaign that is looked for, in characters.
const CAMPAIGN_CHARS_MAX: usize = 255;

/// What narrows a search.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SearchQuery {
    limit: Option<i64>,
    cursor: Option<String>,
    channel_id: Option<String>,
    address: Option<String>,
    status: Option<String>,
    direction: Option<String>,
    since: Option<String>,
    until: Option<String>,
    campaign_id: Option<String>,
    dead_letter: Option<bool>,
}

/// One page, and whether more may lie within it than was looked at.
#[derive(Debug, Serialize)]
struct FoundView {
    items: Vec<MessageView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// The search's time was up before the page was full: `next` goes on with it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

/// Messages of the tenant, newest first.
pub(super) async fn search(
    State(desk): State<Desk>,
    caller: TenantCaller,
    Query(query): Query<SearchQuery>,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesRead)?;
    let search = query.search()?;
    Ok(answer(desk.search(caller.ccid, &search).await?))
}

/// Answers a page.
pub(super) fn answer(found: Found) -> Response {
    envelope::ok(FoundView {
        items: found.messages.into_iter().map(MessageView::of).collect(),
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
        let since = self.since.map(|text| time("since", &text)).transpose()?;
        let until = self.until.map(|text| time("until", &text)).transpose()?;
        if let (Some(since), Some(until)) = (since, until)
            && since > until
        {
            return Err(refused("until", "is before since"));
        }
        let direction = self.direction.map(|word| direction(&word)).transpose()?;
        let (direction, statuses) = match self.status {
            Some(word) => standing(&word, direction)?,
            None => (direction, None),
        };
        let filter = Filter {
            channel_id: self.channel_id.map(|text| channel(&text)).transpose()?,
            address: self.address.map(|text| address(&text)).transpose()?,
            direction,
            statuses,
            campaign_id: self.campaign_id.map(campaign).transpose()?,
            conversation: None,
            dead_letters_only: self.dead_letter.unwrap_or(false),
        };
        let mut search = Search::newest(filter, before, limit);
        if let Some(since) = since {
            search.lowest = MessageId::first_at(since);
        }
        if let Some(until) = until {
            search.below = search.below.min(MessageId::first_at(until));
        }
        Ok(search)
    }
}

/// Which direction and which ranks a status stands for. A received message has no delivery that could have a status, so
/// its word stands for its direction.
fn standing(
    word: &str,
    direction: Option<i16>,
) -> Result<(Option<i16>, Option<Vec<i16>>), ApiError> {
    let (of_status, ranks) = if word == RECEIVED {
        (INBOUND, None)
    } else {
        let ranks: Vec<i16> = Status::shown_as(word).map(Status::rank).collect();
        if ranks.is_empty() {
            let words =
                "is Queued, Unknown, Sent, Failed, Delivered, Removed, Cancelled or Received";
            return Err(refused("status", words));
        }
        (OUTBOUND, Some(ranks))
    };
    if direction.is_some_and(|direction| direction != of_status) {
        return Err(refused("status", "is not one of that direction"));
    }
    Ok((Some(of_status), ranks))
}

fn direction(word: &str) -> Result<i16, ApiError> {
    match word {
        "inbound" => Ok(INBOUND),
        "outbound" => Ok(OUTBOUND),
        _ => Err(refused("direction", "is inbound or outbound")),
    }
}

fn time(parameter: &str, text: &str) -> Result<i64, ApiError> {
    unix_ms(text).ok_or_else(|| refused(parameter, "is not an RFC 3339 time"))
}

/// In the spelling that is stored.
fn channel(text: &str) -> Result<String, ApiError> {
    let read = ChannelId::from_str(text).map_err(|_| refused("channelId", "cannot be read"))?;
    Ok(read.as_str().to_owned())
}

fn address(text: &str) -> Result<String, ApiError> {
    let read = Address::from_str(text).map_err(|_| refused("address", "cannot be read"))?;
    Ok(read.as_str().to_owned())
}

fn campaign(text: String) -> Result<String, ApiError> {
    let fits = (1..=CAMPAIGN_CHARS_MAX).contains(&text.chars().count());
    if fits {
        Ok(text)
    } else {
        Err(refused("campaignId", "cannot be read"))
    }
}

fn refused(parameter: &str, why: &str) -> ApiError {
    ApiError::unprocessable(format!("{parameter} {why}")).detail(parameter, why)
}
