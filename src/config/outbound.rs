use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::section::{Section, within};
use crate::platform::outbound::EgressProxy;
use crate::values::Secret;

/// `[outbound]`: whom we may send to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboundConfig {
    /// Networks that are not public but may be sent to.
    pub allow_networks: Vec<IpNet>,
    /// Networks that may not be sent to, whether they are public or allowed.
    pub deny_networks: Vec<IpNet>,
    /// Whether plain `http` URLs are refused.
    pub https_only: bool,
    /// Name servers that are asked instead of the system's, as `address:port`.
    pub name_servers: Vec<SocketAddr>,
    /// The proxy that everything is sent through: `http://[user:password@]host[:port]`; unset: directly.
    #[serde(with = "super::secret::url")]
    #[serde(default)]
    pub proxy: Option<Secret>,
    /// A file that holds it; instead of `proxy`.
    pub proxy_file: Option<PathBuf>,
    /// How long a client is used. The next one connects anew, and has read the files of certificates anew.
    pub client_seconds: f64,
    /// Files with certificates (PEM) of authorities that are trusted besides the usual ones.
    pub ca_files: Vec<PathBuf>,
}

impl OutboundConfig {
    /// The proxy that everything is sent through.
    pub fn egress_proxy(&self) -> Result<Option<EgressProxy>, ConfigError> {
        let parse = |text: &Secret| {
            EgressProxy::parse(text.expose()).map_err(|refused| ConfigError::OutOfRange {
                key: "outbound.proxy",
                allowed: refused.to_string(),
            })
        };
        self.proxy.as_ref().map(parse).transpose()
    }
}

impl Section for OutboundConfig {
    const NAME: &'static str = "outbound";

    fn check(&self) -> Result<(), ConfigError> {
        within(
            "outbound.client_seconds",
            self.client_seconds,
            0.05..=3_600.0,
        )?;
        self.egress_proxy().map(drop)
    }
}
