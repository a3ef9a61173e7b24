use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::section::{Section, within};

/// `[dispatch]`: how lanes are shared and worked off.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DispatchConfig {
    /// A replica that is silent for so long loses its lanes.
    pub lease_seconds: f64,
    /// Open attempts of this process.
    pub max_in_flight: usize,
    /// Open attempts of one lane, unless the channel says otherwise.
    pub lane_max_in_flight: usize,
    /// The share of `max_in_flight` that one tenant may hold while others wait; over 0 to 1.
    pub tenant_share: f64,
    /// Deliveries of one lane that are held in memory.
    pub memory_deliveries_max: usize,
    /// Deliveries that one lane takes; submissions beyond it are refused until some are done.
    pub backlog_max: u32,
    /// How long a message that waits for a retry holds back those behind it for the same recipient.
    pub head_hold_seconds: f64,
    /// How long a receipt is waited for where a message may have been sent and a repeat would not be safe.
    pub unknown_hold_seconds: f64,
    /// How long a message without `validUntil` lives, from its acceptance or `notBefore` on.
    pub message_age_max_seconds: u64,
    /// After so many failures in a row an endpoint is parked.
    pub breaker_failures: u32,
    /// For how long at first, and for how long at most.
    pub breaker_seconds: [f64; 2],
}

impl Section for DispatchConfig {
    const NAME: &'static str = "dispatch";

    fn check(&self) -> Result<(), ConfigError> {
        within("dispatch.lease_seconds", self.lease_seconds, 0.2..=300.0)?;
        within("dispatch.max_in_flight", self.max_in_flight, 1..=1_000_000)?;
        within(
            "dispatch.lane_max_in_flight",
            self.lane_max_in_flight,
            1..=1_000_000,
        )?;
        within("dispatch.tenant_share", self.tenant_share, 0.001..=1.0)?;
        within(
            "dispatch.memory_deliveries_max",
            self.memory_deliveries_max,
            1..=10_000_000,
        )?;
        within("dispatch.backlog_max", self.backlog_max, 1..=1_000_000_000)?;
        within(
            "dispatch.head_hold_seconds",
            self.head_hold_seconds,
            0.0..=86_400.0,
        )?;
        within(
            "dispatch.unknown_hold_seconds",
            self.unknown_hold_seconds,
            0.0..=604_800.0,
        )?;
        within(
            "dispatch.message_age_max_seconds",
            self.message_age_max_seconds,
            1..=30 * 86_400,
        )?;
        within(
            "dispatch.breaker_failures",
            self.breaker_failures,
            1..=1_000_000,
        )?;
        for seconds in self.breaker_seconds {
            within("each of dispatch.breaker_seconds", seconds, 0.01..=86_400.0)?;
        }
        Ok(())
    }
}
