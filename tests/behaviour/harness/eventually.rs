//! Waiting for a condition, instead of for a time.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Asks `probe` until it has something, and gives that back.
///
/// # Panics
///
/// If it still has nothing when the time is over; the panic names `what` was waited for.
pub async fn eventually<T>(
    what: &str,
    within: Duration,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(
            started.elapsed() < within,
            "not within {} s: {what}",
            within.as_secs()
        );
        sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until nothing is `left`, as long as it takes while it grows less: how long much work takes says something of
/// the machine, a standstill says something of us. `false`: it was no less after `standstill`.
pub async fn dwindles(standstill: Duration, mut left: impl AsyncFnMut() -> usize) -> bool {
    let mut least = usize::MAX;
    let mut since = Instant::now();
    loop {
        let now_left = left().await;
        if now_left == 0 {
            return true;
        }
        if now_left < least {
            (least, since) = (now_left, Instant::now());
        } else if since.elapsed() >= standstill {
            return false;
        }
        sleep(Duration::from_millis(20)).await;
    }
}
