use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::section::{Section, within};

/// `[content]`: how much one message may say.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContentConfig {
    /// Parts of a mail, or media of a message.
    pub parts_max: usize,
    /// Bytes of everything that it says.
    pub bytes_max: usize,
}

impl Section for ContentConfig {
    const NAME: &'static str = "content";

    fn check(&self) -> Result<(), ConfigError> {
        within("content.parts_max", self.parts_max, 1..=1_000)?;
        within("content.bytes_max", self.bytes_max, 1_024..=16_777_216)
    }
}
