//! Waking across replicas: which lanes have new rows, and that the feed has grown.
//!
//! Notifications are sent outside the accept's transaction, at most one statement at a time, with everything that
//! came meanwhile in one. A lost one costs at most the interval of the replica's sweep.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{Acquire, ConnectOptions, Connection, PgConnection};
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::warn;

use crate::history::growth::FeedGrowth;
use crate::history::store::GROWTH_CHANNEL;
use crate::lanes::model::LaneId;
use crate::lanes::ownership::{LaneSignal, Ownership};
use crate::lanes::store;
use crate::messages::accept::AfterAccept;
use crate::platform::database::within;
use crate::platform::lifecycle::Lifecycle;
use crate::platform::telemetry::metric;
use crate::provisioning::directory;
use crate::values::Ccid;

/// Where owners are told; the payload is a list of lanes.
const LANES_CHANNEL: &str = "nexus_gateway_lanes";
/// A payload may have 8,000 bytes; a lane's number has at most 19 digits.
const LANES_PER_NOTIFICATION: usize = 350;
/// A tenant has 36 characters.
const TENANTS_PER_NOTIFICATION: usize = 200;
/// Stands for every tenant.
const EVERYBODY: &str = "*";
/// Other replicas hear of the feed's growth this often at most: each time is a transaction of its own.
const GROWTH_INTERVAL: Duration = Duration::from_millis(10);
const RETRY_INTERVAL: Duration = Duration::from_millis(500);
/// Telling, or beginning to listen, takes no longer than this.
const SEND_TIME_MAX: Duration = Duration::from_secs(2);
/// A listener that has heard nothing for so long asks whether it is still connected.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);

/// Collects what others have to know; cheap to clone.
#[derive(Debug, Clone)]
pub struct Waker {
    untold: Arc<Mutex<Untold>>,
    something: Arc<Notify>,
    growth: FeedGrowth,
    /// Whether other replicas are alive, as the last tick showed.
    has_company: Arc<AtomicBool>,
    asked: Asked,
}

/// What other replicas have not been told yet.
#[derive(Debug, Default)]
struct Untold {
    lanes: BTreeSet<i64>,
    tenants: BTreeSet<Ccid>,
    /// All tenants, whether they are in the list or not.
    everybody: bool,
}

impl Untold {
    fn has_tenants(&self) -> bool {
        self.everybody || !self.tenants.is_empty()
    }

    fn put_back(&mut self, lanes: Vec<i64>, tenants: Option<Tenants>) {
        self.lanes.extend(lanes);
        match tenants {
            Some(Tenants::These(tenants)) => self.tenants.extend(tenants),
            Some(Tenants::All) => self.everybody = true,
            None => {}
        }
    }
}

/// Whose feeds have grown.
#[derive(Debug)]
enum Tenants {
    These(Vec<Ccid>),
    All,
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
            untold: Arc::default(),
            something: Arc::default(),
            growth: FeedGrowth::default(),
            has_company: Arc::default(),
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
        let over = lifecycle.over();
        let hearer = Hearer {
            ownership,
            growth: waker.growth.clone(),
            asked: waker.asked.clone(),
        };
        lifecycle.spawn_until_stop("wake-up listener", async move {
            tokio::select! {
                () = hearer.listen(connect) => {}
                () = over.cancelled() => {}
            }
        });
        waker
    }

    /// What others ask of this replica.
    pub fn asked(&self) -> Asked {
        self.asked.clone()
    }

    /// Told when a tenant's feed has grown, whichever replica has written to it.
    pub fn growth(&self) -> FeedGrowth {
        self.growth.clone()
    }

    /// Takes note of whether other replicas are alive: who is alone tells nobody of the feed. Who comes has missed
    /// something before it is seen.
    pub fn note_company(&self, has_others: bool) {
        if !self.has_company.swap(has_others, Ordering::AcqRel) && has_others {
            self.untold().everybody = true;
            self.something.notify_one();
        }
    }

    async fn send_all(self, connect: Arc<PgConnectOptions>) {
        let mut connection: Option<PgConnection> = None;
        let mut growth_from = Instant::now();
        loop {
            let growth_waits = self.untold().has_tenants();
            tokio::select! {
                () = self.something.notified() => {}
                () = tokio::time::sleep_until(growth_from), if growth_waits => {}
            }
            loop {
                let lanes = self.next_lanes();
                let growth_is_due = Instant::now() >= growth_from;
                let tenants = growth_is_due.then(|| self.next_tenants()).flatten();
                if lanes.is_empty() && tenants.is_none() {
                    break;
                }
                let sending = send(&mut connection, &connect, (&lanes, tenants.as_ref()));
                if let Err(error) = within(SEND_TIME_MAX, sending).await {
                    metrics::counter!(metric::WAKE_UPS_FAILED).increment(1);
                    warn!(error.cause = %error, "Other replicas could not be woken; it is tried again");
                    connection = None;
                    self.untold().put_back(lanes, tenants);
                    tokio::time::sleep(RETRY_INTERVAL).await;
                } else if tenants.is_some() {
                    growth_from = Instant::now() + GROWTH_INTERVAL;
                }
            }
        }
    }

    /// Takes out as many lanes as fit into one notification.
    fn next_lanes(&self) -> Vec<i64> {
        take_first(&mut self.untold().lanes, LANES_PER_NOTIFICATION)
    }

    fn next_tenants(&self) -> Option<Tenants> {
        let mut untold = self.untold();
        if std::mem::take(&mut untold.everybody) {
            untold.tenants.clear();
            return Some(Tenants::All);
        }
        let tenants = take_first(&mut untold.tenants, TENANTS_PER_NOTIFICATION);
        (!tenants.is_empty()).then_some(Tenants::These(tenants))
    }

    fn untold(&self) -> MutexGuard<'_, Untold> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take_first<T: Ord + Copy>(waiting: &mut BTreeSet<T>, count: usize) -> Vec<T> {
    let rest = waiting
        .iter()
        .nth(count)
        .copied()
        .map_or_else(BTreeSet::new, |first| waiting.split_off(&first));
    std::mem::replace(waiting, rest).into_iter().collect()
}

impl AfterAccept for Waker {
    fn wake_owners(&self, lanes: Vec<LaneId>) {
        let lanes = lanes.into_iter().map(|lane| lane.0);
        self.untold().lanes.extend(lanes);
        self.something.notify_one();
    }

    fn feed_grew(&self, tenants: BTreeSet<Ccid>) {
        for tenant in &tenants {
            self.growth.tell(*tenant);
        }
        if self.has_company.load(Ordering::Acquire) {
            self.untold().tenants.extend(tenants);
            self.something.notify_one();
        }
    }
}

async fn send(
    connection: &mut Option<PgConnection>,
    connect: &PgConnectOptions,
    (lanes, tenants): (&[i64], Option<&Tenants>),
) -> sqlx::Result<()> {
    let open = match connection.take() {
        Some(open) => open,
        None => connect.connect().await?,
    };
    let open = connection.insert(open);
    if !lanes.is_empty() {
        store::notify(open, LANES_CHANNEL, &list(lanes)).await?;
    }
    match tenants {
        Some(Tenants::These(tenants)) => {
            store::notify(open, GROWTH_CHANNEL, &list(tenants)).await?;
        }
        Some(Tenants::All) => store::notify(open, GROWTH_CHANNEL, EVERYBODY).await?,
        None => {}
    }
    Ok(())
}

fn list(things: &[impl ToString]) -> String {
    let texts: Vec<String> = things.iter().map(ToString::to_string).collect();
    texts.join(",")
}

/// Passes on what is heard.
struct Hearer {
    ownership: Arc<Ownership>,
    growth: FeedGrowth,
    asked: Asked,
}

impl Hearer {
    /// Listens for ever; after a lost connection everybody looks for himself, since notifications were lost with it.
    async fn listen(self, connect: Arc<PgConnectOptions>) {
        loop {
            if let Err(error) = self.listen_once(&connect).await {
                metrics::counter!(metric::WAKE_UPS_FAILED).increment(1);
                warn!(error.cause = %error, "The listener for wake-ups lost its connection");
            }
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
    }

    async fn listen_once(&self, connect: &PgConnectOptions) -> sqlx::Result<()> {
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
                LANES_CHANNEL,
                GROWTH_CHANNEL,
                store::CANCELLATIONS_CHANNEL,
                directory::CHANGES_CHANNEL,
            ];
            listener.listen_all(channels).await?;
            Ok::<_, sqlx::Error>(listener)
        })
        .await?;
        self.growth.tell_all();
        look_everywhere(&mut listener, &self.ownership).await?;
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
            self.hear(notification.channel(), notification.payload());
        }
    }

    fn hear(&self, channel: &str, payload: &str) {
        match channel {
            store::CANCELLATIONS_CHANNEL => self.asked.to_cancel.notify_one(),
            directory::CHANGES_CHANNEL => self.asked.to_look.notify_one(),
            GROWTH_CHANNEL if payload == EVERYBODY => self.growth.tell_all(),
            GROWTH_CHANNEL => {
                for tenant in payload.split(',').filter_map(|tenant| tenant.parse().ok()) {
                    self.growth.tell(tenant);
                }
            }
            _ => {
                for lane in payload.split(',').filter_map(|lane| lane.parse().ok()) {
                    let signal = LaneSignal::LookForRows;
                    self.ownership.signal(LaneId(lane), signal);
                }
            }
        }
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
