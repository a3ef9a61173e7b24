use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::section::{Section, within};

/// `[receipts]`: receipts that came before the message they are about.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptsConfig {
    /// How many of one tenant may wait.
    pub parked_max: u32,
    /// How long one waits.
    pub parked_age_max_seconds: u64,
}

impl Section for ReceiptsConfig {
    const NAME: &'static str = "receipts";

    fn check(&self) -> Result<(), ConfigError> {
        within("receipts.parked_max", self.parked_max, 1..=100_000_000)?;
        within(
            "receipts.parked_age_max_seconds",
            self.parked_age_max_seconds,
            1..=30 * 86_400,
        )
    }
}
