use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::section::Section;
use crate::platform::telemetry::{LogFormat, check_filter};

/// `[logging]`: what is logged, and how it is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoggingConfig {
    pub format: LogFormat,
    /// A level, then exceptions: `info,sqlx=warn`.
    pub filter: String,
}

impl Section for LoggingConfig {
    const NAME: &'static str = "logging";

    fn check(&self) -> Result<(), ConfigError> {
        check_filter(&self.filter).map_err(|_| ConfigError::OutOfRange {
            key: "logging.filter",
            allowed: "a level and exceptions from it, such as info,sqlx=warn".to_owned(),
        })
    }
}
