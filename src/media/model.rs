//! A stored file.

use super::file_name::FileName;
use crate::values::MediaId;

/// What is known of a stored file beside its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaFile {
    pub id: MediaId,
    pub facts: FileFacts,
}

/// What an upload says of its file, after it was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    pub file_name: FileName,
    /// One of [`super::kinds`].
    pub mimetype: String,
    /// In bytes.
    pub length: u64,
}
