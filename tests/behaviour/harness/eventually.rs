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
    probe: impl AsyncFnMut() -> Option<T>,
) -> T {
    match in_time(within, probe).await {
        Some(found) => found,
        None => panic!("not within {} s: {what}", within.as_secs()),
    }
}

/// The same for whoever has more to say where it came to nothing: `None` when the time is over.
pub async fn in_time<T>(within: Duration, mut probe: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        let found = probe().await;
        if found.is_some() || started.elapsed() >= within {
            return found;
        }
        sleep(Duration::from_millis(20)).await;
    }
}
