//! `api-key create`: a key for a deployment whose gateway is not running yet.

use std::ffi::OsString;
use std::io::Write;

use super::ApiKeyCommand;
use crate::app::{self, StartError};
use crate::auth::KeyTenant;
use crate::auth::permission::{PermissionError, PermissionSet};
use crate::config::Config;
use crate::platform::clock::Clock;
use crate::provisioning::{self, ApiKeysError, NewKey};

/// Why no key was made.
#[derive(Debug, thiserror::Error)]
pub enum ApiKeyCommandError {
    #[error("{0}")]
    Start(#[from] StartError),
    #[error("--tenant is a ccid or *")]
    Tenant,
    #[error("--permission: {0}")]
    Permission(#[from] PermissionError),
    #[error("{0}")]
    Create(#[from] ApiKeysError),
    #[error("the key was made but could not be printed: {0}")]
    Print(#[from] std::io::Error),
}

pub(super) async fn run(
    config: Config,
    command: ApiKeyCommand,
    search_path: Option<OsString>,
) -> Result<(), ApiKeyCommandError> {
    let ApiKeyCommand::Create {
        tenant,
        name,
        permissions,
    } = command;
    let tenant = match tenant.as_str() {
        "*" => KeyTenant::Every,
        text => KeyTenant::One(text.parse().map_err(|_| ApiKeyCommandError::Tenant)?),
    };
    let permissions = permissions
        .iter()
        .map(|pattern| pattern.parse())
        .collect::<Result<PermissionSet, PermissionError>>()?;
    let new = NewKey {
        chosen: None,
        tenant,
        name,
        permissions,
        enabled: true,
        expires_at: None,
    };
    let clock = Clock::system();
    let store = app::open(&config, &clock, search_path).await?;
    let created = provisioning::create_before_start(&store.database.jobs, new, clock.now()).await;
    store.close().await;
    writeln!(std::io::stdout(), "{}", created?.reveal())?;
    Ok(())
}
