//! Why provisioning refuses.

use super::directory::RefreshError;
use super::model::ServiceName;
use crate::platform::vault::VaultError;
use crate::values::SectionName;

/// One thing that is wrong with what was sent, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// A JSON pointer into the request's body.
    pub path: String,
    pub message: String,
}

impl Fault {
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }
}

/// A row that this release does not understand: another release or another hand wrote it.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("a stored {0} cannot be read")]
pub struct UnreadableRow(pub &'static str);

/// Why services and senders are not changed or shown. Nothing has been stored when one of these is returned.
#[derive(Debug, thiserror::Error)]
pub enum ProvisioningError {
    #[error("this tenant has no service {0}")]
    NoService(ServiceName),
    #[error("the provider of {0} calls under no address of the service's own")]
    NoCallbacks(ServiceName),
    #[error("this tenant has no sender section {0}")]
    NoSection(SectionName),
    #[error("what was sent is not allowed")]
    Invalid(Vec<Fault>),
    #[error("a sealed secret cannot be opened")]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Unreadable(#[from] UnreadableRow),
    #[error(transparent)]
    Refresh(#[from] RefreshError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}
