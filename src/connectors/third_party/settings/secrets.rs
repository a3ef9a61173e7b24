//! Secrets that are replaced over time: a new one begins while the one before is still good.

use time::OffsetDateTime;

use crate::values::Secret;

/// A secret, or the key that it stands for, and how long it is good.
#[derive(Debug, Clone)]
pub struct DatedSecret<T = Secret> {
    pub value: T,
    /// The last moment at which it counts. `None`: until it is taken away.
    pub not_after: Option<OffsetDateTime>,
}

impl<T> DatedSecret<T> {
    /// Whether it counts at a time in Unix milliseconds.
    pub fn is_in_force(&self, now_ms: i64) -> bool {
        let now = i128::from(now_ms) * 1_000_000;
        self.not_after
            .is_none_or(|end| now <= end.unix_timestamp_nanos())
    }

    fn try_map<U, E>(&self, read: impl FnOnce(&T) -> Result<U, E>) -> Result<DatedSecret<U>, E> {
        let not_after = self.not_after;
        read(&self.value).map(|value| DatedSecret { value, not_after })
    }
}

/// At least one secret, the one that is to be used first.
#[derive(Debug, Clone)]
pub struct DatedSecrets<T = Secret> {
    first: DatedSecret<T>,
    others: Vec<DatedSecret<T>>,
}

impl<T> DatedSecrets<T> {
    /// `None` if there is none.
    pub fn new(secrets: Vec<DatedSecret<T>>) -> Option<Self> {
        let mut secrets = secrets.into_iter();
        Some(Self {
            first: secrets.next()?,
            others: secrets.collect(),
        })
    }

    /// The one that signs where there is room for one signature: the first of [`DatedSecrets::signing_all`].
    pub fn signing(&self, now_ms: i64) -> &T {
        self.in_force(now_ms).next().unwrap_or(&self.first.value)
    }

    /// Those that sign at a time in Unix milliseconds: all in force. Where all have run out it is the first of all, since a
    /// receiver that minds can refuse, while a message that is not signed at all helps nobody.
    pub fn signing_all(&self, now_ms: i64) -> impl Iterator<Item = &T> {
        let all_ran_out = self.in_force(now_ms).next().is_none();
        self.in_force(now_ms)
            .chain(all_ran_out.then_some(&self.first.value))
    }

    /// Those that verify at a time in Unix milliseconds. There may be none.
    pub fn in_force(&self, now_ms: i64) -> impl Iterator<Item = &T> {
        self.iter()
            .filter(move |secret| secret.is_in_force(now_ms))
            .map(|secret| &secret.value)
    }

    /// Reads each as something else, for as long as it is good itself.
    ///
    /// # Errors
    ///
    /// What is wrong with each that cannot be read, with its place.
    pub fn try_map<U, E>(
        &self,
        read: impl Fn(&T) -> Result<U, E>,
    ) -> Result<DatedSecrets<U>, Vec<(usize, E)>> {
        let mut faults = Vec::new();
        let mut others = Vec::with_capacity(self.others.len());
        let first = self.first.try_map(&read);
        for (index, secret) in (1..).zip(&self.others) {
            match secret.try_map(&read) {
                Ok(secret) => others.push(secret),
                Err(fault) => faults.push((index, fault)),
            }
        }
        match first {
            Ok(first) if faults.is_empty() => Ok(DatedSecrets { first, others }),
            Ok(_) => Err(faults),
            Err(fault) => {
                faults.insert(0, (0, fault));
                Err(faults)
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = &DatedSecret<T>> {
        std::iter::once(&self.first).chain(&self.others)
    }
}
