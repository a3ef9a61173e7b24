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
