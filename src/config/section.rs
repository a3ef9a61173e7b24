//! What a section is: a struct whose fields are its keys.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde::de::value::Error;
use serde::de::{Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use serde::{Serialize, de::DeserializeOwned};

use super::ConfigError;

/// One table of the configuration.
pub(super) trait Section: Serialize + DeserializeOwned {
    const NAME: &'static str;

    /// Refuses values that no gateway can run with.
    fn check(&self) -> Result<(), ConfigError>;
}

/// Refuses a number that is not within its range; one that is no number is not.
pub(super) fn within<T: Copy + Display + PartialOrd>(
    key: &'static str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<(), ConfigError> {
    if range.contains(&value) {
        return Ok(());
    }
    let allowed = format!("{} to {}", range.start(), range.end());
    Err(ConfigError::OutOfRange { key, allowed })
}

/// Sections and their keys, as their structs declare them.
#[derive(Debug, Default)]
pub(super) struct KnownKeys(Vec<(&'static str, &'static [&'static str])>);

impl KnownKeys {
    pub(super) fn with<T: Section>(mut self) -> Self {
        self.0.push((T::NAME, keys_of::<T>()));
        self
    }

    pub(super) fn has(&self, section: &str, key: &str) -> bool {
        self.all().any(|known| known == (section, key))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let of_section = |(section, keys): &(&'static str, &'static [&'static str])| {
            let section = *section;
            keys.iter().map(move |key| (section, *key))
        };
        self.0.iter().flat_map(of_section)
    }

    /// Keys that somebody who wrote `section.key` may have meant: a few letters changed, the same key in another section,
    /// or its section forgotten.
    pub(super) fn near(&self, section: &str, key: &str) -> Vec<String> {
        const LETTERS: usize = 3;
        let written = format!("{section}.{key}");
        let mut near: Vec<_> = self
            .all()
            .filter_map(|(known_section, known_key)| {
                let known = format!("{known_section}.{known_key}");
                let changed = strsim::damerau_levenshtein(&written, &known);
                let is_near = changed <= LETTERS
                    || known_key == key
                    || (key.is_empty() && known_key == section);
                is_near.then_some((changed, known))
            })
            .collect();
        near.sort();
        near.truncate(3);
        near.into_iter().map(|(_, known)| known).collect()
    }
}

/// The names of a struct's fields, which serde tells to whoever reads it.
fn keys_of<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut keys: &'static [&'static str] = &[];
    // It always fails: only the question counts.
    let _ = T::deserialize(AskedFor(&mut keys));
    keys
}

struct AskedFor<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for AskedFor<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        Err(Error::custom("asked"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("not asked for fields"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
