//! The two listeners: bound before anything else, and open to all requests after everything else. Meanwhile they say
//! that the process lives.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::StartError;
use crate::config::{Config, ServerConfig};
use crate::platform::http::TrustedHops;
use crate::platform::http::serve::{ServeLimits, serve};
use crate::platform::lifecycle::Lifecycle;
use crate::router;

/// Bound, and answering nobody yet.
#[derive(Debug)]
pub(super) struct Listeners {
    public: TcpListener,
    internal: TcpListener,
    pub(super) public_address: SocketAddr,
    pub(super) internal_address: SocketAddr,
}

/// Both at work.
#[derive(Debug)]
pub(super) struct Served {
    public: CancellationToken,
    internal: CancellationToken,
    doors: [Arc<OnceLock<Router>>; 2],
}

impl Listeners {
    pub(super) async fn bind(config: &ServerConfig) -> Result<Self, StartError> {
        let (public, public_address) = bind(config.listen).await?;
        let (internal, internal_address) = bind(config.internal_listen).await?;
        Ok(Self {
            public,
            internal,
            public_address,
            internal_address,
        })
    }

    /// Answers, and lets nobody in yet.
    pub(super) fn serve(self, config: &Config, lifecycle: &Lifecycle) -> Served {
        let doors: [Arc<OnceLock<Router>>; 2] = Default::default();
        let requests = config.server.request_limits();
        let [public, internal] = doors
            .each_ref()
            .map(|door| router::opening(Arc::clone(door), requests, lifecycle));
        let limits = (config.server.serve_limits(), config.security.trusted_hops());
        let (public, internal) = ((self.public, public), (self.internal, internal));
        Served {
            public: start("public listener", public, limits, lifecycle),
            internal: start("internal listener", internal, limits, lifecycle),
            doors,
        }
    }
}

impl Served {
    /// Lets everybody in.
    pub(super) fn open(&self, (public, internal): (Router, Router)) {
        for (door, router) in self.doors.iter().zip([public, internal]) {
            // They are opened once.
            let _open = door.set(router);
        }
    }

    /// Resolves when the last connection of both has ended.
    pub(super) async fn ended(&self) {
        tokio::join!(self.public.cancelled(), self.internal.cancelled());
    }
}

fn start(
    name: &'static str,
    (listener, router): (TcpListener, Router),
    (limits, trusted): (ServeLimits, TrustedHops),
    lifecycle: &Lifecycle,
) -> CancellationToken {
    let ended = CancellationToken::new();
    let (end, stopping) = (ended.clone().drop_guard(), lifecycle.clone());
    lifecycle.spawn(name, async move {
        let _end = end;
        serve(listener, router, limits, trusted, stopping).await;
    });
    ended
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |cause| StartError::Listen { address, cause };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}
