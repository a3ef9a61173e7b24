//! Which integration messages are handed to, where the service names it by its name.

use reqwest::header::{ACCEPT, HeaderValue};
use reqwest::{Method, Request};
use serde::Deserialize;

use super::send::below;
use super::settings::OpenMessagingSettings;
use crate::platform::outbound::Answer;

/// Integrations on one page of the list: so many are well within what is read of an answer.
const PAGE_SIZE: &str = "25";
/// Pages that are looked through: an organisation has some dozens of integrations.
pub const PAGES_MAX: u32 = 40;

/// What a page of the list says about a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Id(String),
    /// It may be on the next page.
    NotHere,
    /// There is no integration of this name.
    Nowhere,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    entities: Vec<Entity>,
    page_count: Option<u32>,
}

#[derive(Deserialize)]
struct Entity {
    id: String,
    name: Option<String>,
}

/// Asks for a page of the list, counted from 1.
pub fn request(settings: &OpenMessagingSettings, page: u32) -> Option<Request> {
    let place = ["conversations", "messaging", "integrations", "open"];
    let mut url = below(&settings.url, &place)?;
    url.query_pairs_mut()
        .append_pair("pageSize", PAGE_SIZE)
        .append_pair("pageNumber", &page.to_string());
    let mut request = Request::new(Method::GET, url);
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().insert(ACCEPT, json);
    Some(request)
}

/// Reads the page; `None` where it is none.
pub fn find(answer: &Answer, name: &str, page: u32) -> Option<Found> {
    if answer.status != 200 || answer.truncated {
        return None;
    }
    let listing: Listing = serde_json::from_slice(&answer.body).ok()?;
    let named = listing
        .entities
        .into_iter()
        .find(|entity| entity.name.as_deref() == Some(name));
    Some(match named {
        Some(entity) => Found::Id(entity.id),
        None if page < listing.page_count.unwrap_or(1).min(PAGES_MAX) => Found::NotHere,
        None => Found::Nowhere,
    })
}
