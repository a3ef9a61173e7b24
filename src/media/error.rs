//! Why files are refused.

use std::io;

use super::file_name::FileNameError;
use super::kinds::WrongKind;

/// Why an upload was not taken. Closed: the mapping to HTTP in `routes` names every one. Nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub enum UploadRefused {
    #[error("the upload must be multipart/form-data with a boundary")]
    NotMultipart,
    #[error("a file may have at most {file_bytes_max} bytes")]
    TooLarge { file_bytes_max: u64 },
    #[error("the body ended before its end")]
    BodyEnded,
    #[error("the body did not arrive in time")]
    BodyLate,
    #[error("the body is not multipart/form-data as its boundary says")]
    Malformed,
    #[error("the form has too many parts")]
    TooManyParts,
    #[error("the form has no part named file")]
    NoFile,
    #[error("the form has more than one part named file; upload them one by one")]
    SeveralFiles,
    #[error("the file is empty")]
    Empty,
    #[error("{0}")]
    FileName(#[from] FileNameError),
    #[error("{0}")]
    Kind(#[from] WrongKind),
    #[error("too many uploads are under way; try again")]
    Busy,
    #[error("the files of this tenant would have more than {bytes_max} bytes together")]
    TenantFull { bytes_max: u64 },
    #[error("the upload cannot be kept until it is stored")]
    Spool(#[source] io::Error),
    #[error("the store is not available")]
    Database(#[from] sqlx::Error),
}

impl UploadRefused {
    /// As the metric calls it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotMultipart
            | Self::BodyEnded
            | Self::BodyLate
            | Self::Malformed
            | Self::TooManyParts
            | Self::NoFile
            | Self::SeveralFiles
            | Self::Empty
            | Self::FileName(_) => "malformed",
            Self::TooLarge { .. } => "too_large",
            Self::Kind(_) => "wrong_type",
            Self::Busy => "busy",
            Self::TenantFull { .. } => "tenant_full",
            Self::Spool(_) | Self::Database(_) => "unavailable",
        }
    }
}

/// Why a message may not refer to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceRefused {
    #[error("is not a reference to a file of this tenant")]
    Unknown,
    #[error("refers to a file that is too old to be sent; upload it again")]
    TooOld,
    #[error(
        "refers to a stored file, which this gateway cannot link to: its server.public_url is not set"
    )]
    NoLinks,
}
