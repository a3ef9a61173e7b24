//! Secrets that are replaced over time: a new one begins while the one before is still good.

use time::OffsetDateTime;

use crate::values::Secret;

/// A secret and how long it is good.
#[derive(Debug, Clone)]
pub struct DatedSecret {
    pub value: Secret,
    /// The last moment at which it counts. `None`: until it is taken away.
    pub not_after: Option<OffsetDateTime>,
}

impl DatedSecret {
    /// Whether it counts at a time in Unix milliseconds.
    pub fn is_in_force(&self, now_ms: i64) -> bool {
        let now = i128::from(now_ms) * 1_000_000;
        self.not_after
            .is_none_or(|end| now <= end.unix_timestamp_nanos())
    }
}

/// At least one secret, the one that is to be used first.
#[derive(Debug, Clone)]
pub struct DatedSecrets {
    first: DatedSecret,
    others: Vec<DatedSecret>,
}

impl DatedSecrets {
    /// `None` if there is none.
    pub fn new(secrets: Vec<DatedSecret>) -> Option<Self> {
        let mut secrets = secrets.into_iter();
        Some(Self {
            first: secrets.next()?,
            others: secrets.collect(),
        })
    }

    /// The one that signs at a time in Unix milliseconds: the first in force. Where all have run out it is the first of all,
    /// since a receiver that minds can refuse, while a message that is not signed at all helps nobody.
    pub fn signing(&self, now_ms: i64) -> &Secret {
        self.in_force(now_ms).next().unwrap_or(&self.first.value)
    }

    /// Those that verify at a time in Unix milliseconds. There may be none.
    pub fn in_force(&self, now_ms: i64) -> impl Iterator<Item = &Secret> {
        std::iter::once(&self.first)
            .chain(&self.others)
            .filter(move |secret| secret.is_in_force(now_ms))
            .map(|secret| &secret.value)
    }
}
