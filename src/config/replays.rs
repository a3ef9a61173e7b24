use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::section::{Section, within};

/// `[replays]`: jobs that send dead letters again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplaysConfig {
    /// How many of one tenant may run at once.
    pub running_max: u32,
    /// How many of one tenant that have ended are remembered.
    pub ended_max: u32,
    /// How long one that has ended is remembered.
    pub ended_days: u32,
}

impl Section for ReplaysConfig {
    const NAME: &'static str = "replays";

    fn check(&self) -> Result<(), ConfigError> {
        within("replays.running_max", self.running_max, 1..=64)?;
        within("replays.ended_max", self.ended_max, 1..=1_000_000)?;
        within("replays.ended_days", self.ended_days, 1..=36_500)
    }
}
