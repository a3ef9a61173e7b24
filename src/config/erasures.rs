use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::section::{Section, within};

/// `[erasures]`: jobs that take away everything of a person.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasuresConfig {
    /// How many of one tenant may run at once.
    pub running_max: u32,
    /// How many of one tenant that have ended are remembered.
    pub ended_max: u32,
    /// How long one that has ended is remembered.
    pub ended_days: u32,
}

impl Section for ErasuresConfig {
    const NAME: &'static str = "erasures";

    fn check(&self) -> Result<(), ConfigError> {
        within("erasures.running_max", self.running_max, 1..=10_000)?;
        within("erasures.ended_max", self.ended_max, 1..=1_000_000)?;
        within("erasures.ended_days", self.ended_days, 1..=36_500)
    }
}
