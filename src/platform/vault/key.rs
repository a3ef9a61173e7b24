//! The master key and its public name.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::Rng as _;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::error::MasterKeyError;

/// Length of a master key in bytes.
const KEY_LENGTH: usize = 32;

/// Keeps the name of a key apart from every other hash that is ever made of one.
const KEY_ID_LABEL: &[u8] = b"nexus-gateway master key id v1";

/// The key that seals every stored secret. It is wiped from memory when it is dropped, and nothing prints it.
pub struct MasterKey {
    bytes: Zeroizing<[u8; KEY_LENGTH]>,
}

impl MasterKey {
    /// Draws a fresh key.
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
        rand::rng().fill_bytes(bytes.as_mut_slice());
        Self { bytes }
    }

    /// Reads a key of 32 bytes from base64 with padding; white space around it is dropped, since files end with a line break.
    pub fn from_base64(text: &str) -> Result<Self, MasterKeyError> {
        let decoded = STANDARD.decode(text.trim()).map(Zeroizing::new);
        let decoded = decoded.map_err(|_| MasterKeyError::NotBase64)?;
        if decoded.len() != KEY_LENGTH {
            return Err(MasterKeyError::WrongLength(decoded.len()));
        }
        let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
        bytes.copy_from_slice(&decoded);
        Ok(Self { bytes })
    }

    /// The text that [`MasterKey::from_base64`] reads, for the one place that stores a key it has drawn.
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.bytes.as_slice()))
    }

    /// The public name of this key.
    pub fn id(&self) -> KeyId {
        let hash = Sha256::new_with_prefix(KEY_ID_LABEL)
            .chain_update(self.bytes.as_slice())
            .finalize();
        let mut id = [0; KeyId::LENGTH];
        id.copy_from_slice(&hash[..KeyId::LENGTH]);
        KeyId(id)
    }

    pub(super) fn as_bytes(&self) -> &[u8; KEY_LENGTH] {
        &self.bytes
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MasterKey({})", self.id())
    }
}

/// Names a master key without telling anything about it: the first bytes of a hash. Shown as hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; Self::LENGTH]);

impl KeyId {
    /// Length in a sealed value, in bytes.
    pub(super) const LENGTH: usize = 8;

    pub(super) fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    pub(super) fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyId({self})")
    }
}
