//! A value as it was given: typed in a file, a text in the environment.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use toml::de::Error;

/// What was given for one key.
#[derive(Debug, Clone)]
pub(super) enum Given {
    Toml(toml::Value),
    /// Means what the type of its key makes of it: a list is comma-separated.
    Text(String),
}

impl Given {
    pub(super) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Toml(toml::Value::String(text)) => Some(text),
            Self::Toml(_) => None,
        }
    }
}

/// A value of a section that cannot be read.
pub(super) struct Unreadable {
    pub(super) key: String,
    pub(super) problem: String,
}

/// Reads a section from what was given for its keys.
pub(super) fn read<T: DeserializeOwned>(
    given: impl Iterator<Item = (String, Given)>,
) -> Result<T, Unreadable> {
    let section = MapDeserializer::new(given);
    serde_path_to_error::deserialize(section).map_err(|fault: serde_path_to_error::Error<Error>| {
        Unreadable {
            key: fault.path().to_string(),
            problem: fault.inner().message().to_owned(),
        }
    })
}

impl IntoDeserializer<'_, Error> for Given {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Reads a number from a text.
macro_rules! numbers {
    ($($deserialize:ident $visit:ident $words:literal,)*) => {$(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self {
                Self::Toml(value) => value.$deserialize(visitor),
                Self::Text(text) => match text.trim().parse() {
                    Ok(number) => visitor.$visit(number),
                    Err(_) => Err(Error::custom($words)),
                },
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Given {
    type Error = Error;

    numbers! {
        deserialize_bool visit_bool "it must be true or false",
        deserialize_u16 visit_u16 "it must be a whole number",
        deserialize_u32 visit_u32 "it must be a whole number",
        deserialize_u64 visit_u64 "it must be a whole number",
        deserialize_f64 visit_f64 "it must be a number",
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Toml(value) => value.deserialize_seq(visitor),
            Self::Text(text) => {
                let items = text
                    .split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty());
                let mut items = SeqDeserializer::new(items.map(|item| Self::Text(item.to_owned())));
                let value = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(value)
            }
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Self::Toml(value) => value.deserialize_enum(name, variants, visitor),
            Self::Text(text) => visitor.visit_enum(text.into_deserializer()),
        }
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Toml(value) => value.deserialize_any(visitor),
            Self::Text(text) => visitor.visit_string(text),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u128 f32 char str string bytes byte_buf unit unit_struct newtype_struct tuple_struct map
        struct identifier ignored_any
    }
}
