//! One organization with one OAuth client, and the switches by which it makes trouble.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::Value;

use super::tokens::Window;
use crate::values::Secret;

/// An organization; clones are the same one.
#[derive(Debug, Clone)]
pub struct GenesysCloud {
    pub(super) client_id: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    grants_asked: AtomicU64,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) client_secret: Secret,
    pub(super) switches: Switches,
    pub(super) tokens: HashMap<String, Window>,
    /// Numbers that were ordered, as they were ordered.
    pub(super) orders: Vec<Value>,
}

/// What can be told to go wrong.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Switches {
    /// How long a token that is granted from now on lives.
    pub token_seconds: u64,
    /// The status of `invalid_client`: 400 or 401.
    pub invalid_client_status: u16,
    /// The login host answers every request with this status.
    pub login_status: Option<u16>,
    /// Requests that a token may make in a minute.
    pub requests_per_minute: u64,
    /// Orders of numbers are taken, and answered with this status.
    pub order_status: Option<u16>,
    /// How long a minute is.
    pub minute_seconds: u64,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            token_seconds: 86_399,
            invalid_client_status: 400,
            login_status: None,
            order_status: None,
            requests_per_minute: 300,
            minute_seconds: 60,
        }
    }
}

impl GenesysCloud {
    pub fn new(client_id: impl Into<String>, client_secret: Secret) -> Self {
        Self {
            client_id: client_id.into(),
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    client_secret,
                    switches: Switches::default(),
                    tokens: HashMap::new(),
                    orders: Vec::new(),
                }),
                grants_asked: AtomicU64::new(0),
            }),
        }
    }

    /// Sets all switches.
    pub fn switch(&self, switches: Switches) {
        self.state().switches = switches;
    }

    /// Another secret of the client: the one before is not taken any more, and its tokens are.
    pub fn change_secret(&self, client_secret: Secret) {
        self.state().client_secret = client_secret;
    }

    /// No token that was granted so far is good any more.
    pub fn revoke_tokens(&self) {
        self.state().tokens.clear();
    }

    /// How often a token was asked for, granted or not.
    pub fn grants_asked(&self) -> u64 {
        self.shared.grants_asked.load(Ordering::SeqCst)
    }

    /// The numbers that were ordered, as they were ordered.
    pub fn orders(&self) -> Vec<Value> {
        self.state().orders.clone()
    }

    pub(super) fn count_grant(&self) -> u64 {
        self.shared.grants_asked.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can leave it half changed.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
