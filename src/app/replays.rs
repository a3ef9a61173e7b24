//! Dead letters that are sent again in bulk: the task and the routes.

use crate::config::Config;
use crate::messages;
use crate::platform::lifecycle::Lifecycle;
use crate::replays::routes::{Limits, State};
use crate::replays::runner::Runner;

/// Starts the task, and gives what the routes over it reach.
pub(super) fn start(
    config: &Config,
    messages: &messages::routes::State,
    lifecycle: &Lifecycle,
) -> State {
    State {
        keyring: messages.keyring.clone(),
        clock: messages.clock.clone(),
        desk: messages.desk.clone(),
        keys: messages.keys.clone(),
        wake: Runner::start(messages.desk.clone(), lifecycle),
        limits: Limits {
            running_max: i64::from(config.replays.running_max),
            ended_max: i64::from(config.replays.ended_max),
        },
    }
}
