//! Watches what holds the feed back: it is read only below the oldest write transaction that is open anywhere on the
//! server, so one that somebody forgot to end makes the feed stand still.

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tracing::{info, warn};

use crate::history::model::Horizon;
use crate::history::store;
use crate::platform::clock::Clock;
use crate::platform::database::{Database, within};
use crate::platform::lifecycle::Lifecycle;
use crate::platform::telemetry::metric;

/// How long asking who holds it may take, also where the store answers nothing.
const LOOK_TIME_MAX: Duration = Duration::from_secs(5);
/// No write transaction of ours takes as long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks at each horizon that a tick has `seen`, until the stop.
pub fn watch(
    database: &Database,
    clock: &Clock,
    mut seen: watch::Receiver<Horizon>,
    lifecycle: &Lifecycle,
) {
    let (database, clock, draining) = (database.clone(), clock.clone(), lifecycle.draining());
    lifecycle.spawn_until_stop("feed horizon", async move {
        let mut watch = Watch::default();
        loop {
            tokio::select! {
                changed = seen.changed() => if changed.is_err() { return },
                () = draining.cancelled() => return,
            }
            let horizon = *seen.borrow_and_update();
            watch.look_at(horizon, &database, &clock).await;
        }
    });
}

/// The horizon and since when it has been where it is.
#[derive(Debug, Default)]
struct Watch {
    since: Option<(i64, Instant)>,
    told: bool,
}

impl Watch {
    async fn look_at(&mut self, horizon: Horizon, database: &Database, clock: &Clock) {
        let stands = self.look(horizon, clock.monotonic());
        metrics::gauge!(metric::FEED_LAG_SECONDS).set(stands.as_secs_f64());
        if self.is_to_be_told(stands) {
            let holder = within(LOOK_TIME_MAX, async {
                let mut connection = database.jobs.acquire().await?;
                store::transaction_holder(&mut connection, horizon.oldest_open).await
            });
            let holder = holder.await.ok().flatten();
            warn!(
                transaction.holder = holder.as_deref().unwrap_or("unknown"),
                "The feed stands still: a write transaction has been open for over {} s",
                PATIENCE.as_secs()
            );
        }
    }

    /// For how long the horizon has stood still with something behind it.
    fn look(&mut self, horizon: Horizon, now: Instant) -> Duration {
        let stands = self
            .since
            .filter(|(oldest_open, _)| *oldest_open == horizon.oldest_open)
            .filter(|_| horizon.next > horizon.oldest_open);
        if let Some((_, since)) = stands {
            return now.duration_since(since);
        }
        if self.told {
            info!("The feed goes on");
            self.told = false;
        }
        self.since = Some((horizon.oldest_open, now));
        Duration::ZERO
    }

    /// Once for each time that it stands still.
    fn is_to_be_told(&mut self, stands: Duration) -> bool {
        stands > PATIENCE && !std::mem::replace(&mut self.told, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_horizon_that_stands_still_is_told_of_once_and_again_after_it_has_moved() {
        let mut watch = Watch::default();
        // A place in time, from which the others are counted.
        let began = tokio::time::Instant::now().into_std();
        let at = |seconds| began + Duration::from_secs(seconds);
        let horizon = |oldest_open| Horizon {
            oldest_open,
            next: 100,
        };
        let mut told = |oldest_open, seconds| {
            let stands = watch.look(horizon(oldest_open), at(seconds));
            watch.is_to_be_told(stands)
        };
        assert!(!told(7, 0));
        assert!(!told(7, 5));
        assert!(told(7, 6));
        assert!(!told(7, 20));
        assert!(!told(9, 21));
        assert!(told(9, 27));
    }

    #[test]
    fn a_server_on_which_nobody_writes_holds_nothing_back() {
        let mut watch = Watch::default();
        let began = tokio::time::Instant::now().into_std();
        let idle = Horizon {
            oldest_open: 7,
            next: 7,
        };
        watch.look(idle, began);
        assert_eq!(
            watch.look(idle, began + Duration::from_hours(1)),
            Duration::ZERO
        );
    }
}
