use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::section::{Section, within};

/// `[webhook]`: how often and how patiently we knock.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Entry n: redelivery n comes after a time drawn from 0 to this. Holds for every connector that has none of its
    /// own; empty: nothing is sent twice.
    pub retry_schedule_seconds: Vec<f64>,
    /// How much of an answer is read.
    pub answer_bytes_max: usize,
}

impl Section for WebhookConfig {
    const NAME: &'static str = "webhook";

    fn check(&self) -> Result<(), ConfigError> {
        const DAY: f64 = 86_400.0;
        let entries = self.retry_schedule_seconds.len();
        within(
            "the number of webhook.retry_schedule_seconds",
            entries,
            0..=100,
        )?;
        for seconds in &self.retry_schedule_seconds {
            within(
                "each of webhook.retry_schedule_seconds",
                *seconds,
                0.0..=7.0 * DAY,
            )?;
        }
        within(
            "webhook.answer_bytes_max",
            self.answer_bytes_max,
            1_024..=64 * 1024,
        )
    }
}
