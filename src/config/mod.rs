//! Typed configuration: built-in defaults, then a file, then the environment.
//!
//! Every key is documented where it is declared and in `config/default.toml`. A key that nobody knows, a value out of
//! its range and two keys that contradict each other are refused before a port is bound, each in one sentence. What a
//! value means is up to whoever is given it.

mod content;
mod contradictions;
mod database;
mod describe;
mod dispatch;
mod erasures;
mod error;
mod given;
mod layers;
mod logging;
mod media;
mod outbound;
mod receipts;
mod replays;
mod retention;
mod secret;
mod section;
mod security;
mod server;
mod webhook;

use std::path::Path;

pub use content::ContentConfig;
pub use database::DatabaseConfig;
pub use dispatch::DispatchConfig;
pub use erasures::ErasuresConfig;
pub use error::ConfigError;
pub use logging::LoggingConfig;
pub use media::MediaConfig;
pub use outbound::OutboundConfig;
pub use receipts::ReceiptsConfig;
pub use replays::ReplaysConfig;
pub use retention::RetentionConfig;
pub use security::SecurityConfig;
pub use server::ServerConfig;
pub use webhook::WebhookConfig;

use layers::{Layers, Origins};
use section::KnownKeys;

const BUILT_IN: &str = include_str!("../../config/default.toml");

/// The configuration of a process.
#[derive(Debug, Clone)]
pub struct Config {
    pub server: ServerConfig,
    pub database: DatabaseConfig,
    pub security: SecurityConfig,
    pub outbound: OutboundConfig,
    pub webhook: WebhookConfig,
    pub dispatch: DispatchConfig,
    pub content: ContentConfig,
    pub receipts: ReceiptsConfig,
    pub erasures: ErasuresConfig,
    pub replays: ReplaysConfig,
    pub media: MediaConfig,
    pub retention: RetentionConfig,
    pub logging: LoggingConfig,
    origins: Origins,
}

impl Config {
    /// Puts the layers over each other and reads every value.
    ///
    /// `environment` is the whole of the process's; only names that begin with `NEXUS_GATEWAY__` are looked at.
    pub fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut layers = Layers::default();
        layers.add_built_in(BUILT_IN)?;
        if let Some(path) = file {
            layers.add_file(path)?;
        }
        layers.add_environment(environment);
        let known = Self::known_keys();
        layers.refuse_unknown(&known)?;
        layers.read_key_files(&known)?;
        let config = Self {
            server: layers.section()?,
            database: layers.section()?,
            security: layers.section()?,
            outbound: layers.section()?,
            webhook: layers.section()?,
            dispatch: layers.section()?,
            content: layers.section()?,
            receipts: layers.section()?,
            erasures: layers.section()?,
            replays: layers.section()?,
            media: layers.section()?,
            retention: layers.section()?,
            logging: layers.section()?,
            origins: layers.origins(),
        };
        config.refuse_contradictions()?;
        Ok(config)
    }

    fn known_keys() -> KnownKeys {
        KnownKeys::default()
            .with::<ServerConfig>()
            .with::<DatabaseConfig>()
            .with::<SecurityConfig>()
            .with::<OutboundConfig>()
            .with::<WebhookConfig>()
            .with::<DispatchConfig>()
            .with::<ContentConfig>()
            .with::<ReceiptsConfig>()
            .with::<ErasuresConfig>()
            .with::<ReplaysConfig>()
            .with::<MediaConfig>()
            .with::<RetentionConfig>()
            .with::<LoggingConfig>()
    }
}

#[cfg(test)]
mod tests;
