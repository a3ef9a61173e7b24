//! Waking across replicas: which lanes have new rows, and that the feed has grown.
//!
//! Notifications are sent outside the accept's transaction, at most one statement at a time, with everything that
//! came meanwhile in one. A lost one costs at most the interval of the replica's sweep.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{Acquire, ConnectOptions, Connection, PgConnection};
use tokio::sync::{Notify, watch};
use tracing::warn;

use crate::lanes::model::LaneId;
use crate::lanes::ownership::{LaneSignal, Ownership};
use crate::lanes::store;
use crate::messages::accept::AfterAccept;
use crate::platform::database::within;
use crate::platform::lifecycle::Lifecycle;
use crate::platform::telemetry::metric;
use crate::provisioning::directory;

/// The one channel of notifications; the payload is a list of lanes.
const CHANNEL: &str = "nexus_gateway_lanes";
/// A payload may have 8,000 bytes; a lane's number has at most 19 digits.
const LANES_PER_NOTIFICATION: usize = 350;
const RETRY_INTERVAL: Duration = Duration::from_millis(500);
/// Telling, or beginning to listen, takes no longer than this.
const SEND_TIME_MAX: Duration = Duration::from_secs(2);
/// A listener that has heard nothing for so long asks whether it is still connected.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);

/// Collects what others have to know; cheap to clone.
#[derive(Debug, Clone)]
pub struct Waker {
    lanes: Arc<Mutex<BTreeSet<i64>>>,
    something: Arc<Notify>,
    feed: watch::Sender<u64>,
    asked: Asked,
}

/// Told when somebody asks something of every replica; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// To call messages back.
    pub to_cancel: Arc<Notify>,
    /// To look at a newer directory.
    pub to_look: Arc<Notify>,
    /// To give records of who changed what their places.
    pub to_chain: Arc<Notify>,
}

impl Waker {
    /// Starts the sender and the listener.
    pub fn start(
        connect: Arc<PgConnectOptions>,
        ownership: Arc<Ownership>,
        lifecycle: &Lifecycle,
    ) -> Self {
        let waker = Self {
            lanes: Arc::default(),
            something: Arc::default(),
            feed: watch::Sender::new(0),
            asked: Asked::default(),
        };
        let sender = waker.clone();
        let (connect_sender, over) = (connect.clone(), lifecycle.over());
        lifecycle.spawn_until_stop("wake-up sender", async move {
            tokio::select! {
                () = sender.send_all(connect_sender) => {}
                () = over.cancelled() => {}
            }
        });
        let (over, asked) = (lifecycle.over(), waker.asked.clone());
        lifecycle.spawn_until_stop("wake-up listener", async move {
            tokio::select! {
                () = listen(connect, ownership, asked) => {}
                () = over.cancelled() => {}
            }
        });
        waker
    }

    /// What others ask of this replica.
    pub fn asked(&self) -> Asked {
        self.asked.clone()
    }

    /// Changes each time that this process has committed an event.
    pub fn feed(&self) -> watch::Receiver<u64> {
        self.feed.subscribe()
    }

    async fn send_all(self, connect: Arc<PgConnectOptions>) {
        let mut connection: Option<PgConnection> = None;
        loop {
            self.something.notified().await;
            loop {
                let lanes = self.next_lanes();
                if lanes.is_empty() {
                    break;
                }
                let sent = within(SEND_TIME_MAX, send(&mut connection, &connect, &lanes)).await;
                if let Err(error) = sent {
                    metrics::counter!(metric::WAKE_UPS_FAILED).increment(1);
                    warn!(error.cause = %error, "Owners of lanes could not be woken; it is tried again");
                    connection = None;
                    self.waiting().extend(lanes);
                    tokio::time::sleep(RETRY_INTERVAL).await;
                }
            }
        }
    }

    /// Takes out as many lanes as fit into one notification.
    fn next_lanes(&self) -> Vec<i64> {
        let mut waiting = self.waiting();
        let rest = waiting
            .iter()
            .nth(LANES_PER_NOTIFICATION)
            .copied()
            .map_or_else(BTreeSet::new, |first| waiting.split_off(&first));
        std::mem::replace(&mut *waiting, rest).into_iter().collect()
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeSet<i64>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AfterAccept for Waker {
    fn wake_owners(&self, lanes: Vec<LaneId>) {
        self.waiting().extend(lanes.into_iter().map(|lane| lane.0));
        self.something.notify_one();
    }

    fn feed_grew(&self) {
        self.feed.send_modify(|count| *count += 1);
    }
}

async fn send(
    connection: &mut Option<PgConnection>,
    connect: &PgConnectOptions,
    lanes: &[i64],
) -> sqlx::Result<()> {
    let open = match connection.take() {
        Some(open) => open,
        None => connect.connect().await?,
    };
    let numbers: Vec<String> = lanes.iter().map(i64::to_string).collect();
    store::notify(connection.insert(open), CHANNEL, &numbers.join(",")).await
}

/// Listens for ever; after a lost connection our lanes look for rows, since notifications were lost with it.
async fn listen(connect: Arc<PgConnectOptions>, ownership: Arc<Ownership>, asked: Asked) {
    loop {
        if let Err(error) = listen_once(&connect, &ownership, &asked).await {
            metrics::counter!(metric::WAKE_UPS_FAILED).increment(1);
            warn!(error.cause = %error, "The listener for wake-ups lost its connection");
        }
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
}

async fn listen_once(
    connect: &PgConnectOptions,
    ownership: &Ownership,
    asked: &Asked,
) -> sqlx::Result<()> {
    // Of its own each time: a listener that is dropped says goodbye first, and one whose connection is half open waits
    // for the answer while the next one listens already.
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(SEND_TIME_MAX)
        .connect_lazy_with(connect.clone());
    let mut listener = within(SEND_TIME_MAX, async {
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        let channels = [
            CHANNEL,
            store::CANCELLATIONS_CHANNEL,
            directory::CHANGES_CHANNEL,
        ];
        listener.listen_all(channels).await?;
        Ok::<_, sqlx::Error>(listener)
    })
    .await?;
    look_everywhere(&mut listener, ownership).await?;
    loop {
        let Ok(heard) = tokio::time::timeout(PROBE_INTERVAL, listener.try_recv()).await else {
            // Whoever only listens does not notice that nobody can speak to him any more.
            within(SEND_TIME_MAX, async {
                listener.acquire().await?.ping().await
            })
            .await?;
            continue;
        };
        let Some(notification) = heard? else {
            return Ok(());
        };
        match notification.channel() {
            store::CANCELLATIONS_CHANNEL => asked.to_cancel.notify_one(),
            directory::CHANGES_CHANNEL => asked.to_look.notify_one(),
            _ => look_for_rows(ownership, notification.payload()),
        }
    }
}

fn look_for_rows(ownership: &Ownership, lanes: &str) {
    for lane in lanes.split(',').filter_map(|lane| lane.parse().ok()) {
        ownership.signal(LaneId(lane), LaneSignal::LookForRows);
    }
}

/// Sends every lane of ours to look for what it may not have been told of. Which of them have something to find is asked
/// of all at once: there may be thousands.
async fn look_everywhere(listener: &mut PgListener, ownership: &Ownership) -> sqlx::Result<()> {
    let lanes = ownership.lanes();
    let numbers: Vec<i64> = lanes.iter().map(|lane| lane.0).collect();
    let found = within(SEND_TIME_MAX, async {
        store::lanes_to_look_at(listener.acquire().await?, &numbers).await
    });
    for lane in found.await? {
        ownership.signal(lane, LaneSignal::LookForRows);
    }
    for lane in lanes {
        ownership.signal(lane, LaneSignal::Refresh);
    }
    Ok(())
}
