use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::section::{Section, within};
use crate::platform::http::TrustedHops;
use crate::values::Secret;

/// `[security]`: the secrets that the process starts with, and whom it believes where a caller is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityConfig {
    /// What seals stored secrets: 32 bytes in base64.
    #[serde(with = "super::secret", default)]
    pub master_key: Option<Secret>,
    /// A file that holds it; instead of `master_key`.
    pub master_key_file: Option<PathBuf>,
    /// A program with its arguments that prints it; instead of both. It is run without a shell and has 10 s.
    pub master_key_command: Vec<String>,
    /// Master keys that open what they have sealed and seal nothing: the one to come while replicas are restarted with it,
    /// and the one before until `rekey` is done. Separated by commas or white space.
    #[serde(with = "super::secret", default)]
    pub other_master_keys: Option<Secret>,
    /// A file that holds them; instead of `other_master_keys`.
    pub other_master_keys_file: Option<PathBuf>,
    /// A program with its arguments that prints them; instead of both.
    pub other_master_keys_command: Vec<String>,
    /// The API key that may do everything, a UUID.
    #[serde(with = "super::secret", default)]
    pub bootstrap_api_key: Option<Secret>,
    /// A file that holds it; instead of `bootstrap_api_key`.
    pub bootstrap_api_key_file: Option<PathBuf>,
    /// Balancers before this process, each of which adds to `X-Forwarded-For`; 0 to 8.
    pub trusted_hops: u16,
    /// Calls of one address that may fail for their credentials in a minute; more are answered 429.
    pub source_failures_per_minute: u32,
    /// Calls that name one tenant and may fail for their credentials in a minute; more are answered 429.
    pub tenant_failures_per_minute: u32,
}

impl SecurityConfig {
    /// How far the header `X-Forwarded-For` is believed.
    pub fn trusted_hops(&self) -> TrustedHops {
        TrustedHops(self.trusted_hops)
    }
}

impl Section for SecurityConfig {
    const NAME: &'static str = "security";

    /// What a key has to look like is known to whoever reads it.
    fn check(&self) -> Result<(), ConfigError> {
        within("security.trusted_hops", self.trusted_hops, 0..=8)?;
        for (key, failures) in [
            (
                "security.source_failures_per_minute",
                self.source_failures_per_minute,
            ),
            (
                "security.tenant_failures_per_minute",
                self.tenant_failures_per_minute,
            ),
        ] {
            within(key, failures, 1..=60_000_000)?;
        }
        Ok(())
    }
}
