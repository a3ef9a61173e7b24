//! How often and how long a message is sent again, as the `retry` member of a service says it.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;

use super::document::{SettingsFault, within};

/// Redeliveries of one message.
const REDELIVERIES: RangeInclusive<u64> = 0..=50;
/// Seconds that redelivering may take: as long as a message can live.
const SECONDS: RangeInclusive<f64> = 0.0..=2_592_000.0;

/// How often and how long a message is sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryRule {
    /// The vendor's two words: how many redeliveries, and how long in all.
    Attempts { attempts: u32, total: Duration },
    /// Entry n bounds the wait before redelivery n.
    Schedule(Vec<Duration>),
}

/// The member as it is written in JSON.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wire {
    attempts: Option<u64>,
    timeout_seconds: Option<f64>,
    schedule_seconds: Option<Vec<f64>>,
}

impl RetryRule {
    /// Reads the member at `place`, or says what is wrong with it first.
    pub fn read(wire: Wire, place: &str) -> Result<Self, SettingsFault> {
        match (wire.attempts, wire.timeout_seconds, wire.schedule_seconds) {
            (Some(attempts), Some(total), None) => {
                let count = within(attempts, &REDELIVERIES)
                    .and_then(|count| u32::try_from(count).map_err(|error| error.to_string()));
                Ok(Self::Attempts {
                    attempts: count.map_err(|message| {
                        SettingsFault::new(format!("{place}/attempts"), message)
                    })?,
                    total: seconds(total, format!("{place}/timeoutSeconds"))?,
                })
            }
            (None, None, Some(entries)) => schedule(&entries, place).map(Self::Schedule),
            _ => Err(SettingsFault::new(
                place,
                "must have either attempts and timeoutSeconds, or scheduleSeconds",
            )),
        }
    }
}

fn schedule(entries: &[f64], place: &str) -> Result<Vec<Duration>, SettingsFault> {
    let place = format!("{place}/scheduleSeconds");
    if !REDELIVERIES.contains(&(entries.len() as u64)) {
        let message = format!("must have at most {} entries", REDELIVERIES.end());
        return Err(SettingsFault::new(place, message));
    }
    let read = entries
        .iter()
        .enumerate()
        .map(|(index, entry)| seconds(*entry, format!("{place}/{index}")));
    read.collect()
}

fn seconds(value: f64, place: String) -> Result<Duration, SettingsFault> {
    within(value, &SECONDS)
        .map(Duration::from_secs_f64)
        .map_err(|message| SettingsFault::new(place, message))
}
