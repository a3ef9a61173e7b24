use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::section::{Section, within};
use crate::values::Secret;

/// `[database]`: the one store.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `postgres://user:password@host/name`; unset: an embedded Postgres.
    #[serde(with = "super::secret::url")]
    #[serde(default)]
    pub url: Option<Secret>,
    /// A file that holds the URL; instead of `url`.
    pub url_file: Option<PathBuf>,
    /// Where the embedded Postgres keeps its data.
    pub embedded_dir: PathBuf,
    /// Where its programs are; unset: the usual places.
    pub embedded_binaries_dir: Option<PathBuf>,
    /// Connections that store what is accepted, one committer each.
    pub accept_connections: u32,
    /// Connections that answer queries.
    pub read_connections: u32,
    /// Connections for provisioning and work in the background.
    pub job_connections: u32,
    /// Connections that store files and read them.
    pub media_connections: u32,
    /// After this a statement is given up; on the message path after 2,500 ms at the latest.
    pub statement_timeout_milliseconds: u64,
}

impl Section for DatabaseConfig {
    const NAME: &'static str = "database";

    fn check(&self) -> Result<(), ConfigError> {
        within(
            "database.accept_connections",
            self.accept_connections,
            1..=64,
        )?;
        within("database.read_connections", self.read_connections, 1..=256)?;
        within("database.job_connections", self.job_connections, 1..=64)?;
        within("database.media_connections", self.media_connections, 1..=64)?;
        let timeout = self.statement_timeout_milliseconds;
        within(
            "database.statement_timeout_milliseconds",
            timeout,
            100..=600_000,
        )
    }
}
