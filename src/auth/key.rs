//! An API key as a value: what the caller holds, and the hash of it that we keep.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use uuid::{Uuid, Variant, Version};

/// A key as its holder knows it: a UUID in the form `8-4-4-4-12`, upper or lower case. It is shown once, when it is made.
pub struct ApiKey(Uuid);

/// SHA-256 over the 16 bytes of a key: all that is kept of it.
///
/// A plain hash is enough, because a key is 122 random bits and not a password that could be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash([u8; 32]);

/// Why a text is no API key. It does not say which text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    #[error("an API key is a UUID in its form with dashes")]
    NotUuid,
    #[error("a chosen API key must be a version 4 UUID, because other versions can be guessed")]
    NotRandom,
}

impl ApiKey {
    /// Makes a new random key.
    pub fn generate() -> Self {
        Self(Uuid::new_v4())
    }

    /// Reads a key that a caller chose for itself: only version 4 has enough randomness.
    pub fn chosen(text: &str) -> Result<Self, ApiKeyError> {
        let key: Self = text.parse()?;
        // The digit for the version counts only within the variant of RFC 9562.
        let random =
            key.0.get_variant() == Variant::RFC4122 && key.0.get_version() == Some(Version::Random);
        if random {
            Ok(key)
        } else {
            Err(ApiKeyError::NotRandom)
        }
    }

    pub fn hash(&self) -> KeyHash {
        KeyHash(Sha256::digest(self.0.as_bytes()).into())
    }

    /// The key itself, to be shown to whoever had it made, once.
    pub fn reveal(&self) -> String {
        self.0.hyphenated().to_string()
    }
}

impl FromStr for ApiKey {
    type Err = ApiKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The parser also takes braces, `urn:uuid:` and no dashes; one spelling is enough.
        if text.len() != 36 {
            return Err(ApiKeyError::NotUuid);
        }
        Uuid::try_parse(text)
            .map(Self)
            .map_err(|_| ApiKeyError::NotUuid)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey(..)")
    }
}

impl KeyHash {
    /// Reads a stored hash; `None` if it has not 32 bytes.
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "9b7682b7-cbce-422f-9bbb-ecda85e61695";

    #[test]
    fn a_key_has_the_same_hash_in_either_case_and_no_other_has() {
        let key: ApiKey = KEY.parse().unwrap();
        assert_eq!(
            key.hash(),
            KEY.to_uppercase().parse::<ApiKey>().unwrap().hash()
        );
        assert_ne!(key.hash(), ApiKey::generate().hash());
        assert_eq!(
            key.hash(),
            KeyHash::from_stored(key.hash().as_bytes()).unwrap()
        );
    }

    #[test]
    fn only_the_form_with_dashes_is_a_key() {
        for text in [
            "",
            "9b7682b7cbce422f9bbbecda85e61695",
            "{9b7682b7-cbce-422f-9bbb-ecda85e61695}",
            "not-a-key",
            "9b7682b7-cbce-422f-9bbb-ecda85e6169é",
        ] {
            assert_eq!(
                text.parse::<ApiKey>().unwrap_err(),
                ApiKeyError::NotUuid,
                "{text}"
            );
        }
    }

    #[test]
    fn a_chosen_key_must_be_random() {
        assert!(ApiKey::chosen(KEY).is_ok());
        assert_eq!(
            ApiKey::chosen("9b7682b7-cbce-122f-9bbb-ecda85e61695").unwrap_err(),
            ApiKeyError::NotRandom
        );
        assert_eq!(
            ApiKey::chosen("00000000-0000-0000-0000-000000000000").unwrap_err(),
            ApiKeyError::NotRandom
        );
        // Version 4 in the digit for the version, but not of the variant whose versions are counted.
        assert_eq!(
            ApiKey::chosen("9b7682b7-cbce-422f-0bbb-ecda85e61695").unwrap_err(),
            ApiKeyError::NotRandom
        );
    }

    #[test]
    fn a_key_is_not_shown_by_accident() {
        let key = ApiKey::generate();
        assert_eq!(format!("{key:?}"), "ApiKey(..)");
        assert_eq!(key.reveal().parse::<ApiKey>().unwrap().hash(), key.hash());
    }
}
