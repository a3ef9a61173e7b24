//! Why a sealed value does not open.

use super::key::KeyId;

/// Why the vault did not open a sealed value. None of these says anything about the value itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// Fewer bytes than the shortest sealed value has: the row was cut off.
    #[error("the sealed value has {length} bytes, and the shortest has {shortest}")]
    TooShort { length: usize, shortest: usize },
    #[error("the sealed value has the unknown format {0}")]
    UnknownFormat(u8),
    /// The master key that sealed it is not configured here.
    #[error("the value was sealed with the master key {0}, which is not configured")]
    UnknownKey(KeyId),
    /// Changed after it was sealed, or sealed for another tenant, table or row.
    #[error("the sealed value does not belong here or was changed")]
    Refused,
}

/// Why a text is not a master key. It never shows the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyError {
    #[error("the master key is not base64")]
    NotBase64,
    #[error("the master key has {0} bytes instead of 32")]
    WrongLength(usize),
}
