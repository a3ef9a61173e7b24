//! The links in mails: a page with a button, and one click for mail programs (RFC 8058).

use axum::extract::{FromRequest, FromRequestParts, Request, State as From};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::State;
use crate::platform::http::openapi::{BodyRefused, Missing};
use crate::platform::http::{ApiError, Path, RawBody};
use crate::suppressions::link::{UnsubscribeLinks, Wish};
use crate::suppressions::model::{OptOut, Source};
use crate::suppressions::opt_outs::OptOuts;
use crate::suppressions::page;
use crate::values::ReasonCode;

/// The one member of the form, and what it says.
const MEMBER: &str = "List-Unsubscribe";
const ONE_CLICK: &str = "One-Click";
/// Why the address is suppressed.
const REASON: &str = "one-click";
/// The page runs nothing, shows nothing from elsewhere, and posts only to where it came from.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// Below the base path.
pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::default().routes(routes!(ask, end))
}

/// One click, as mail programs post it.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = OneClick, examples(json!({ "List-Unsubscribe": "One-Click" })))]
#[expect(dead_code, reason = "read member by member, and described here")]
struct Form {
    /// `One-Click`.
    #[serde(rename = "List-Unsubscribe")]
    list_unsubscribe: String,
}

/// Shows the page behind a link in a mail. Nothing changes by looking at it.
#[utoipa::path(
    get, path = "/unsubscribe/{token}", tag = "Suppressions", operation_id = "askToUnsubscribe",
    params(("token" = String, Path, description = "As in the mail's `List-Unsubscribe`")),
    responses((status = 200, body = String, content_type = "text/html"), Missing),
    security(()),
)]
async fn ask(
    From(links): From<UnsubscribeLinks>,
    Path(token): Path<String>,
) -> Result<Response, ApiError> {
    let wish = links.opened(&token).ok_or_else(unknown)?;
    Ok(shown(page::question(&wish.route)))
}

/// Suppresses whom a link in a mail is about: after the answer no send to them from that channel begins.
///
/// This is the one click of RFC 8058: no cookies, no redirect, no login. The link works as long as the mail is there, and as
/// often as it is used.
#[utoipa::path(
    post, path = "/unsubscribe/{token}", tag = "Suppressions", operation_id = "unsubscribe",
    params(("token" = String, Path, description = "As in the mail's `List-Unsubscribe`")),
    request_body(content(
        (Form = "application/x-www-form-urlencoded"), (Form = "multipart/form-data"),
    )),
    responses((status = 200, body = String, content_type = "text/html"), BodyRefused, Missing),
    security(()),
)]
async fn end(From(opt_outs): From<OptOuts>, Click { wish }: Click) -> Result<Response, ApiError> {
    let shown = shown(page::done(&wish.route));
    let Wish { route, message } = wish;
    let opt_out = OptOut {
        channel_id: route.channel_id,
        address: route.address,
        source: Source::Unsubscribe,
        reason: Some(REASON.to_owned()),
        evidence: Some(message),
    };
    let taken = opt_outs.take_wish(route.ccid, opt_out).await;
    taken.map_err(ApiError::unavailable)?;
    Ok(shown)
}

/// A click on a link of ours. To anything else there is no such place, whatever it brings.
struct Click {
    wish: Wish,
}

impl FromRequest<State> for Click {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &State) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let Path(token) = Path::<String>::from_request_parts(&mut parts, state).await?;
        let wish = state.links.opened(&token).ok_or_else(unknown)?;
        let content_type = parts.headers.get(CONTENT_TYPE).cloned();
        let request = Request::from_parts(parts, body);
        let RawBody(form) = RawBody::from_request(request, state).await?;
        let content_type = content_type.as_ref().and_then(|value| value.to_str().ok());
        if is_one_click(content_type.unwrap_or_default(), form).await? {
            return Ok(Self { wish });
        }
        let sentence = "the body must be the form List-Unsubscribe=One-Click";
        Err(ApiError::bad_request_with(
            ReasonCode::InvalidStructure,
            sentence,
        ))
    }
}

/// Whether the form says what it has to; both kinds of forms are allowed for it.
async fn is_one_click(content_type: &str, form: bytes::Bytes) -> Result<bool, ApiError> {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let mut members = form_urlencoded::parse(&form);
        return Ok(members.any(|(name, value)| name == MEMBER && value == ONE_CLICK));
    }
    let boundary = multer::parse_boundary(content_type).ok();
    let Some(boundary) = boundary.filter(|boundary| !boundary.is_empty()) else {
        let sentence = "the body must be application/x-www-form-urlencoded or multipart/form-data";
        return Err(ApiError::unsupported_media(sentence));
    };
    let whole = stream::iter([Ok::<_, std::convert::Infallible>(form)]);
    let mut members = multer::Multipart::new(whole, boundary);
    while let Ok(Some(member)) = members.next_field().await {
        let is_ours = member.name() == Some(MEMBER);
        if is_ours && member.bytes().await.is_ok_and(|said| said == ONE_CLICK) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn shown(page: String) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (ROBOTS, "noindex"),
    ];
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    (headers, page).into_response()
}

fn unknown() -> ApiError {
    ApiError::not_found("there is no such link")
}
