//! Compares the lanes of this replica with the table: the net under wake-ups that were lost. Lanes that send are no
//! exception: what was stored late may lie before a lane's cursor, and one that is never idle would never come to it.
//!
//! A lane in which millions wait for their time takes a second to look through. So this is no part of the tick, whose
//! lateness others would take for death, and it rests a hundred times as long as it has worked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::warn;

use crate::lanes::ownership::{LaneSignal, Ownership};
use crate::lanes::store;
use crate::platform::clock::Clock;
use crate::platform::database::{Pool, within};
use crate::platform::lifecycle::Lifecycle;
use crate::platform::telemetry::metric;

/// Between two sweeps, at least.
const INTERVAL: Duration = Duration::from_secs(15);
/// How much longer it rests than it works.
const REST: u32 = 100;
/// One sweep, also where the store answers nothing.
const SWEEP_TIME_MAX: Duration = Duration::from_secs(30);

/// Sweeps until the stop.
pub fn start(pool: &Pool, clock: &Clock, ownership: &Arc<Ownership>, lifecycle: &Lifecycle) {
    let (pool, clock, ownership) = (pool.clone(), clock.clone(), Arc::clone(ownership));
    let draining = lifecycle.draining();
    lifecycle.spawn_until_stop("sweep", async move {
        let mut rest = INTERVAL;
        while tokio::time::timeout(rest, draining.cancelled())
            .await
            .is_err()
        {
            let began = Instant::now();
            if let Err(error) =
                within(SWEEP_TIME_MAX, sweep(&pool, &ownership, clock.now_ms())).await
            {
                metrics::counter!(metric::LANE_READS_FAILED).increment(1);
                warn!(error.cause = %error, "Lanes could not be compared with the table; the next sweep goes on");
            }
            rest = INTERVAL.max(began.elapsed() * REST);
        }
    });
}

/// Sends every lane that has something to send to read it.
async fn sweep(pool: &Pool, ownership: &Ownership, now_ms: i64) -> sqlx::Result<()> {
    let lanes: Vec<i64> = ownership.lanes().into_iter().map(|lane| lane.0).collect();
    if lanes.is_empty() {
        return Ok(());
    }
    let mut connection = pool.acquire().await?;
    for lane in store::lanes_with_work(&mut connection, &lanes, now_ms).await? {
        ownership.signal(lane, LaneSignal::ReadAgain);
    }
    Ok(())
}
