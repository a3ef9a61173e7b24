use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::section::Section;

/// `[outbound]`: whom we may send to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboundConfig {
    /// Networks that are not public but may be sent to.
    pub allow_networks: Vec<IpNet>,
    /// Whether plain `http` URLs are refused.
    pub https_only: bool,
    /// Files with certificates (PEM) of authorities that are trusted besides the usual ones.
    pub ca_files: Vec<PathBuf>,
}

impl Section for OutboundConfig {
    const NAME: &'static str = "outbound";

    /// Each value that can be read is possible.
    fn check(&self) -> Result<(), ConfigError> {
        Ok(())
    }
}
