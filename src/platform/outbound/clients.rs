//! The only builder of HTTP clients.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::{Certificate, Request, redirect};
use tokio::time::Instant;

use super::guard::{AddressGuard, AddressRefused};
use super::proxy::EgressProxy;
use super::resolver::GuardedResolver;
use super::url::UrlRefused;

/// Time for one address of a host, divided by how many it has, so that a dead one leaves time for the next.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A peer that vanished without a word is noticed after three of these.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// Idle connections kept to one host: as many as a lane may have attempts open.
const IDLE_PER_HOST_MAX: usize = 1_024;
const USER_AGENT: &str = concat!("nexus-gateway/", env!("CARGO_PKG_VERSION"));

/// What differs between uses of HTTP clients.
#[derive(Debug, Clone)]
pub struct OutboundOptions {
    /// Plain `http` destinations are refused.
    pub https_only: bool,
    /// Who is asked for addresses; nobody here: the system's name servers.
    pub name_servers: Vec<SocketAddr>,
    /// Through which every destination is reached; nothing here: directly. The environment is never asked.
    pub proxy: Option<EgressProxy>,
    /// Age at which a client is replaced. A busy connection would otherwise live for ever, and never see that its host moved
    /// or that files changed.
    pub client_life: Duration,
    /// PEM files with certificate authorities that are trusted beside the system's. Read anew for each client.
    pub extra_ca_files: Vec<PathBuf>,
    /// Offers HTTP/2 in TLS. Over HTTP/1 a request that is cut closes its own connection and nobody else's.
    pub http2: bool,
    /// Time after which an unused connection is closed. Short where repeats are unsafe: a request on a connection that the
    /// peer is about to close may or may not have arrived.
    pub idle_timeout: Duration,
    /// Most bytes of an answer that are read. The rest is left unread and its connection closed.
    pub answer_bytes_max: usize,
}

impl Default for OutboundOptions {
    fn default() -> Self {
        Self {
            https_only: false,
            name_servers: Vec::new(),
            proxy: None,
            client_life: Duration::from_mins(1),
            extra_ca_files: Vec::new(),
            http2: false,
            idle_timeout: Duration::from_secs(30),
            answer_bytes_max: 64 * 1024,
        }
    }
}

/// Why no HTTP client can be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientsError {
    #[error("{path} cannot be read")]
    CaFile {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path} holds no PEM certificate")]
    NoCertificate { path: PathBuf },
    #[error("the HTTP client cannot be set up")]
    Setup(#[source] reqwest::Error),
}

/// A client whose every connection goes through the guard. Cheap to clone; it is for one exchange, not to be kept.
#[derive(Debug, Clone)]
pub struct OutboundClient {
    pub(super) http: reqwest::Client,
    guard: AddressGuard,
    https_only: bool,
    /// Where a proxy connects for us: whom we ask before it does.
    asked_ahead: Option<GuardedResolver>,
    pub(super) answer_bytes_max: usize,
}

impl OutboundClient {
    /// Checks what the resolver is never asked about: literal addresses, and schemes.
    pub(super) fn check(&self, request: &Request) -> Result<(), UrlRefused> {
        self.guard.check_destination(request.url(), self.https_only)
    }

    /// Checks what a proxy will connect to, as far as we can know it.
    pub(super) async fn check_ahead(&self, request: &Request) -> Result<(), AddressRefused> {
        let (Some(resolver), Some(host)) = (&self.asked_ahead, request.url().host_str()) else {
            return Ok(());
        };
        let port = request.url().port_or_known_default();
        // Seldom asked, and much larger than the rest of an exchange.
        Box::pin(resolver.check_ahead(host, port)).await
    }
}

/// Hands out clients and replaces them in time. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OutboundClients {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    guard: AddressGuard,
    options: OutboundOptions,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    client: OutboundClient,
    /// A timer, not the time: when this client is due to be replaced.
    replace_at: Instant,
}

impl OutboundClients {
    /// Reads the extra certificate authorities and builds the first client. Needs a Tokio runtime.
    pub fn new(guard: AddressGuard, options: OutboundOptions) -> Result<Self, ClientsError> {
        let client = build(&guard, &options)?;
        let current = Mutex::new(Current {
            client,
            replace_at: Instant::now() + options.client_life,
        });
        let shared = Shared {
            guard,
            options,
            current,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The guard that these clients obey, for checking a destination when it is saved.
    pub fn guard(&self) -> &AddressGuard {
        &self.shared.guard
    }

    /// The client of this minute. Whoever finds it too old starts building the next one beside the traffic, since reading the
    /// system's certificates takes a while, and still uses this one.
    pub fn client(&self) -> OutboundClient {
        let mut current = self.shared.lock();
        if current.replace_at <= Instant::now() {
            current.replace_at = Instant::now() + self.shared.options.client_life;
            let shared = Arc::clone(&self.shared);
            tokio::task::spawn_blocking(move || shared.replace());
        }
        current.client.clone()
    }
}

impl Shared {
    fn replace(&self) {
        self.guard.ourselves().look_up();
        match build(&self.guard, &self.options) {
            Ok(client) => self.lock().client = client,
            Err(error) => {
                tracing::warn!(error.cause = %error, "The HTTP client could not be rebuilt; the one before stays in use");
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Current> {
        // Nothing that holds the lock can leave it half changed.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the place that every client comes from"
)]
fn build(guard: &AddressGuard, options: &OutboundOptions) -> Result<OutboundClient, ClientsError> {
    let certificates = read_certificates(&options.extra_ca_files)?;
    let resolver = GuardedResolver::new(guard.clone(), &options.name_servers);
    let proxy_host = options.proxy.as_ref().map(EgressProxy::host);
    let mut builder = reqwest::Client::builder()
        .dns_resolver(resolver.clone().opening(proxy_host))
        .tls_backend_rustls()
        .tls_certs_merge(certificates)
        .user_agent(USER_AGENT)
        // A redirect would lead past what was checked and signed for.
        .redirect(redirect::Policy::none())
        .referer(false)
        // One of the environment would connect for us, past the guard.
        .no_proxy()
        // Repeating is the queue's business.
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(options.idle_timeout)
        .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
        .tcp_keepalive(KEEPALIVE)
        .tcp_nodelay(true);
    if !options.http2 {
        builder = builder.http1_only();
    }
    if let Some(proxy) = &options.proxy {
        builder = builder.proxy(proxy.for_all().map_err(ClientsError::Setup)?);
    }
    Ok(OutboundClient {
        http: builder.build().map_err(ClientsError::Setup)?,
        guard: guard.clone(),
        https_only: options.https_only,
        asked_ahead: options.proxy.is_some().then_some(resolver),
        answer_bytes_max: options.answer_bytes_max,
    })
}

fn read_certificates(paths: &[PathBuf]) -> Result<Vec<Certificate>, ClientsError> {
    let mut certificates = Vec::new();
    for path in paths {
        let pem = std::fs::read(path).map_err(|source| ClientsError::CaFile {
            path: path.clone(),
            source,
        })?;
        let found = Certificate::from_pem_bundle(&pem).unwrap_or_default();
        if found.is_empty() {
            return Err(ClientsError::NoCertificate { path: path.clone() });
        }
        certificates.extend(found);
    }
    Ok(certificates)
}

#[cfg(test)]
#[path = "clients_tests.rs"]
mod tests;
