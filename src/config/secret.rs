//! Secrets in sections: read as texts, shown as stars. What is wrong with one is said without showing it.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;

use crate::values::Secret;

const STARS: &str = "********";

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Secret>, D::Error> {
    deserializer.deserialize_option(SecretVisitor)
}

#[expect(clippy::ref_option, reason = "this is how serde calls it")]
pub(super) fn serialize<S: Serializer>(
    secret: &Option<Secret>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match secret {
        Some(_) => serializer.serialize_some(STARS),
        None => serializer.serialize_none(),
    }
}

/// For URLs whose password alone is secret. Parameters may have one too, so none of them is shown.
pub(super) mod url {
    use super::{Deserializer, STARS, Secret, Serializer};

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Secret>, D::Error> {
        super::deserialize(deserializer)
    }

    #[expect(clippy::ref_option, reason = "this is how serde calls it")]
    pub(in crate::config) fn serialize<S: Serializer>(
        url: &Option<Secret>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match url {
            Some(url) => serializer.serialize_some(&without_password(url.expose())),
            None => serializer.serialize_none(),
        }
    }

    pub(in crate::config) fn without_password(url: &str) -> String {
        let (base, parameters) = match url.split_once('?') {
            Some((base, _)) => (base, format!("?{STARS}")),
            None => (url, String::new()),
        };
        let Some((scheme, rest)) = base.split_once("://") else {
            return STARS.to_owned();
        };
        let Some((user_info, place)) = rest.rsplit_once('@') else {
            return format!("{scheme}://{rest}{parameters}");
        };
        match user_info.split_once(':') {
            Some((user, _)) => format!("{scheme}://{user}:{STARS}@{place}{parameters}"),
            None => format!("{scheme}://{user_info}@{place}{parameters}"),
        }
    }
}

struct SecretVisitor;

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Option<Secret>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_string(self)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Some(Secret::new(text)).filter(|secret| !secret.expose().is_empty()))
    }

    // Without these serde would say what was found instead.

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Err(E::custom("it must be a text"))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Err(E::custom("it must be a text"))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Err(E::custom("it must be a text"))
    }
}
