//! What the `data` of a provider's service says about sending through it, where the provider does not take our id.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::document::{self, Object, SettingsFault, within};
use super::retry_rule::{self, RetryRule};

/// Seconds for which a receipt of a message without an answer is waited for; at most as long as a message lives.
const HOLD_SECONDS: RangeInclusive<f64> = 1.0..=2_592_000.0;
const HOLD_DEFAULT: Duration = Duration::from_mins(30);

/// How messages are carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarrierRules {
    /// `None`: the gateway's own schedule.
    pub retry: Option<RetryRule>,
    pub unknown: UnknownPolicy,
}

/// What becomes of a message that was written to the provider and not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownPolicy {
    /// A receipt is waited for; without one in this time it has failed.
    Hold(Duration),
    /// It is sent again, and may arrive twice.
    Retry,
    /// It has failed at once, and may have arrived.
    Fail,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
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
        Ok(Self { retry, unknown })
    }
}

fn hold(seconds: Option<f64>) -> Result<Duration, SettingsFault> {
    let Some(seconds) = seconds else {
        return Ok(HOLD_DEFAULT);
    };
    within(seconds, &HOLD_SECONDS)
        .map(Duration::from_secs_f64)
        .map_err(|message| SettingsFault::new("/data/holdSeconds", message))
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
    fn a_receipt_is_waited_for_half_an_hour_unless_it_is_said_otherwise() {
        let hold = |seconds| Ok(UnknownPolicy::Hold(Duration::from_secs(seconds)));
        assert_eq!(unknown(&json!({})), hold(1_800));
        assert_eq!(unknown(&json!({ "holdSeconds": 60 })), hold(60));
        assert_eq!(
            unknown(&json!({ "unknownPolicy": "hold", "holdSeconds": 60 })),
            hold(60)
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
    fn what_means_nothing_is_named() {
        let refused = |data: Value| unknown(&data).unwrap_err();
        assert_eq!(refused(json!([])), "/data");
        assert_eq!(refused(json!({ "hold": 60 })), "/data/hold");
        assert_eq!(refused(json!({ "holdSeconds": 0 })), "/data/holdSeconds");
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
