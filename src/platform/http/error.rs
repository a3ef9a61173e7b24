use std::error::Error;
use std::fmt::Write;

use axum::http::header::{CONTENT_RANGE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;

use super::envelope::{self, Detail, Refusal, Status};
use crate::values::ReasonCode;

/// When a caller may try again after a 503 that says nothing else, in seconds.
const RETRY_AFTER_SECONDS: u32 = 1;
/// Longest sentence or place in a refusal, in characters: what a caller sent is not sent back at length.
const TEXT_CHARS_MAX: usize = 500;

/// A refusal of a request: what the caller is told, and a cause that only the log sees.
///
/// Its `status.code` is the reason code where one fits, else the HTTP status. Every 429 and 503 says when to try again.
#[derive(Debug)]
pub struct ApiError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    status: StatusCode,
    code: u16,
    message: String,
    details: Vec<Detail>,
    data: Option<Box<RawValue>>,
    retry_after_seconds: Option<u32>,
    /// One that this status has to have.
    header: Option<(HeaderName, HeaderValue)>,
    cause: Option<String>,
}

impl ApiError {
    /// 400 for a request that is malformed, with the reason "invalid structure".
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::bad_request_with(ReasonCode::InvalidStructure, message)
    }

    /// 400 with a reason of its own.
    pub fn bad_request_with(reason: ReasonCode, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message).with_reason(reason)
    }

    /// 401: no credentials, or wrong ones.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// 403: the key lacks the permission or the tenant.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 404: there is no such thing, or it is someone else's.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 405: the path exists, the method does not.
    pub fn method_not_allowed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, message)
    }

    /// 409. `code` is told in `status.code` where the plain 409 is not enough.
    pub fn conflict(code: Option<u16>, message: impl Into<String>) -> Self {
        let mut error = Self::new(StatusCode::CONFLICT, message);
        if let Some(code) = code {
            error.0.code = code;
        }
        error
    }

    /// 413: the body is longer than is read.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    /// 415: the body is of another type or encoded.
    pub fn unsupported_media(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
    }

    /// 416: of what has so many bytes, none of those that are asked for.
    pub fn range_not_satisfiable(length: u64, message: impl Into<String>) -> Self {
        let mut error = Self::new(StatusCode::RANGE_NOT_SATISFIABLE, message);
        let range = HeaderValue::try_from(format!("bytes */{length}"));
        error.0.header = range.ok().map(|range| (CONTENT_RANGE, range));
        error
    }

    /// 422: well-formed but not allowed.
    pub fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// 429 with the reason "rate limit".
    pub fn rate_limited(retry_after_seconds: u32, message: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, message)
            .with_reason(ReasonCode::RateLimit)
            .retry_after(retry_after_seconds)
    }

    /// 503: nothing can be stored durably at the moment. The cause and its sources go to the log and nowhere else.
    pub fn unavailable(cause: impl Error) -> Self {
        let mut error = Self::busy("this cannot be done at the moment; try again");
        error.0.cause = Some(chain(&cause));
        error
    }

    /// 503 of a process that has too much to do or too little to say: there is no fault that someone has to look at.
    pub fn busy(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message).retry_after(RETRY_AFTER_SECONDS)
    }

    /// Names a place at fault by its JSON pointer.
    #[must_use]
    pub fn detail(mut self, path: impl Into<String>, message: impl Into<String>) -> Self {
        let (path, message) = (shortened(path.into()), shortened(message.into()));
        self.0.details.push(Detail { path, message });
        self
    }

    /// Puts a reason code into `status.code`.
    #[must_use]
    pub fn with_reason(mut self, reason: ReasonCode) -> Self {
        self.0.code = reason.code();
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self
    }

    /// Says how to authenticate, as a 401 under an HTTP authentication scheme has to.
    #[must_use]
    pub fn with_challenge(mut self, challenge: &'static str) -> Self {
        self.0.header = Some((WWW_AUTHENTICATE, HeaderValue::from_static(challenge)));
        self
    }

    /// Answers `data` beside the refusal, for example the results of a submit in which every message was refused.
    #[must_use]
    pub fn with_data(mut self, data: &impl Serialize) -> Self {
        match serde_json::value::to_raw_value(data) {
            Ok(data) => self.0.data = Some(data),
            Err(cause) => return Self::unavailable(cause),
        }
        self
    }

    /// The HTTP status that this is answered with.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// What `status.code` says.
    pub fn code(&self) -> u16 {
        self.0.code
    }

    /// What the caller is told.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            status,
            code: status.as_u16(),
            message: shortened(message.into()),
            details: Vec::new(),
            data: None,
            retry_after_seconds: None,
            header: None,
            cause: None,
        }))
    }
}

impl IntoResponse for ApiError {
    /// The only place where a cause is logged, once; the caller never gets it.
    fn into_response(self) -> Response {
        let Inner { status, cause, .. } = &*self.0;
        if let Some(cause) = cause {
            tracing::error!(http.status = status.as_u16(), error.cause = %cause, "A request failed");
        }
        let body = Refusal {
            status: Status {
                code: self.0.code,
                message: Some(&self.0.message),
                details: &self.0.details,
            },
            data: self.0.data.as_deref(),
        };
        // Texts, numbers and JSON that has been written before can always be written.
        let mut response =
            envelope::json(*status, &body).unwrap_or_else(|_| status.into_response());
        if let Some(seconds) = self.0.retry_after_seconds {
            let value = HeaderValue::from(seconds);
            response.headers_mut().insert(RETRY_AFTER, value);
        }
        if let Some((name, value)) = self.0.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// The beginning of a text that is too long, and a sign that there was more.
pub fn shortened(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(TEXT_CHARS_MAX) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// An error and its sources in one line.
fn chain(cause: &impl Error) -> String {
    let mut text = cause.to_string();
    let mut source = cause.source();
    while let Some(deeper) = source {
        // Writing to a String cannot fail.
        let _ = write!(text, ": {deeper}");
        source = deeper.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::{Value, json};

    use super::*;

    async fn body(error: ApiError) -> Value {
        let bytes = to_bytes(error.into_response().into_body(), 65_536).await;
        serde_json::from_slice(&bytes.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_malformed_request_has_reason_520_and_names_the_places() {
        let error = ApiError::bad_request("the body is wrong").detail("/messages/0", "no text");
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        let details = json!([{ "path": "/messages/0", "message": "no text" }]);
        let status = json!({ "code": 520, "message": "the body is wrong", "details": details });
        assert_eq!(body(error).await, json!({ "status": status }));
    }

    #[tokio::test]
    async fn a_cause_is_never_told() {
        let cause = std::io::Error::other("relation \"messages\" does not exist");
        let error = ApiError::unavailable(cause);
        let response = error.into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()["retry-after"], "1");
        let bytes = to_bytes(response.into_body(), 65_536).await.unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("relation"));
    }

    #[tokio::test]
    async fn a_rate_limit_says_310_and_when_to_try_again() {
        let response = ApiError::rate_limited(7, "too many").into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()["retry-after"], "7");
        assert_eq!(ApiError::rate_limited(7, "too many").code(), 310);
    }

    #[tokio::test]
    async fn a_refusal_can_still_answer_its_results() {
        let error =
            ApiError::unprocessable("none was accepted").with_data(&json!({ "results": [] }));
        let status = json!({ "code": 422, "message": "none was accepted" });
        let expected = json!({ "status": status, "data": { "results": [] } });
        assert_eq!(body(error).await, expected);
    }

    #[test]
    fn a_conflict_has_its_own_code_where_it_needs_one() {
        assert_eq!(ApiError::conflict(Some(4091), "still running").code(), 4091);
        assert_eq!(ApiError::conflict(None, "taken").code(), 409);
    }

    #[tokio::test]
    async fn what_a_caller_sent_at_length_is_not_sent_back_at_length() {
        let long = "ü".repeat(5_000);
        let error = ApiError::unprocessable(format!("{long} is unknown")).detail(&long, &long);
        let body = body(error).await;
        let detail = &body["status"]["details"][0];
        let expected = format!("{}…", "ü".repeat(TEXT_CHARS_MAX));
        for text in [
            &body["status"]["message"],
            &detail["path"],
            &detail["message"],
        ] {
            assert_eq!(*text, expected);
        }
    }
}
