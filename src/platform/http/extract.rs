use std::time::Duration;

use axum::body::Body;
use axum::extract::path::{ErrorKind, FailedToDeserializePathParams};
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::{ApiError, scan, shape};

/// A body of one of our own APIs.
///
/// `T` has to deny unknown fields, so that a typo never passes silently. 415 for another content type or any content
/// encoding, 413 for too many bytes, 400 for what is no JSON as we take it (see [`scan`]), 422 for JSON of another
/// shape, with the place.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

/// The parameters of the route's template. One that is not of its type leads nowhere: 404.
#[derive(Debug, Clone)]
pub struct Path<T>(pub T);

/// The parameters behind `?`. 422 with the name of the one that is at fault.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

/// The bytes of a body as they came, for signatures and for input of third parties.
#[derive(Debug, Clone)]
pub struct RawBody(pub Bytes);

/// A body that is taken as it comes. How much of it is taken, and for how long, is up to whoever takes it. 415 for any
/// content encoding.
#[derive(Debug)]
pub struct StreamedBody {
    pub content_type: Option<String>,
    /// What `Content-Length` says.
    pub announced_length: Option<u64>,
    pub body: Body,
}

/// How much of a body is read, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    pub bytes_max: usize,
    /// From the end of the head to the last byte of the body.
    pub time_max: Duration,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self {
            bytes_max: 1024 * 1024,
            time_max: Duration::from_secs(30),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let bytes = json_bytes(request).await?;
        json(&bytes).map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        read(request).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for StreamedBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let headers = request.headers();
        refuse_content_encoding(headers)?;
        let content_type = headers.get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        Ok(Self {
            content_type: content_type.map(str::to_owned),
            announced_length: announced_length(headers).and_then(|length| length.try_into().ok()),
            body: request.into_body(),
        })
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        #[expect(
            clippy::disallowed_types,
            reason = "this is where its rejection becomes ours"
        )]
        let parameters = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        match parameters {
            Ok(parameters) => Ok(Self(parameters.0)),
            Err(PathRejection::FailedToDeserializePathParams(fault)) => {
                Err(refuse_parameters(fault))
            }
            Err(fault) => Err(ApiError::unavailable(fault)),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        shape::read_query(query).map(Self).map_err(ApiError::from)
    }
}

/// Reads the bytes of a JSON body.
pub(super) async fn json_bytes(request: Request) -> Result<Bytes, ApiError> {
    refuse_other_than_json(request.headers())?;
    read(request).await
}

/// Reads a JSON body of one of our own APIs.
pub(super) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    scan::check(bytes)?;
    shape::read(bytes).map_err(ApiError::from)
}

fn refuse_parameters(fault: FailedToDeserializePathParams) -> ApiError {
    if matches!(fault.kind(), ErrorKind::InvalidUtf8InPathParam { .. }) {
        return ApiError::bad_request("the path is not UTF-8");
    }
    // A handler asks for what its route does not have.
    if matches!(
        fault.kind(),
        ErrorKind::WrongNumberOfParameters { .. } | ErrorKind::UnsupportedType { .. }
    ) {
        return ApiError::unavailable(fault);
    }
    ApiError::not_found("there is nothing at this path")
}

/// Reads a whole body within its limits; what is beyond them is never read.
async fn read(request: Request) -> Result<Bytes, ApiError> {
    let limits = request
        .extensions()
        .get::<BodyLimits>()
        .copied()
        .unwrap_or_default();
    refuse_content_encoding(request.headers())?;
    let too_large = || {
        ApiError::too_large(format!(
            "a body may have at most {} bytes",
            limits.bytes_max
        ))
    };
    if announced_length(request.headers()).is_some_and(|length| length > limits.bytes_max) {
        return Err(too_large());
    }
    let body = Limited::new(request.into_body(), limits.bytes_max).collect();
    match tokio::time::timeout(limits.time_max, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(fault)) if fault.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(ApiError::bad_request("the body ended before its end")),
        Err(_) => Err(ApiError::bad_request("the body did not arrive in time")),
    }
}

pub(super) fn announced_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

pub(super) fn refuse_content_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    let plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().all(plain) {
        Ok(())
    } else {
        Err(ApiError::unsupported_media(
            "a body may not have a Content-Encoding",
        ))
    }
}

fn refuse_other_than_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = content_type
        .and_then(|text| text.split(';').next())
        .map(str::trim);
    if essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        Ok(())
    } else {
        Err(ApiError::unsupported_media(
            "the body must be application/json",
        ))
    }
}

#[cfg(test)]
#[path = "extract_tests.rs"]
mod tests;
