//! Every route of the product, with its middleware.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::Request;
use tower::{ServiceExt, service_fn};

use crate::platform::http::middleware::{RequestLimits, around};
use crate::platform::lifecycle::Lifecycle;
use crate::{
    conversations, dispatch, events, health, inbound, media, messages, provisioning, replays,
    suppressions,
};

/// The states of all routes, built by the composition root.
#[derive(Debug, Clone)]
pub struct States {
    pub health: health::State,
    pub provisioning: provisioning::routes::State,
    pub inbound: inbound::routes::State,
    pub media: media::routes::State,
    pub messages: messages::routes::State,
    pub replays: replays::routes::State,
    pub conversations: conversations::routes::State,
    pub suppressions: suppressions::routes::State,
    pub events: events::routes::State,
    pub endpoints: dispatch::routes::State,
}

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
/// | `/nexus/v3/conversations...` | agents | read, reply, close |
/// | `/nexus/v3/suppressions...` | applications | who must not be sent to |
/// | `/nexus/v3/endpoints...` | operators | destinations: look, pause, resume, test |
/// | `/nexus/v3/events` | consumers | the feed |
/// | `/nexus/v3/provisioning/...` | operators | keys, services, senders |
pub fn public(states: States, limits: RequestLimits, lifecycle: &Lifecycle) -> Router {
    let third_party = inbound::routes::routes(states.inbound.clone())
        .merge(media::routes::upload_routes(states.media.clone()));
    let base = Router::new()
        .merge(third_party.clone())
        .merge(inbound::routes::sms::routes(states.inbound))
        .merge(media::routes::download_routes(states.media))
        .merge(messages::routes::routes(states.messages))
        .merge(replays::routes::routes(states.replays))
        .merge(conversations::routes::routes(states.conversations))
        .merge(suppressions::routes::routes(states.suppressions))
        .merge(events::routes::routes(states.events))
        .merge(dispatch::routes::routes(states.endpoints));
    let router = Router::new()
        .nest("/nexus/v3", base)
        .merge(provisioning::routes::routes(states.provisioning))
        .merge(third_party)
        .merge(health::routes(states.health));
    around(router, limits, lifecycle)
}

/// What the world sees of a process that only sends.
pub fn health_alone(health: health::State, limits: RequestLimits, lifecycle: &Lifecycle) -> Router {
    around(health::routes(health), limits, lifecycle)
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
    around(
        health::routes(health.clone()).merge(health::internal_routes(health)),
        limits,
        lifecycle,
    )
}
