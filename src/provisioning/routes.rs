//! All HTTP over provisioning, put together.

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;

use super::api_keys::{self, ApiKeys};
use super::directory::Directory;
use super::senders::{self, Senders};
use super::services::{self, Services};
use crate::auth::Keyring;
use crate::platform::clock::Clock;
use crate::platform::database::Pool;
use crate::platform::outbound::AddressGuard;
use crate::platform::vault::Vault;

/// What these handlers may reach.
#[derive(Debug, Clone)]
pub struct State {
    pub pool: Pool,
    pub directory: Directory,
    pub vault: Arc<Vault>,
    pub clock: Clock,
    pub guard: AddressGuard,
    /// Refuse webhook URLs of plain `http`.
    pub https_only: bool,
}

/// Keys, services and senders, with the base path.
pub fn routes(state: State) -> Router {
    Router::new()
        .merge(api_keys::routes::routes())
        .merge(services::routes::routes())
        .merge(senders::routes::routes())
        .with_state(state)
}

impl FromRef<State> for Keyring {
    fn from_ref(state: &State) -> Self {
        state.directory.keyring().clone()
    }
}

impl FromRef<State> for Clock {
    fn from_ref(state: &State) -> Self {
        state.clock.clone()
    }
}

impl FromRef<State> for ApiKeys {
    fn from_ref(state: &State) -> Self {
        Self {
            pool: state.pool.clone(),
            directory: state.directory.clone(),
        }
    }
}

impl FromRef<State> for Senders {
    fn from_ref(state: &State) -> Self {
        Self {
            pool: state.pool.clone(),
            directory: state.directory.clone(),
        }
    }
}

impl FromRef<State> for Services {
    fn from_ref(state: &State) -> Self {
        Self {
            pool: state.pool.clone(),
            directory: state.directory.clone(),
            vault: Arc::clone(&state.vault),
            guard: state.guard.clone(),
            https_only: state.https_only,
        }
    }
}
