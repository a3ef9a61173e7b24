//! Every route of the product, with its middleware.

mod docs;
mod document;

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{FromRef, Request};
use axum::middleware::from_fn_with_state;
use serde_json::Value;
use tower::{ServiceExt, service_fn};
use utoipa_axum::router::OpenApiRouter;

use crate::auth::guessing::{Guesses, slow_down};
use crate::platform::http::middleware::{RequestLimits, around};
use crate::platform::lifecycle::Lifecycle;
use crate::{
    audit, conversations, dispatch, erasures, events, health, inbound, media, messages,
    provisioning, replays, statistics, suppressions,
};

/// The states of all routes, built by the composition root.
#[derive(Debug, Clone, FromRef)]
pub struct States {
    pub health: health::State,
    pub provisioning: provisioning::routes::State,
    pub inbound: inbound::routes::State,
    pub media: media::routes::State,
    pub messages: messages::routes::State,
    pub replays: replays::routes::State,
    pub erasures: erasures::routes::State,
    pub conversations: conversations::routes::State,
    pub suppressions: suppressions::routes::State,
    pub events: events::routes::State,
    pub statistics: statistics::routes::State,
    pub audit: audit::routes::State,
    pub endpoints: dispatch::routes::State,
}

/// What is shed last: receipts come once, and whoever has opted out must not be written to again.
const SHED_LAST: &[&str] = &[
    "/channels/{channelId}/messages",
    "/nexus/v3/channels/{channelId}/messages",
    "/nexus/v3/sms/",
    "/nexus/v3/callbacks/",
    "/nexus/v3/unsubscribe/",
    "/nexus/v3/suppressions",
];

/// What the world sees.
///
/// | Path | Who | What |
/// |---|---|---|
/// | `/health/live`, `/health/ready` | anybody | is the process well, can it take work |
/// | `/channels/{channelId}/messages`, also below the base path | third parties, signed | messages and receipts in |
/// | `/nexus/v3/sms/message`, `/nexus/v3/sms/receipt` | the aggregation service, HTTP Basic | the same from there |
/// | `/channels/{channelId}/media`, also below the base path | third parties, signed; applications | files in |
/// | `/nexus/v3/media/{mediaId}` | whoever has a link; applications | files out |
/// | `/nexus/v3/messages...` | applications | submit, search, look, explain, retry, cancel |
/// | `/nexus/v3/replays...` | operators | dead letters sent again in bulk |
/// | `/nexus/v3/erasures...` | operators | persons who are forgotten |
/// | `/nexus/v3/conversations...` | agents | read, reply, close |
/// | `/nexus/v3/suppressions...` | applications | who must not be sent to |
/// | `/nexus/v3/unsubscribe/{token}` | whoever has a mail | the link in it |
/// | `/nexus/v3/endpoints...` | operators | destinations: look, pause, resume, test |
/// | `/nexus/v3/events` | consumers | the feed |
/// | `/nexus/v3/statistics` | operators | how many messages came to what |
/// | `/nexus/v3/audit` | operators | who changed what |
/// | `/nexus/v3/provisioning/...` | operators | keys, services, senders |
/// | `/openapi.json`, `/docs` | whoever calls us | all of this, described |
///
/// Whatever fails for its credentials is counted by `guesses`.
pub fn public(
    states: &States,
    guesses: Guesses,
    limits: RequestLimits,
    lifecycle: &Lifecycle,
) -> Router {
    let (router, described) = routes(Some(states)).split_for_parts();
    let document = docs::Document::of(&document::write(&described));
    let docs: Router = docs::routes().with_state(document).into();
    let guarded = router
        .merge(docs)
        .layer(from_fn_with_state(guesses, slow_down));
    let limits = RequestLimits {
        shed_last: SHED_LAST,
        ..limits
    };
    around(guarded, limits, lifecycle)
}

/// What `/openapi.json` answers: the description of every route that the world sees.
pub fn document() -> Value {
    document::write(&routes(None).into_openapi())
}

/// The routes with what is said about them; without states they are only described.
fn routes(states: Option<&States>) -> OpenApiRouter {
    let third_party =
        bind(states, inbound::routes::routes()).merge(bind(states, media::routes::upload_routes()));
    let base = OpenApiRouter::default()
        .merge(third_party.clone())
        .merge(bind(states, inbound::routes::sms::routes()))
        .merge(bind(states, inbound::routes::callbacks::routes()))
        .merge(bind(states, media::routes::download_routes()))
        .merge(bind(states, messages::routes::routes()))
        .merge(bind(states, replays::routes::routes()))
        .merge(bind(states, erasures::routes::routes()))
        .merge(bind(states, conversations::routes::routes()))
        .merge(bind(states, suppressions::routes::routes()))
        .merge(bind(states, events::routes::routes()))
        .merge(bind(states, statistics::routes::routes()))
        .merge(bind(states, audit::routes::routes()))
        .merge(bind(states, dispatch::routes::routes()));
    document::frame()
        .nest("/nexus/v3", base)
        .merge(bind(states, provisioning::routes::routes()))
        .merge(document::again_without_base_path(third_party))
        .merge(bind(states, health::routes()))
        .merge(OpenApiRouter::with_openapi(docs::routes().into_openapi()))
}

/// Gives routes their state; where there is none, what is left of them is their description.
fn bind<S>(states: Option<&States>, routes: OpenApiRouter<S>) -> OpenApiRouter
where
    S: FromRef<States> + Clone + Send + Sync + 'static,
{
    match states {
        Some(states) => routes.with_state(S::from_ref(states)),
        None => OpenApiRouter::with_openapi(routes.into_openapi()),
    }
}

/// What the world sees of a process that only sends.
pub fn health_alone(health: health::State, limits: RequestLimits, lifecycle: &Lifecycle) -> Router {
    let router: Router = health::routes().with_state(health).into();
    around(router, limits, lifecycle)
}

/// What everybody sees until there is more: what comes after it is put into the lock.
pub fn opening(
    opened: Arc<OnceLock<Router>>,
    limits: RequestLimits,
    lifecycle: &Lifecycle,
) -> Router {
    let closed = around(health::starting_routes(), limits, lifecycle);
    Router::new().fallback_service(service_fn(move |request: Request| {
        opened.get().unwrap_or(&closed).clone().oneshot(request)
    }))
}

/// What only the inside sees: metrics and the version beside the health of the process.
pub fn internal(health: health::State, limits: RequestLimits, lifecycle: &Lifecycle) -> Router {
    let router: Router = health::routes().with_state(health.clone()).into();
    around(
        router.merge(health::internal_routes(health)),
        limits,
        lifecycle,
    )
}
