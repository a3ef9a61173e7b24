//! The task that writes down the use of keys that open every tenant. Each replica writes what it has seen.
//!
//! A use is on record within seconds and not in the transaction of the call, so that no call waits for it; what a
//! killed process has seen in its last second is lost.

use std::time::Duration;

use tracing::warn;

use super::store;
use crate::auth::uses::KeyUses;
use crate::platform::clock::Clock;
use crate::platform::database::{Pool, within};
use crate::platform::lifecycle::Lifecycle;
use crate::platform::telemetry::metric;

/// Between two writes.
const INTERVAL_MS: i64 = 1_000;
/// One write, also where the store answers nothing.
const PATIENCE: Duration = Duration::from_secs(2);

/// Starts the task. It writes once more when no further call comes in.
pub fn start(pool: &Pool, clock: &Clock, uses: &KeyUses, lifecycle: &Lifecycle) {
    let (pool, clock, uses) = (pool.clone(), clock.clone(), uses.clone());
    let closed = lifecycle.listeners_closed();
    lifecycle.spawn_until_stop("key uses", async move {
        while !closed.is_cancelled() {
            tokio::select! {
                () = clock.sleep_until(clock.now_ms() + INTERVAL_MS) => {}
                () = closed.cancelled() => {}
            }
            write(&pool, &uses).await;
        }
    });
}

async fn write(pool: &Pool, uses: &KeyUses) {
    let (waiting, missed) = uses.take();
    if missed > 0 {
        metrics::counter!(metric::KEY_USES_MISSED).increment(missed);
        warn!(
            uses = missed,
            "Some uses of keys of every tenant are not on record: there were too many at once"
        );
    }
    if waiting.is_empty() {
        return;
    }
    let written = async {
        let mut connection = pool.acquire().await?;
        store::append_uses(&mut connection, &waiting).await
    };
    if let Err(error) = within(PATIENCE, written).await {
        warn!(error.cause = %error, "The use of keys of every tenant could not be written now; it is tried again");
        uses.give_back(waiting);
    }
}
