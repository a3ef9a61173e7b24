use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::section::{Section, within};

/// `[retention]`: when what is finished is dropped.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionConfig {
    /// How long messages and their history are kept; longer than the longest life of a message.
    pub messages_days: u32,
    /// How long files are kept that messages refer to; longer than the links to them live.
    pub media_days: u32,
}

impl Section for RetentionConfig {
    const NAME: &'static str = "retention";

    fn check(&self) -> Result<(), ConfigError> {
        within("retention.messages_days", self.messages_days, 1..=36_500)?;
        within("retention.media_days", self.media_days, 1..=36_500)
    }
}
