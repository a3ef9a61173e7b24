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
    /// How long figures by hour are kept.
    pub statistics_days: u32,
    /// How long it is on record who changed what.
    pub audit_days: u32,
    /// How long the calls that were made under an `Idempotency-Key` are known.
    pub idempotency_hours: u32,
    /// Keys of one tenant that are kept; further ones are refused until some are forgotten.
    pub idempotency_keys_max: u32,
}

impl RetentionConfig {
    /// How long it is on record who changed what, in milliseconds.
    pub fn audit_ms(&self) -> i64 {
        i64::from(self.audit_days) * 24 * 3_600_000
    }
}

impl Section for RetentionConfig {
    const NAME: &'static str = "retention";

    fn check(&self) -> Result<(), ConfigError> {
        within("retention.messages_days", self.messages_days, 1..=36_500)?;
        within("retention.media_days", self.media_days, 1..=36_500)?;
        within(
            "retention.statistics_days",
            self.statistics_days,
            1..=36_500,
        )?;
        within("retention.audit_days", self.audit_days, 1..=36_500)?;
        within(
            "retention.idempotency_hours",
            self.idempotency_hours,
            24..=8_760,
        )?;
        within(
            "retention.idempotency_keys_max",
            self.idempotency_keys_max,
            1..=1_000_000_000,
        )
    }
}
