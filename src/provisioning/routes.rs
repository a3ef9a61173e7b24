//! All HTTP over provisioning, put together.

mod signatures;

use std::sync::Arc;

use axum::extract::FromRef;
use utoipa_axum::router::OpenApiRouter;

use super::api_keys::{self, ApiKeys};
use super::change::Change;
use super::directory::Directory;
use super::numbers::{self, Numbers};
use super::senders::{self, Senders};
use super::services::{self, Services};
use super::transfer::{self, Transfer};
use crate::audit::Entry;
use crate::auth::Keyring;
use crate::lanes::ownership::Ownership;
use crate::platform::clock::Clock;
use crate::platform::database::Pool;
use crate::platform::http::ApiError;
use crate::platform::http::envelope::Answer;
use crate::platform::http::idempotency::{self, IdempotencyKeys, KeyedCall};
use crate::platform::lifecycle::Lifecycle;
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
    /// Under what the outside reaches us.
    pub public_url: Option<String>,
    pub keys: IdempotencyKeys,
    pub numbers: Numbers,
    pub ownership: Arc<Ownership>,
    pub lifecycle: Lifecycle,
}

/// A change that is made once, whatever its caller repeats.
#[derive(Debug)]
pub enum Begun {
    Anew(Change),
    /// It was made before; this was its answer.
    Before(Answer),
}

/// Keys, services, senders and numbers, with the base path.
pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::default()
        .merge(api_keys::routes::routes())
        .merge(services::routes::routes())
        .merge(senders::routes::routes())
        .merge(transfer::routes::routes())
        .merge(signatures::routes())
        .merge(numbers::routes::routes())
}

impl State {
    /// Begins a change that is made once, or answers what it was answered the first time.
    pub async fn begin_once(&self, call: Option<&KeyedCall>) -> Result<Begun, ApiError> {
        match self.keys.open(&self.pool, call.cloned()).await? {
            idempotency::Begun::Before(answer) => Ok(Begun::Before(answer)),
            idempotency::Begun::Anew(work) => {
                let change = Change::within(work.into_transaction()).await;
                Ok(Begun::Anew(change.map_err(ApiError::unavailable)?))
            }
        }
    }

    /// Ends a change that is made once with its answer and its record, and puts it in force here.
    pub async fn finish_once(
        &self,
        mut change: Change,
        call: Option<&KeyedCall>,
        (answer, record): (&Answer, &Entry),
    ) -> Result<(), ApiError> {
        let now_ms = self.clock.now_ms();
        let connection = change.connection();
        self.keys.keep(connection, call, answer, now_ms).await?;
        let committed = change.commit(record, (&self.pool, &self.directory)).await;
        committed.map_err(ApiError::unavailable)
    }
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
            has_public_url: state.public_url.is_some(),
        }
    }
}

impl FromRef<State> for Numbers {
    fn from_ref(state: &State) -> Self {
        state.numbers.clone()
    }
}

impl FromRef<State> for Transfer {
    fn from_ref(state: &State) -> Self {
        Self {
            services: Services::from_ref(state),
        }
    }
}
