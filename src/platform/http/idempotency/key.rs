//! The header as it comes, bound to the request that it came with.

use std::fmt;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::platform::http::{ApiError, extract};
use crate::values::Ccid;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const LENGTH_MAX: usize = 255;

/// What a caller calls one request by, and what that request says.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestKey {
    key: String,
    request: [u8; 32],
}

/// A call that one tenant makes under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedCall {
    pub ccid: Ccid,
    pub key: RequestKey,
}

/// The key of a call without a body, if it has one.
#[derive(Debug, Clone)]
pub struct Once(pub Option<RequestKey>);

/// A call whose body is never in memory as a whole, and its key. What it says is told when it has been read.
pub struct StreamedRequest {
    key: String,
    hasher: Sha256,
}

/// The key of a call with such a body, if it has one.
#[derive(Debug)]
pub struct StreamedOnce(pub Option<StreamedRequest>);

/// A JSON body of one of our own APIs as [`crate::platform::http::Json`] takes it, with the call's key, if it has one.
#[derive(Debug, Clone)]
pub struct Keyed<T> {
    pub key: Option<RequestKey>,
    pub body: T,
}

impl RequestKey {
    /// A key for a request of which this is the SHA-256.
    pub fn new(key: impl Into<String>, request: [u8; 32]) -> Self {
        let key = key.into();
        Self { key, request }
    }

    /// Reads the header of a request with this body.
    ///
    /// # Errors
    ///
    /// 400 where it is there several times, or not 1 to 255 visible ASCII characters.
    fn read(parts: &Parts, body: &[u8]) -> Result<Option<Self>, ApiError> {
        let Some(key) = only_value(&parts.headers)? else {
            return Ok(None);
        };
        let mut hasher = of_head(parts);
        add(&mut hasher, body);
        let request = hasher.finalize().into();
        Ok(Some(Self { key, request }))
    }

    pub fn as_str(&self) -> &str {
        &self.key
    }

    /// SHA-256 over method, path and body.
    pub fn request(&self) -> &[u8; 32] {
        &self.request
    }

    /// The call that this tenant makes.
    pub fn of(self, ccid: Ccid) -> KeyedCall {
        KeyedCall { ccid, key: self }
    }
}

impl StreamedRequest {
    /// The key of a request whose body says this, piece by piece.
    pub fn saying(mut self, pieces: &[&[u8]]) -> RequestKey {
        for piece in pieces {
            add(&mut self.hasher, piece);
        }
        RequestKey::new(self.key, self.hasher.finalize().into())
    }
}

impl KeyedCall {
    /// Whether one tenant makes both under one key, whatever they say.
    pub fn is_under_key_of(&self, other: &Self) -> bool {
        self.ccid == other.ccid && self.key.key == other.key.key
    }
}

impl fmt::Debug for RequestKey {
    /// The key is the caller's own word and stays out of logs.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RequestKey").finish_non_exhaustive()
    }
}

impl fmt::Debug for StreamedRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StreamedRequest")
            .finish_non_exhaustive()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for StreamedOnce {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let key = only_value(&parts.headers)?;
        Ok(Self(key.map(|key| StreamedRequest {
            key,
            hasher: of_head(parts),
        })))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Once {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        RequestKey::read(parts, &[]).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Keyed<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let head = parts.clone();
        let bytes = extract::json_bytes(Request::from_parts(parts, body)).await?;
        Ok(Self {
            key: RequestKey::read(&head, &bytes)?,
            body: extract::json(&bytes)?,
        })
    }
}

/// Over method and path.
fn of_head(parts: &Parts) -> Sha256 {
    let mut hasher = Sha256::new();
    let target = parts.uri.path_and_query().map_or("", |path| path.as_str());
    add(&mut hasher, parts.method.as_str().as_bytes());
    add(&mut hasher, target.as_bytes());
    hasher
}

/// Preceded by its length, so that no two requests run together.
fn add(hasher: &mut Sha256, piece: &[u8]) {
    hasher.update((piece.len() as u64).to_be_bytes());
    hasher.update(piece);
}

fn only_value(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(&IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let is_key = |text: &&str| {
        (1..=LENGTH_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    match (value.to_str().ok().filter(is_key), values.next()) {
        (Some(key), None) => Ok(Some(key.to_owned())),
        (None | Some(_), _) => Err(ApiError::bad_request(format!(
            "the header Idempotency-Key must be 1 to {LENGTH_MAX} visible ASCII characters, once"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        method: &str,
        path: &str,
        keys: &[&str],
        body: &str,
    ) -> Result<Option<RequestKey>, u16> {
        let mut request = Request::builder().method(method).uri(path);
        for key in keys {
            request = request.header("Idempotency-Key", *key);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        RequestKey::read(&parts, body.as_bytes()).map_err(|refused| refused.status().as_u16())
    }

    #[test]
    fn a_key_is_bound_to_what_the_request_says() {
        let key = |method, path, body| read(method, path, &["k"], body).unwrap().unwrap();
        let first = key("POST", "/a", "{}");
        assert_eq!(first, key("POST", "/a", "{}"));
        assert_ne!(first, key("PUT", "/a", "{}"));
        assert_ne!(first, key("POST", "/a?b", "{}"));
        assert_ne!(first, key("POST", "/a", "{ }"));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert_eq!(read("POST", "/a", &[], ""), Ok(None));
        assert!(read("POST", "/a", &["x".repeat(255).as_str()], "").is_ok());
        for keys in [
            &[""][..],
            &["a b"],
            &["a", "a"],
            &[&"x".repeat(256)],
            &["ü"],
        ] {
            assert_eq!(read("POST", "/a", keys, ""), Err(400), "{keys:?}");
        }
    }
}
