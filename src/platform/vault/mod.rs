//! Seals the secrets that the database keeps: webhook and API secrets, provider credentials. It also derives keys that
//! are not kept anywhere.
//!
//! A sealed value is bound to its tenant, table and row, so one that was copied elsewhere does not open. It owns neither
//! the rows nor the key's file, only the register of the keys that were used. The format, in bytes:
//!
//! ```text
//! | format 1 | key id 8 | nonce 24 | ciphertext, as long as the plaintext | tag 16 |
//! ```

mod error;
mod key;
mod pseudonym;
pub mod register;
mod store;
#[cfg(test)]
mod tests;
mod token;

use std::fmt;

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use rand::Rng as _;
use uuid::Uuid;
use zeroize::Zeroizing;

pub use self::error::{MasterKeyError, VaultError};
pub use self::key::{DerivedKey, KeyId, MasterKey, MasterKeys};
pub use self::pseudonym::Pseudonyms;
pub use self::token::Tokens;
use crate::platform::telemetry::metric;
use crate::values::Ccid;

/// XChaCha20-Poly1305 with the associated data of [`SealContext::associated_data`].
const FORMAT: u8 = 1;
const NONCE_LENGTH: usize = 24;
const TAG_LENGTH: usize = 16;
const KEY_ID_START: usize = 1;
const NONCE_START: usize = KEY_ID_START + KeyId::LENGTH;
const CIPHERTEXT_START: usize = NONCE_START + NONCE_LENGTH;
const SHORTEST: usize = CIPHERTEXT_START + TAG_LENGTH;

/// The one place where a sealed value is valid.
#[derive(Debug, Clone, Copy)]
pub struct SealContext<'a> {
    pub ccid: Ccid,
    pub table: &'static str,
    /// The row's key within the tenant, for instance a service's name.
    pub row: &'a str,
}

impl SealContext<'_> {
    /// What is authenticated beside the plaintext. Each part is preceded by its length (8 bytes, big endian), so that no
    /// two contexts run together into the same bytes.
    fn associated_data(&self, key_id: KeyId) -> Vec<u8> {
        let tenant = self.ccid.as_uuid();
        let parts: [&[u8]; 5] = [
            &[FORMAT],
            key_id.as_bytes(),
            tenant.as_bytes(),
            self.table.as_bytes(),
            self.row.as_bytes(),
        ];
        let mut data = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
        for part in parts {
            data.extend_from_slice(&(part.len() as u64).to_be_bytes());
            data.extend_from_slice(part);
        }
        data
    }
}

/// A sealed value with the place where it is stored.
#[derive(Debug)]
pub struct SealedRow {
    pub ccid: Uuid,
    /// As [`SealContext::row`].
    pub row: String,
    pub sealed: Vec<u8>,
}

/// Seals with the current master key, opens with that one and with others.
pub struct Vault {
    current: NamedCipher,
    others: Vec<NamedCipher>,
    /// What keys that are not configured any more have left.
    kept: Vec<DerivedKey>,
}

impl Vault {
    /// A vault with one master key.
    pub fn new(key: MasterKey) -> Self {
        Self::with_others(key, [])
    }

    /// A vault that also opens what other master keys have sealed; [`Vault::is_current`] says what is to be sealed anew.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the vault takes the keys over, so that no other copy of them stays in memory"
    )]
    pub fn with_others(current: MasterKey, others: impl IntoIterator<Item = MasterKey>) -> Self {
        Self {
            current: NamedCipher::new(&current),
            others: others
                .into_iter()
                .map(|key| NamedCipher::new(&key))
                .collect(),
            kept: Vec::new(),
        }
    }

    /// Seals `plaintext` for one place. Sealing the same twice gives different bytes.
    ///
    /// # Panics
    ///
    /// If the plaintext is longer than the cipher allows, which is 256 GiB.
    pub fn seal(&self, context: &SealContext<'_>, plaintext: &[u8]) -> Vec<u8> {
        let mut nonce = XNonce::default();
        rand::rng().fill_bytes(nonce.as_mut_slice());
        let payload = Payload {
            msg: plaintext,
            aad: &context.associated_data(self.current.id),
        };
        let ciphertext = self
            .current
            .cipher
            .encrypt(&nonce, payload)
            .expect("no value of ours reaches the cipher's limit of 256 GiB");

        let mut sealed = Vec::with_capacity(CIPHERTEXT_START + ciphertext.len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(self.current.id.as_bytes());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        sealed
    }

    /// Opens what [`Vault::seal`] made for the same place. The plaintext is wiped from memory when it is dropped.
    ///
    /// # Errors
    ///
    /// [`VaultError`]; a value of another place is told apart from a changed one by nobody.
    pub fn open(
        &self,
        context: &SealContext<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let opened = self.try_open(context, sealed);
        if opened.is_err() {
            metrics::counter!(metric::SEALED_VALUES_NOT_OPENED, "table" => context.table)
                .increment(1);
        }
        opened
    }

    fn try_open(
        &self,
        context: &SealContext<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let key_id = sealing_key(sealed)?;
        let cipher = self
            .keys()
            .find(|named| named.id == key_id)
            .map(|named| &named.cipher)
            .ok_or(VaultError::UnknownKey(key_id))?;

        let mut nonce = XNonce::default();
        nonce.copy_from_slice(&sealed[NONCE_START..CIPHERTEXT_START]);
        let payload = Payload {
            msg: &sealed[CIPHERTEXT_START..],
            aad: &context.associated_data(key_id),
        };
        let plaintext = cipher.decrypt(&nonce, payload);
        plaintext
            .map(Zeroizing::new)
            .map_err(|_| VaultError::Refused)
    }

    /// Seals anew with the current master key what another one has sealed for the same place.
    pub fn reseal(&self, context: &SealContext<'_>, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let plaintext = self.open(context, sealed)?;
        Ok(self.seal(context, &plaintext))
    }

    /// Keys for another purpose than sealing, one of each master key, the current one's first and those of replaced ones
    /// last. The same master key and purpose give the same key.
    pub fn derived_keys(&self, purpose: &str) -> Vec<DerivedKey> {
        self.keys()
            .map(|named| &named.derivation)
            .chain(&self.kept)
            .map(|derivation| derivation.derive(purpose))
            .collect()
    }

    /// Whether the current master key sealed this value; otherwise it is due to be sealed anew.
    pub fn is_current(&self, sealed: &[u8]) -> Result<bool, VaultError> {
        sealing_key(sealed).map(|key_id| key_id == self.current.id)
    }

    /// The name of the master key that seals.
    pub fn current_id(&self) -> KeyId {
        self.current.id
    }

    /// The names of all configured master keys.
    fn key_ids(&self) -> impl Iterator<Item = KeyId> {
        self.keys().map(|named| named.id)
    }

    fn knows(&self, key_id: KeyId) -> bool {
        self.key_ids().any(|known| known == key_id)
    }

    fn derivation_of(&self, key_id: KeyId) -> Option<&DerivedKey> {
        let named = self.keys().find(|named| named.id == key_id)?;
        Some(&named.derivation)
    }

    fn keys(&self) -> impl Iterator<Item = &NamedCipher> {
        std::iter::once(&self.current).chain(&self.others)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Vault({})", self.current.id)
    }
}

/// A key made ready, with its name. The cipher wipes its key when it is dropped.
struct NamedCipher {
    id: KeyId,
    cipher: XChaCha20Poly1305,
    /// What other keys are made from.
    derivation: DerivedKey,
}

impl NamedCipher {
    fn new(key: &MasterKey) -> Self {
        Self {
            id: key.id(),
            cipher: XChaCha20Poly1305::new(key.as_bytes().into()),
            derivation: key.derivation(),
        }
    }
}

/// Reads which key sealed a value, and refuses what cannot be one.
fn sealing_key(sealed: &[u8]) -> Result<KeyId, VaultError> {
    if sealed.len() < SHORTEST {
        return Err(VaultError::TooShort {
            length: sealed.len(),
            shortest: SHORTEST,
        });
    }
    if sealed[0] != FORMAT {
        return Err(VaultError::UnknownFormat(sealed[0]));
    }
    let mut key_id = [0; KeyId::LENGTH];
    key_id.copy_from_slice(&sealed[KEY_ID_START..NONCE_START]);
    Ok(KeyId::from_bytes(key_id))
}
