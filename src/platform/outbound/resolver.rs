//! Resolves names to addresses that the guard lets through. The connection is made to exactly these, so a name cannot
//! answer one address to the check and another to the connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_resolver::config::LookupIpStrategy;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::{ResolverBuilder, TokioResolver};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::guard::{AddressGuard, AddressRefused};
use super::url::Host;

/// One question to one name server; it is asked again once, so that a lost packet fits into every budget.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPTS: usize = 2;
/// Answers kept. Each destination needs two.
const CACHE_ENTRIES: u64 = 4_096;
/// Longest time that an answer is believed, so that a moved host is found soon.
const ANSWER_LIFE_MAX: Duration = Duration::from_mins(1);
/// Longest time that a name is believed not to exist, so that a repaired one is found at once.
const ABSENCE_LIFE_MAX: Duration = Duration::from_secs(2);

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
pub(super) struct GuardedResolver {
    guard: AddressGuard,
    /// `None` where the system's configuration could not be read; clients are rebuilt, and read it again.
    resolver: Option<TokioResolver>,
}

impl GuardedResolver {
    /// Reads the system's name servers and hosts file.
    pub(super) fn from_system(guard: AddressGuard) -> Self {
        let resolver = TokioResolver::builder_tokio().and_then(build);
        if let Err(error) = &resolver {
            tracing::warn!(error.cause = %error, "The system's DNS configuration cannot be read; no name can be resolved");
        }
        Self {
            guard,
            resolver: resolver.ok(),
        }
    }

    #[cfg(test)]
    pub(super) fn from_builder(
        guard: AddressGuard,
        builder: ResolverBuilder<TokioRuntimeProvider>,
    ) -> Self {
        Self {
            guard,
            resolver: build(builder).ok(),
        }
    }
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
        Box::pin(async move {
            let found = look_up(resolver, name.as_str()).await?;
            let open: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| guard.check_ip(*address).is_ok())
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
