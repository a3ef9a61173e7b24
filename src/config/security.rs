use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::section::Section;
use crate::values::Secret;

/// `[security]`: the secrets that the process starts with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityConfig {
    /// What seals stored secrets: 32 bytes in base64.
    #[serde(with = "super::secret", default)]
    pub master_key: Option<Secret>,
    /// A file that holds it; instead of `master_key`.
    pub master_key_file: Option<PathBuf>,
    /// The API key that may do everything, a UUID.
    #[serde(with = "super::secret", default)]
    pub bootstrap_api_key: Option<Secret>,
    /// A file that holds it; instead of `bootstrap_api_key`.
    pub bootstrap_api_key_file: Option<PathBuf>,
}

impl Section for SecurityConfig {
    const NAME: &'static str = "security";

    /// What a key has to look like is known to whoever reads it.
    fn check(&self) -> Result<(), ConfigError> {
        Ok(())
    }
}
