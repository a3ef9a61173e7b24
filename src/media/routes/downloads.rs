//! `GET /media/{mediaId}`: files go out by link or API key, whole or a part of them.

use axum::body::Body;
use axum::extract::{FromRequestParts, State as From};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::{API_KEY, State};
use crate::auth::caller::TenantCaller;
use crate::auth::permission::Permission;
use crate::media::download::{Download, DownloadRefused};
use crate::media::kinds::shows_inline;
use crate::media::link::LinkQuery;
use crate::media::range::{self, Wish};
use crate::platform::http::openapi::{KeyRefused, Missing, QueryRefused, RangeRefused};
use crate::platform::http::{ApiError, Path, Query};
use crate::platform::telemetry::metric;
use crate::values::{Ccid, MediaId};

/// Hands a file out to whoever has a link to it, or a key that may read messages of its tenant.
///
/// Whole, or the one part that a `Range` names.
#[utoipa::path(
    get, path = "/media/{mediaId}", tag = "Files", operation_id = "downloadMedia",
    params(("mediaId" = String, Path, description = "The id of a file"), LinkQuery),
    responses(
        (status = 200, description = "The file.", body = [u8], content_type = "*/*"),
        (status = 206, description = "A part of the file.", body = [u8], content_type = "*/*"),
        (status = 304, description = "The caller has the file already."),
        KeyRefused, Missing, QueryRefused, RangeRefused,
    ),
    security(("link" = []), ("apiKey" = ["nexus:messages:read"], "tenant" = [])),
)]
pub(super) async fn download(
    From(state): From<State>,
    Path(id): Path<String>,
    Query(query): Query<LinkQuery>,
    Reader(ccid): Reader,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let is_known = is_known(&headers, &id);
    // A range means something to GET alone, and only where an answer has a body.
    let wish = if method == Method::GET && !is_known {
        wish(&headers)
    } else {
        Wish::default()
    };
    let begun = begin(&state, &id, (&query, ccid), wish).await;
    let result = match &begun {
        Ok(_) => "begun",
        Err(DownloadRefused::Unknown) => "not_found",
        Err(DownloadRefused::Beyond { .. }) => "beyond",
        Err(DownloadRefused::Busy) => "busy",
        Err(DownloadRefused::Database(_)) => "unavailable",
    };
    metrics::counter!(metric::MEDIA_DOWNLOADS, "result" => result).increment(1);
    let download = begun?;
    if is_known {
        return Ok((StatusCode::NOT_MODIFIED, described(&download)).into_response());
    }
    Ok(show(download))
}

/// Whether the caller has the file already.
fn is_known(headers: &HeaderMap, id: &str) -> bool {
    let named = headers.get(IF_NONE_MATCH).map(text);
    let id = id.parse::<MediaId>().ok();
    named
        .zip(id)
        .is_some_and(|(named, id)| range::is_named(named, id))
}

/// What a request says of the part it wants. Two `Range` headers say nothing.
fn wish(headers: &HeaderMap) -> Wish<'_> {
    let mut ranges = headers.get_all(RANGE).iter();
    let range = ranges.next().filter(|_| ranges.next().is_none());
    Wish {
        range: range.map(text),
        if_range: headers.get(IF_RANGE).map(text),
    }
}

/// What is no text says nothing that is known here.
fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or_default()
}

/// Whatever is wrong with a link, there is no such file.
async fn begin(
    state: &State,
    id: &str,
    (query, ccid): (&LinkQuery, Option<Ccid>),
    wish: Wish<'_>,
) -> Result<Download, DownloadRefused> {
    let id: MediaId = id.parse().map_err(|_| DownloadRefused::Unknown)?;
    let now_ms = state.clock.now_ms();
    let ccid = ccid.or_else(|| state.links.opens(id, query, now_ms));
    let ccid = ccid.ok_or(DownloadRefused::Unknown)?;
    state.downloads.begin((ccid, id), wish).await
}

fn show(download: Download) -> Response {
    let (status, length) = match download.part {
        Some(part) => (StatusCode::PARTIAL_CONTENT, part.length()),
        None => (StatusCode::OK, download.file.facts.length),
    };
    let mut headers = described(&download);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    (status, headers, Body::from_stream(download.rows())).into_response()
}

/// A file came from outside: nothing in it runs, and what is not a picture, a sound or a film is not shown in place.
fn described(download: &Download) -> HeaderMap {
    let facts = &download.file.facts;
    let disposition = facts.file_name.disposition(shows_inline(&facts.mimetype));
    let part = download.part.map(|part| part.of_file(facts.length));
    let headers = [
        (CONTENT_TYPE, Some(facts.mimetype.clone())),
        (CONTENT_RANGE, part),
        (CONTENT_DISPOSITION, Some(disposition)),
        (ETAG, Some(range::entity_tag(download.file.id))),
        (ACCEPT_RANGES, Some("bytes".to_owned())),
        (CACHE_CONTROL, Some("private, no-store".to_owned())),
        (
            CONTENT_SECURITY_POLICY,
            Some("default-src 'none'; sandbox".to_owned()),
        ),
    ];
    let valued = headers
        .into_iter()
        .filter_map(|(name, value)| Some((name, HeaderValue::try_from(value?).ok()?)));
    valued.collect()
}

/// The tenant whose files may be read without a link, where there is a key.
pub(super) struct Reader(Option<Ccid>);

impl FromRequestParts<State> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        if !parts.headers.contains_key(API_KEY) {
            return Ok(Self(None));
        }
        let caller = TenantCaller::from_request_parts(parts, state).await?;
        caller.require(Permission::MessagesRead)?;
        Ok(Self(Some(caller.ccid)))
    }
}

impl std::convert::From<DownloadRefused> for ApiError {
    fn from(refused: DownloadRefused) -> Self {
        let sentence = refused.to_string();
        match refused {
            DownloadRefused::Unknown => Self::not_found(sentence),
            DownloadRefused::Beyond { length } => Self::range_not_satisfiable(length, sentence),
            DownloadRefused::Busy => Self::busy(sentence),
            DownloadRefused::Database(cause) => Self::unavailable(cause),
        }
    }
}
