//! Whether the process is well, whether it can take work, and what it counts.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRef, State as From};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::lanes::ownership::Ownership;
use crate::messages::accept::Accept;
use crate::platform::http::openapi::Done;
use crate::platform::http::{ApiError, envelope};
use crate::platform::lifecycle::Lifecycle;
use crate::platform::telemetry::MetricsPage;

/// What these handlers may reach.
#[derive(Debug, Clone, FromRef)]
pub struct State {
    pub readiness: Readiness,
    pub metrics: MetricsPage,
}

/// Knows whether work can be stored durably at this moment.
#[derive(Debug, Clone)]
pub struct Readiness {
    pub accept: Accept,
    pub ownership: Arc<Ownership>,
    pub lifecycle: Lifecycle,
    /// How old the last successful tick may be. Ticks write, so they prove more than a connection does.
    pub proof_age_max: Duration,
}

impl Readiness {
    /// `None` if work can be stored, else why not.
    pub fn obstacle(&self) -> Option<&'static str> {
        if self.lifecycle.draining().is_cancelled() {
            Some("this replica is stopping")
        } else if !self.accept.available() || !self.ownership.proved_within(self.proof_age_max) {
            Some("nothing can be stored at this moment")
        } else {
            None
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Obstacle(&'static str);

/// Served on both listeners.
pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::default()
        .routes(routes!(live))
        .routes(routes!(ready))
}

/// Served on both listeners until everything has started: the process lives, and takes no work yet.
pub fn starting_routes() -> Router {
    Router::new()
        .route("/health/live", get(live))
        .route("/", any(starting))
        .route("/{*path}", any(starting))
}

/// Served on the internal listener only.
pub fn internal_routes(state: State) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/version", get(version))
        .with_state(state)
}

/// The process answers, so it lives, database or not.
#[utoipa::path(
    get, path = "/health/live", tag = "Health", operation_id = "getLiveness",
    responses((status = 200, body = Done)),
)]
async fn live() -> Response {
    envelope::done()
}

async fn starting() -> ApiError {
    ApiError::unavailable(Obstacle("this replica is starting"))
}

/// Whether work can be stored durably at this moment; 503 where it cannot, or where the process is stopping.
#[utoipa::path(
    get, path = "/health/ready", tag = "Health", operation_id = "getReadiness",
    responses((status = 200, body = Done)),
)]
async fn ready(From(readiness): From<Readiness>) -> Result<Response, ApiError> {
    match readiness.obstacle() {
        None => Ok(envelope::done()),
        Some(obstacle) => Err(ApiError::unavailable(Obstacle(obstacle))),
    }
}

async fn metrics(From(metrics): From<MetricsPage>) -> Response {
    (
        StatusCode::OK,
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        metrics.render(),
    )
        .into_response()
}

async fn version() -> Response {
    envelope::ok(json!({ "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") }))
}
