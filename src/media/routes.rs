//! All HTTP over files: uploads of third parties and applications, and downloads by link or API key.

mod downloads;
mod uploads;

use axum::extract::FromRef;
use axum::http::HeaderName;
use axum::middleware::from_fn;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::download::Downloads;
use super::link::Links;
use super::upload::Uploads;
use crate::auth::keyring::Keyring;
use crate::platform::clock::Clock;
use crate::platform::http::idempotency::IdempotencyKeys;
use crate::platform::http::patience::waits_by_nature;
use crate::provisioning::directory::Directory;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What these handlers may reach.
#[derive(Debug, Clone, FromRef)]
pub struct State {
    pub keyring: Keyring,
    pub clock: Clock,
    pub directory: Directory,
    pub uploads: Uploads,
    pub downloads: Downloads,
    pub links: Links,
    pub keys: IdempotencyKeys,
}

/// The upload of the Third-Party Messaging API; served with and without the base path.
pub fn upload_routes() -> OpenApiRouter<State> {
    OpenApiRouter::default()
        .routes(routes!(uploads::upload))
        .route_layer(from_fn(waits_by_nature))
}

/// Below the base path.
pub fn download_routes() -> OpenApiRouter<State> {
    OpenApiRouter::default().routes(routes!(downloads::download))
}
