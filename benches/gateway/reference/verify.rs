//! The least that taking a message costs: a request, a signature, an answer.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use nexus_gateway::values::Secret;

use super::{PATH, is_json, is_signed, secret};

pub fn router() -> Router {
    Router::new().route(PATH, post(take)).with_state(secret())
}

async fn take(State(secret): State<Secret>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_signed(&headers, &body, &secret) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    (is_json(), r#"{"status":{"code":0}}"#).into_response()
}
