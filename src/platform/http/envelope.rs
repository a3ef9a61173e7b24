//! The shape of every answer: `{"status":{"code":0},"data":...}`.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;

use super::ApiError;

/// An answer that has been rendered and not yet sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Vec<u8>,
}

impl Answer {
    /// A success with data.
    pub fn new(status: StatusCode, data: impl Serialize) -> Result<Self, ApiError> {
        let body = serde_json::to_vec(&Success::of(Some(data))).map_err(ApiError::unavailable)?;
        Ok(Self { status, body })
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let content_type = HeaderValue::from_static("application/json");
        (self.status, [(CONTENT_TYPE, content_type)], self.body).into_response()
    }
}

/// 200 with data.
pub fn ok(data: impl Serialize) -> Response {
    success(StatusCode::OK, Some(data))
}

/// 201 with what was made.
pub fn created(data: impl Serialize) -> Response {
    success(StatusCode::CREATED, Some(data))
}

/// 202 with what was taken on.
pub fn accepted(data: impl Serialize) -> Response {
    success(StatusCode::ACCEPTED, Some(data))
}

/// 200 where there is nothing to say.
pub fn done() -> Response {
    success(StatusCode::OK, None::<()>)
}

/// What `status` of an envelope says.
#[derive(Debug, Serialize)]
pub(super) struct Status<'a> {
    pub(super) code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) details: &'a [Detail],
}

/// One field at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Detail {
    /// A JSON pointer into what was sent.
    pub(super) path: String,
    pub(super) message: String,
}

/// The envelope of a refusal; `data` is there only where a refusal still answers something.
#[derive(Debug, Serialize)]
pub(super) struct Refusal<'a> {
    pub(super) status: Status<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<&'a RawValue>,
}

/// An answer with a JSON body.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> serde_json::Result<Response> {
    let body = serde_json::to_vec(body)?;
    let content_type = HeaderValue::from_static("application/json");
    Ok((status, [(CONTENT_TYPE, content_type)], body).into_response())
}

/// The envelope of a success.
#[derive(Serialize)]
struct Success<T> {
    status: Status<'static>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<T>,
}

impl<T> Success<T> {
    fn of(data: Option<T>) -> Self {
        let status = Status {
            code: 0,
            message: None,
            details: &[],
        };
        Self { status, data }
    }
}

fn success(status: StatusCode, data: Option<impl Serialize>) -> Response {
    json(status, &Success::of(data))
        .unwrap_or_else(|cause| ApiError::unavailable(cause).into_response())
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::{Value, json};

    use super::*;

    async fn body(response: Response) -> Value {
        let bytes = to_bytes(response.into_body(), 65_536).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn a_success_has_code_0_and_its_data() {
        let response = created(json!({ "id": "7" }));
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers()["content-type"], "application/json");
        let expected = json!({ "status": { "code": 0 }, "data": { "id": "7" } });
        assert_eq!(body(response).await, expected);
    }

    #[tokio::test]
    async fn where_there_is_nothing_to_say_there_is_no_data() {
        assert_eq!(body(done()).await, json!({ "status": { "code": 0 } }));
    }

    #[tokio::test]
    async fn data_that_cannot_be_written_is_a_503_and_no_panic() {
        let keys_are_no_text = std::collections::HashMap::from([((1, 2), 3)]);
        let response = ok(keys_are_no_text);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
