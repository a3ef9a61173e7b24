//! Resolves names to addresses that the guard lets through. The connection is made to exactly these, so a name cannot
//! answer one address to the check and another to the connection.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{LookupIpStrategy, NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::{ResolverBuilder, TokioResolver};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::timeout;

use super::guard::{AddressGuard, AddressRefused};
use super::url::Host;

/// One question to one name server; it is asked again once, so that a lost packet fits into every budget.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPTS: usize = 2;
/// A look at what a proxy will find. Where only the proxy can ask, each exchange waits for it in vain.
const AHEAD_TIMEOUT: Duration = Duration::from_secs(1);
/// Answers kept. Each destination needs two.
const CACHE_ENTRIES: u64 = 4_096;
/// Longest time that an answer is believed, so that a moved host is found soon.
const ANSWER_LIFE_MAX: Duration = Duration::from_mins(1);
/// Longest time that a name is believed not to exist, so that a repaired one is found at once.
const ABSENCE_LIFE_MAX: Duration = Duration::from_secs(2);

tokio::task_local! {
    /// The port of the request under way. Whoever resolves a name for it is told no more than the name.
    static PORT: Option<u16>;
}

/// Makes a request whose connection, if it needs one, goes to this port.
pub(super) async fn towards<T>(port: Option<u16>, request: impl Future<Output = T>) -> T {
    PORT.scope(port, request).await
}

/// Why a name led to no address.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    #[error(transparent)]
    Refused(#[from] AddressRefused),
    #[error("the name was not resolved")]
    Lookup(#[source] NetError),
    #[error("the system's name servers are not configured")]
    NoNameServers,
}

/// DNS as the system is configured, behind the guard.
#[derive(Clone)]
pub(super) struct GuardedResolver {
    guard: AddressGuard,
    /// The one name whose addresses are not judged: the egress proxy's.
    open: Option<Arc<str>>,
    /// `None` where the system's configuration could not be read; clients are rebuilt, and read it again.
    resolver: Option<TokioResolver>,
}

impl GuardedResolver {
    /// Asks these name servers, by UDP and TCP; without any those of the system. Reads the system's hosts file.
    pub(super) fn new(guard: AddressGuard, name_servers: &[SocketAddr]) -> Self {
        let resolver = if name_servers.is_empty() {
            TokioResolver::builder_tokio().and_then(build)
        } else {
            build(builder_for(name_servers))
        };
        if let Err(error) = &resolver {
            tracing::warn!(error.cause = %error, "The system's DNS configuration cannot be read; no name can be resolved");
        }
        Self {
            guard,
            open: None,
            resolver: resolver.ok(),
        }
    }

    /// The same, and this name may lead anywhere.
    pub(super) fn opening(self, name: Option<&str>) -> Self {
        let open = name.map(Arc::from);
        Self { open, ..self }
    }

    /// Refuses a name if any of the addresses that it is known to have is refused: whoever connects to it for us may take
    /// any. A name that is not known, or not in time, passes.
    pub(super) async fn check_ahead(
        &self,
        name: &str,
        port: Option<u16>,
    ) -> Result<(), AddressRefused> {
        let asked = look_up(self.resolver.clone(), name);
        let found = timeout(AHEAD_TIMEOUT, asked).await;
        let mut known = found.into_iter().flatten().flatten();
        known.try_for_each(|address| self.guard.check(address, port))
    }
}

impl fmt::Debug for GuardedResolver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("GuardedResolver");
        shown.field("guard", &self.guard).finish_non_exhaustive()
    }
}

fn builder_for(name_servers: &[SocketAddr]) -> ResolverBuilder<TokioRuntimeProvider> {
    let servers = name_servers.iter().map(|address| {
        let mut server = NameServerConfig::udp_and_tcp(address.ip());
        for connection in &mut server.connections {
            connection.port = address.port();
        }
        server
    });
    let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
}

fn build(mut builder: ResolverBuilder<TokioRuntimeProvider>) -> Result<TokioResolver, NetError> {
    let options = builder.options_mut();
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.timeout = QUESTION_TIMEOUT;
    options.attempts = ATTEMPTS;
    options.cache_size = CACHE_ENTRIES;
    options.positive_max_ttl = Some(ANSWER_LIFE_MAX);
    options.negative_max_ttl = Some(ABSENCE_LIFE_MAX);
    builder.build()
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.guard.clone();
        let resolver = self.resolver.clone();
        let port = PORT.try_with(|port| *port).ok().flatten();
        let is_open = self.open.as_deref() == Some(name.as_str());
        Box::pin(async move {
            let found = look_up(resolver, name.as_str()).await?;
            let open: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| is_open || guard.check(*address, port).is_ok())
                // The port is the URL's; 0 leaves it to the connector.
                .map(|address| SocketAddr::new(address, 0))
                .collect();
            if open.is_empty() {
                return Err(ResolveError::from(AddressRefused).into());
            }
            let addresses: Addrs = Box::new(open.into_iter());
            Ok(addresses)
        })
    }
}

async fn look_up(resolver: Option<TokioResolver>, name: &str) -> Result<Vec<IpAddr>, ResolveError> {
    match Host::of(name) {
        Host::Address(address) => Ok(vec![address]),
        // Never asked of anybody: an answer could point elsewhere.
        Host::Localhost => Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]),
        Host::Name => {
            let resolver = resolver.ok_or(ResolveError::NoNameServers)?;
            let found = resolver.lookup_ip(name).await;
            Ok(found.map_err(ResolveError::Lookup)?.iter().collect())
        }
    }
}

#[cfg(test)]
#[path = "resolver_tests.rs"]
mod tests;
