//! Whom this gateway may post to, as it is configured and as it stands itself.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::spawn_blocking;

use super::StartError;
use crate::config::Config;
use crate::platform::outbound::{
    AddressGuard, EgressProxy, Ourselves, OutboundClients, OutboundOptions, Place,
};

/// A request on a connection that the other side is about to close may or may not have arrived, and where repeats are not
/// safe nobody would know.
const CARRIER_IDLE_TIMEOUT: Duration = Duration::from_secs(2);

/// Who makes the requests.
pub(super) struct Clients {
    pub(super) webhooks: OutboundClients,
    pub(super) carriers: OutboundClients,
}

/// HTTP clients that reach neither these listeners nor the database.
pub(super) async fn clients(
    config: &Config,
    listeners: [SocketAddr; 2],
    database: Option<Place>,
) -> Result<Clients, StartError> {
    let outbound = &config.outbound;
    let proxy = outbound.egress_proxy()?;
    let listeners = listeners.map(|address| (address.ip().to_string(), address.port()));
    let places = listeners.into_iter().chain(database);
    let ourselves = Ourselves::at(
        places
            .chain(proxy.as_ref().map(EgressProxy::place))
            .collect(),
    );
    let looked_up = ourselves.clone();
    // Of a task that panicked nothing is known; the clients look again within a minute.
    let _ended = spawn_blocking(move || looked_up.look_up()).await;

    let guard = AddressGuard::new(outbound.allow_networks.clone())
        .without(outbound.deny_networks.clone())
        .sparing(ourselves);
    let options = OutboundOptions {
        https_only: outbound.https_only,
        name_servers: outbound.name_servers.clone(),
        proxy,
        client_life: Duration::from_secs_f64(outbound.client_seconds),
        extra_ca_files: outbound.ca_files.clone(),
        answer_bytes_max: config.webhook.answer_bytes_max,
        ..OutboundOptions::default()
    };
    let of_carriers = OutboundOptions {
        idle_timeout: CARRIER_IDLE_TIMEOUT,
        ..options.clone()
    };
    Ok(Clients {
        webhooks: OutboundClients::new(guard.clone(), options)?,
        carriers: OutboundClients::new(guard, of_carriers)?,
    })
}
