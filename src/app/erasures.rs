//! Persons who are forgotten on request: the task and the routes.

use std::sync::Arc;

use crate::config::Config;
use crate::erasures::routes::{Limits, State};
use crate::erasures::runner::Runner;
use crate::messages;
use crate::platform::lifecycle::Lifecycle;
use crate::platform::vault::{Pseudonyms, Vault};

/// Starts the task, and gives what the routes over it reach.
pub(super) fn start(
    config: &Config,
    messages: &messages::routes::State,
    vault: &Arc<Vault>,
    lifecycle: &Lifecycle,
) -> State {
    State {
        keyring: messages.keyring.clone(),
        clock: messages.clock.clone(),
        desk: messages.desk.clone(),
        keys: messages.keys.clone(),
        vault: Arc::clone(vault),
        pseudonyms: Pseudonyms::new(vault),
        wake: Runner::start(messages.desk.clone(), Arc::clone(vault), lifecycle),
        limits: Limits {
            running_max: i64::from(config.erasures.running_max),
            ended_max: i64::from(config.erasures.ended_max),
        },
    }
}
