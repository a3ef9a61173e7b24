//! Waking across replicas: which lanes have new rows, and that the feed has grown.
//!
//! Notifications are sent outside the accept's transaction, at most one statement at a time, with everything that
//! came meanwhile in one. A lost one costs at most the interval of the replica's sweep.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{ConnectOptions, PgConnection};
use tokio::sync::{Notify, watch};
use tracing::warn;

use crate::lanes::model::LaneId;
use crate::lanes::ownership::{LaneSignal, Ownership};
use crate::lanes::store;
use crate::messages::accept::AfterAccept;
use crate::platform::lifecycle::Lifecycle;
use crate::platform::telemetry::metric;

/// The one channel of notifications; the payload is a list of lanes.
const CHANNEL: &str = "nexus_gateway_lanes";
/// A payload may have 8,000 bytes; a lane's number has at most 19 digits.
const LANES_PER_NOTIFICATION: usize = 350;
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// Collects what others have to know; cheap to clone.
#[derive(Debug, Clone)]
pub struct Waker {
    lanes: Arc<Mutex<BTreeSet<i64>>>,
    something: Arc<Notify>,
    feed: watch::Sender<u64>,
}

impl Waker {
    /// Starts the sender and the listener.
    pub fn start(
        connect: PgConnectOptions,
        ownership: Arc<Ownership>,
        lifecycle: &Lifecycle,
    ) -> Self {
        let waker = Self {
            lanes: Arc::default(),
            something: Arc::default(),
            feed: watch::Sender::new(0),
        };
        let sender = waker.clone();
        let (connect_sender, over) = (connect.clone(), lifecycle.over());
        lifecycle.spawn_until_stop("wake-up sender", async move {
            tokio::select! {
                () = sender.send_all(connect_sender) => {}
                () = over.cancelled() => {}
            }
        });
        let over = lifecycle.over();
        lifecycle.spawn_until_stop("wake-up listener", async move {
            tokio::select! {
                () = listen(connect, ownership) => {}
                () = over.cancelled() => {}
            }
        });
        waker
    }

    /// Changes each time that this process has committed an event.
    pub fn feed(&self) -> watch::Receiver<u64> {
        self.feed.subscribe()
    }

    async fn send_all(self, connect: PgConnectOptions) {
        let mut connection: Option<PgConnection> = None;
        loop {
            self.something.notified().await;
            while let Some(payload) = self.next_payload() {
                if let Err(error) = send(&mut connection, &connect, &payload).await {
                    metrics::counter!(metric::WAKE_UPS_FAILED).increment(1);
                    warn!(error.cause = %error, "Owners of lanes could not be woken; their sweep finds the rows");
                    connection = None;
                    tokio::time::sleep(RETRY_INTERVAL).await;
                }
            }
        }
    }

    fn next_payload(&self) -> Option<String> {
        let mut waiting = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lanes: Vec<i64> = waiting
            .iter()
            .copied()
            .take(LANES_PER_NOTIFICATION)
            .collect();
        for lane in &lanes {
            waiting.remove(lane);
        }
        (!lanes.is_empty()).then(|| {
            lanes
                .iter()
                .map(i64::to_string)
                .collect::<Vec<_>>()
                .join(",")
        })
    }
}

impl AfterAccept for Waker {
    fn wake_owners(&self, lanes: Vec<LaneId>) {
        self.lanes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(lanes.into_iter().map(|lane| lane.0));
        self.something.notify_one();
    }

    fn feed_grew(&self) {
        self.feed.send_modify(|count| *count += 1);
    }
}

async fn send(
    connection: &mut Option<PgConnection>,
    connect: &PgConnectOptions,
    payload: &str,
) -> sqlx::Result<()> {
    let open = match connection.take() {
        Some(open) => open,
        None => connect.connect().await?,
    };
    store::notify(connection.insert(open), CHANNEL, payload).await
}

/// Listens for ever; after a lost connection every lane of ours looks for rows, since notifications were lost with it.
async fn listen(connect: PgConnectOptions, ownership: Arc<Ownership>) {
    // The listener's connection is never borrowed for anything else.
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(2))
        .connect_lazy_with(connect);
    loop {
        if let Err(error) = listen_once(&pool, &ownership).await {
            metrics::counter!(metric::WAKE_UPS_FAILED).increment(1);
            warn!(error.cause = %error, "The listener for wake-ups lost its connection");
        }
        tokio::time::sleep(RETRY_INTERVAL).await;
        for lane in ownership.lanes() {
            ownership.signal(lane, LaneSignal::LookForRows);
        }
    }
}

async fn listen_once(pool: &sqlx::PgPool, ownership: &Ownership) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    while let Some(notification) = listener.try_recv().await? {
        for lane in notification
            .payload()
            .split(',')
            .filter_map(|lane| lane.parse().ok())
        {
            ownership.signal(LaneId(lane), LaneSignal::LookForRows);
        }
    }
    Ok(())
}
