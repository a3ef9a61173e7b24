//! What the `data` of a provider's service says about sending through it, where the provider does not take our id.

use std::num::NonZeroU16;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::document::{self, Object, SettingsFault, within};
use super::retry_rule::{self, RetryRule};

/// Seconds for which a receipt of a message without an answer is waited for; at most as long as a message lives.
const HOLD_SECONDS: RangeInclusive<f64> = 1.0..=2_592_000.0;

/// Seconds for one attempt: providers queue what they are given and answer, some of them slowly.
const TIMEOUT_SECONDS: RangeInclusive<f64> = 1.0..=60.0;
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
const IN_FLIGHT: RangeInclusive<u64> = 1..=1_000;
const RATE_PER_SECOND: RangeInclusive<f64> = 0.001..=100_000.0;

/// How messages are carried.
#[derive(Debug, Clone, PartialEq)]
pub struct CarrierRules {
    /// For one attempt, from resolving the name to the end of the answer.
    pub timeout: Duration,
    /// Attempts open at once; `None`: as many as the connector's own limit, or the gateway's.
    pub in_flight_max: Option<NonZeroU16>,
    /// Message parts per second; `None`: as many as there are.
    pub rate_per_second: Option<f64>,
    /// `None`: the gateway's own schedule.
    pub retry: Option<RetryRule>,
    pub unknown: UnknownPolicy,
}

/// What becomes of a message that was written to the provider and not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownPolicy {
    /// A receipt is waited for; without one in this time it has failed. `None`: in the gateway's own time.
    Hold(Option<Duration>),
    /// It is sent again, and may arrive twice.
    Retry,
    /// It has failed at once, and may have arrived.
    Fail,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    timeout_seconds: Option<f64>,
    max_in_flight: Option<u64>,
    rate_per_second: Option<f64>,
    retry: Option<Object<retry_rule::Wire>>,
    unknown_policy: Option<String>,
    hold_seconds: Option<f64>,
}

impl CarrierRules {
    /// Reads a `data` document that says this and nothing else.
    pub fn read(data: &Value) -> Result<Self, SettingsFault> {
        let wire: Wire = document::read(data, "/data")?;
        let retry = wire
            .retry
            .map(|Object(retry)| RetryRule::read(retry, "/data/retry"))
            .transpose()?;
        let unknown = match wire.unknown_policy.as_deref() {
            None | Some("hold") => UnknownPolicy::Hold(hold(wire.hold_seconds)?),
            Some("retry") => UnknownPolicy::Retry,
            Some("fail") => UnknownPolicy::Fail,
            Some(_) => {
                let message = "must be hold, retry or fail";
                return Err(SettingsFault::new("/data/unknownPolicy", message));
            }
        };
        if wire.hold_seconds.is_some() && !matches!(unknown, UnknownPolicy::Hold(_)) {
            let message = "counts only where unknownPolicy is hold";
            return Err(SettingsFault::new("/data/holdSeconds", message));
        }
        let timeout = limit(
            wire.timeout_seconds,
            &TIMEOUT_SECONDS,
            "/data/timeoutSeconds",
        )?;
        let in_flight_max = limit(wire.max_in_flight, &IN_FLIGHT, "/data/maxInFlight")?;
        Ok(Self {
            timeout: timeout.map_or(TIMEOUT_DEFAULT, Duration::from_secs_f64),
            in_flight_max: in_flight_max
                .and_then(|count| NonZeroU16::new(u16::try_from(count).ok()?)),
            rate_per_second: limit(
                wire.rate_per_second,
                &RATE_PER_SECOND,
                "/data/ratePerSecond",
            )?,
            retry,
            unknown,
        })
    }
}

/// A number within its bounds, where there is one.
fn limit<T: PartialOrd + std::fmt::Display>(
    value: Option<T>,
    range: &RangeInclusive<T>,
    place: &str,
) -> Result<Option<T>, SettingsFault> {
    let value = value.map(|value| within(value, range)).transpose();
    value.map_err(|message| SettingsFault::new(place, message))
}

fn hold(seconds: Option<f64>) -> Result<Option<Duration>, SettingsFault> {
    let hold = limit(seconds, &HOLD_SECONDS, "/data/holdSeconds")?;
    Ok(hold.map(Duration::from_secs_f64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn unknown(data: &Value) -> Result<UnknownPolicy, String> {
        CarrierRules::read(data)
            .map(|rules| rules.unknown)
            .map_err(|fault| fault.path)
    }

    #[test]
    fn a_receipt_is_waited_for_as_long_as_the_gateway_has_it_unless_it_is_said_otherwise() {
        let minute = Ok(UnknownPolicy::Hold(Some(Duration::from_mins(1))));
        assert_eq!(unknown(&json!({})), Ok(UnknownPolicy::Hold(None)));
        assert_eq!(unknown(&json!({ "holdSeconds": 60 })), minute);
        assert_eq!(
            unknown(&json!({ "unknownPolicy": "hold", "holdSeconds": 60 })),
            minute
        );
        assert_eq!(
            unknown(&json!({ "unknownPolicy": "retry" })),
            Ok(UnknownPolicy::Retry)
        );
        assert_eq!(
            unknown(&json!({ "unknownPolicy": "fail" })),
            Ok(UnknownPolicy::Fail)
        );
    }

    #[test]
    fn limits_are_as_they_are_said_and_else_the_gateways_own() {
        let rules = CarrierRules::read(&json!({})).unwrap();
        assert_eq!(rules.timeout, Duration::from_secs(30));
        assert_eq!((rules.in_flight_max, rules.rate_per_second), (None, None));
        let said = json!({ "timeoutSeconds": 5, "maxInFlight": 7, "ratePerSecond": 2.5 });
        let rules = CarrierRules::read(&said).unwrap();
        assert_eq!(rules.timeout, Duration::from_secs(5));
        assert_eq!(
            (rules.in_flight_max, rules.rate_per_second),
            (NonZeroU16::new(7), Some(2.5))
        );
    }

    #[test]
    fn what_means_nothing_is_named() {
        let refused = |data: Value| unknown(&data).unwrap_err();
        assert_eq!(refused(json!([])), "/data");
        assert_eq!(refused(json!({ "hold": 60 })), "/data/hold");
        for (member, value) in [
            ("holdSeconds", 0),
            ("timeoutSeconds", 61),
            ("maxInFlight", 0),
            ("ratePerSecond", 0),
        ] {
            assert_eq!(refused(json!({ member: value })), format!("/data/{member}"));
        }
        assert_eq!(
            refused(json!({ "unknownPolicy": "drop" })),
            "/data/unknownPolicy"
        );
        assert_eq!(
            refused(json!({ "unknownPolicy": "fail", "holdSeconds": 60 })),
            "/data/holdSeconds"
        );
        assert_eq!(
            refused(json!({ "retry": { "attempts": 3 } })),
            "/data/retry"
        );
    }
}
