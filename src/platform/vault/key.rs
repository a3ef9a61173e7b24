//! The master key and its public name.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac as _};
use rand::Rng as _;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::error::MasterKeyError;

/// Length of a master key in bytes.
const KEY_LENGTH: usize = 32;

/// Keeps the name of a key apart from every other hash that is ever made of one.
const KEY_ID_LABEL: &[u8] = b"nexus-gateway master key id v1";

/// Keeps what other keys are derived from apart from the master key itself.
const DERIVATION_LABEL: &[u8] = b"nexus-gateway derived keys v1";

/// The key that seals every stored secret. It is wiped from memory when it is dropped, and nothing prints it.
///
/// ```
/// let key = nexus_gateway::platform::vault::MasterKey::generate();
/// let (text, name) = (key.to_base64(), key.id());
/// println!("{name} {}", serde_json::to_string(text.as_str()).unwrap());
/// ```
///
/// It is not displayed:
///
/// ```compile_fail,E0277
/// let key = nexus_gateway::platform::vault::MasterKey::generate();
/// println!("{key}");
/// ```
///
/// Nor serialised:
///
/// ```compile_fail,E0277
/// let key = nexus_gateway::platform::vault::MasterKey::generate();
/// serde_json::to_string(&key).unwrap();
/// ```
///
/// And there is one of it:
///
/// ```compile_fail,E0599
/// let key = nexus_gateway::platform::vault::MasterKey::generate();
/// let copy = key.clone();
/// ```
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

    /// What keys for other purposes are made from: it opens nothing that this key has sealed.
    pub(super) fn derivation(&self) -> DerivedKey {
        DerivedKey::made(self.bytes.as_slice(), DERIVATION_LABEL)
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

/// What a vault is made of.
#[derive(Debug)]
pub struct MasterKeys {
    /// Seals.
    pub current: MasterKey,
    /// Open what they have sealed.
    pub others: Vec<MasterKey>,
}

/// A key that was made from another: HMAC-SHA256 of what it is for. It is wiped from memory when it is dropped.
pub struct DerivedKey {
    bytes: Zeroizing<[u8; KEY_LENGTH]>,
    replaced_at_ms: Option<i64>,
}

impl DerivedKey {
    /// One that was kept when its master key was replaced; `None` if it has another length.
    pub(super) fn kept(bytes: &[u8], replaced_at_ms: Option<i64>) -> Option<Self> {
        let bytes: &[u8; KEY_LENGTH] = bytes.try_into().ok()?;
        Some(Self {
            bytes: Zeroizing::new(*bytes),
            replaced_at_ms,
        })
    }

    pub(super) fn derive(&self, purpose: &str) -> Self {
        Self {
            replaced_at_ms: self.replaced_at_ms,
            ..Self::made(self.bytes.as_slice(), purpose.as_bytes())
        }
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    /// When its master key was replaced and is not configured any more, in Unix milliseconds: nothing newer was made with
    /// it.
    pub fn replaced_at_ms(&self) -> Option<i64> {
        self.replaced_at_ms
    }

    fn made(from: &[u8], purpose: &[u8]) -> Self {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(from)
            .expect("an HMAC takes a key of any length");
        mac.update(purpose);
        Self {
            bytes: Zeroizing::new(mac.finalize().into_bytes().into()),
            replaced_at_ms: None,
        }
    }
}

impl fmt::Debug for DerivedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DerivedKey(..)")
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

    /// As sealed values begin with it, behind their format.
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
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
