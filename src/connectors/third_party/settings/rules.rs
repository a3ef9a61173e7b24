//! What the values of the documents may be.

use std::num::NonZeroU16;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::wire::{DataApi, DataWebhook, SecretEntry, SecretHolder};
use super::{
    BodyShape, DatedSecret, DatedSecrets, Order, RetryRule, SettingsFault, SignatureScheme,
    Webhook, signatures,
};
use crate::auth::signature::SignaturePolicy;
use crate::connectors::document::{self, Object, within};
use crate::platform::outbound::parse_destination;
use crate::values::Secret;

/// Seconds of one attempt. The vendor gives a third party 10.
const TIMEOUT_SECONDS: RangeInclusive<f64> = 1.0..=10.0;
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
const IN_FLIGHT: RangeInclusive<u64> = 1..=1_000;
const RATE_PER_SECOND: RangeInclusive<f64> = 0.001..=100_000.0;
/// Secrets that can be in use at the same time.
const SECRETS_MAX: usize = 10;
const SECRET_BYTES_MAX: usize = 1_024;

/// Reads a webhook. `None`: something is at fault, and noted.
pub(super) fn webhook(
    wire: DataWebhook,
    place: &str,
    faults: &mut Vec<SettingsFault>,
) -> Option<Webhook> {
    let mut at = Place { place, faults };
    let url = parse_destination(&wire.url);
    let url = at.fine("url", url.map_err(|refused| refused.to_string()));
    let timeout = wire.timeout_seconds.map_or(Some(TIMEOUT_DEFAULT), |value| {
        at.seconds("timeoutSeconds", value, &TIMEOUT_SECONDS)
    });
    let in_flight_max = at.optional("maxInFlight", wire.max_in_flight, None, in_flight);
    let rate_per_second = at.optional("ratePerSecond", wire.rate_per_second, None, rate);
    let order = at.optional("order", wire.order, Order::Recipient, |word| order(&word));
    let retry = wire.retry.map(|retry| {
        let read = RetryRule::read(retry.0, &format!("{place}/retry"));
        read.map_err(|fault| at.faults.push(fault)).ok()
    });
    let sha1 = vec![SignatureScheme::Sha1];
    let signatures = at.optional("signatures", wire.signatures, sha1, |words| {
        signatures::schemes(&words)
    });
    let body_shape = at.optional("bodyShape", wire.body_shape, BodyShape::Single, |word| {
        body_shape(&word)
    });
    Some(Webhook {
        url: url?,
        timeout: timeout?,
        in_flight_max: in_flight_max?,
        rate_per_second: rate_per_second?,
        order: order?,
        retry: match retry {
            Some(retry) => Some(retry?),
            None => None,
        },
        signatures: signatures?,
        body_shape: body_shape?,
    })
}

/// Reads which signatures a third party must give. `None`: something is at fault, and noted.
pub(super) fn policy(
    wire: Option<Object<DataApi>>,
    place: &str,
    faults: &mut Vec<SettingsFault>,
) -> Option<SignaturePolicy> {
    let words = wire.and_then(|Object(api)| api.signatures);
    let mut at = Place { place, faults };
    at.optional("signatures", words, SignaturePolicy::default(), |words| {
        signatures::policy(&words)
    })
}

/// Reads a secret: a string, or an array of `{value, notAfter?}`. `None`: something is at fault, and noted.
pub(super) fn secrets(
    holder: &SecretHolder,
    place: &str,
    faults: &mut Vec<SettingsFault>,
) -> Option<DatedSecrets> {
    let mut at = Place { place, faults };
    let secrets = match &holder.secret {
        Value::String(text) => vec![at.secret("secret", text.clone(), None)?],
        Value::Array(entries) if (1..=SECRETS_MAX).contains(&entries.len()) => {
            at.dated_secrets(entries)?
        }
        Value::Array(_) => at.fault("secret", format!("must have 1 to {SECRETS_MAX} entries"))?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => at.fault(
            "secret",
            "must be a string or an array of {value, notAfter?}",
        )?,
    };
    DatedSecrets::new(secrets)
}

/// Where in the documents we are, and where faults are noted.
struct Place<'a> {
    place: &'a str,
    faults: &'a mut Vec<SettingsFault>,
}

impl Place<'_> {
    fn fault<T>(&mut self, member: &str, message: impl Into<String>) -> Option<T> {
        let path = format!("{}/{member}", self.place);
        self.faults.push(SettingsFault::new(path, message));
        None
    }

    fn fine<T>(&mut self, member: &str, result: Result<T, String>) -> Option<T> {
        result.map_or_else(|message| self.fault(member, message), Some)
    }

    fn optional<T, U>(
        &mut self,
        member: &str,
        value: Option<T>,
        default: U,
        read: impl FnOnce(T) -> Result<U, String>,
    ) -> Option<U> {
        match value {
            Some(value) => self.fine(member, read(value)),
            None => Some(default),
        }
    }

    fn seconds(
        &mut self,
        member: &str,
        value: f64,
        range: &RangeInclusive<f64>,
    ) -> Option<Duration> {
        let seconds = within(value, range);
        self.fine(member, seconds.map(Duration::from_secs_f64))
    }

    fn dated_secrets(&mut self, entries: &[Value]) -> Option<Vec<DatedSecret>> {
        let mut secrets = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let place = format!("{}/secret/{index}", self.place);
            let entry: SecretEntry = match document::read(entry, &place) {
                Ok(entry) => entry,
                Err(fault) => {
                    self.faults.push(fault);
                    return None;
                }
            };
            let not_after = entry.not_after.as_deref().map(|text| {
                let end = OffsetDateTime::parse(text, &Rfc3339);
                end.map_err(|_| "must be a time such as 2027-01-31T12:00:00Z".to_owned())
            });
            let not_after = match not_after {
                Some(end) => Some(self.fine(&format!("secret/{index}/notAfter"), end)?),
                None => None,
            };
            secrets.push(self.secret(&format!("secret/{index}/value"), entry.value, not_after)?);
        }
        Some(secrets)
    }

    fn secret(
        &mut self,
        member: &str,
        text: String,
        not_after: Option<OffsetDateTime>,
    ) -> Option<DatedSecret> {
        if !(1..=SECRET_BYTES_MAX).contains(&text.len()) {
            return self.fault(member, format!("must have 1 to {SECRET_BYTES_MAX} bytes"));
        }
        Some(DatedSecret {
            value: Secret::new(text),
            not_after,
        })
    }
}

fn in_flight(value: u64) -> Result<Option<NonZeroU16>, String> {
    let value = within(value, &IN_FLIGHT)?;
    Ok(u16::try_from(value).ok().and_then(NonZeroU16::new))
}

fn rate(value: f64) -> Result<Option<f64>, String> {
    within(value, &RATE_PER_SECOND).map(Some)
}

fn order(word: &str) -> Result<Order, String> {
    match word {
        "recipient" => Ok(Order::Recipient),
        "none" => Ok(Order::None),
        _ => Err("must be recipient or none".to_owned()),
    }
}

fn body_shape(word: &str) -> Result<BodyShape, String> {
    match word {
        "single" => Ok(BodyShape::Single),
        "messages" => Ok(BodyShape::Messages),
        _ => Err("must be single or messages".to_owned()),
    }
}
