//! Why API keys are not made, changed or shown.

use crate::provisioning::directory::RefreshError;

/// Nothing has been stored when one of these is returned, but for [`ApiKeysError::Refresh`].
#[derive(Debug, thiserror::Error)]
pub enum ApiKeysError {
    #[error("there is no such API key")]
    NoKey,
    #[error(
        "this API key may not make or change one with more permissions or another tenant than its own"
    )]
    Escalation,
    #[error("this API key may not act for this tenant")]
    OtherTenant,
    #[error("this API key cannot be taken, choose another")]
    Taken,
    #[error(transparent)]
    Refresh(#[from] RefreshError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}
