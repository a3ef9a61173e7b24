//! Replicas as processes on one database, behind doors that clients choose from.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use nexus_gateway::simulator::{Answer, Rule, ThirdParty, ThirdPartyOptions};
use nexus_gateway::values::Secret;
use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};

use super::eventually::eventually;
use super::gateway::{TestDatabase, WEBHOOK_SECRET, database};
use super::load::Doors;
use super::server::Server;
use super::tenant::{SOON, Tenant};

/// That the lanes of a dead replica pass on at all; ten times as long as it may take.
const PASSES_ON: Duration = Duration::from_mins(1);

/// Replicas, whoever runs their database.
#[derive(Debug)]
pub struct Fleet {
    pub third_party: ThirdParty,
    pub doors: Doors,
    pub servers: Vec<Server>,
    /// How tests look into the database, past whatever lies between it and the replicas.
    direct: PgConnectOptions,
    settings: Vec<(&'static str, &'static str)>,
    /// A database of the cluster that all tests share, where it is there.
    _database: Option<TestDatabase>,
}

impl Fleet {
    /// So many replicas with these settings, each behind a door.
    pub async fn start(replicas: usize, settings: &[(&'static str, &'static str)]) -> Self {
        let database = database().await;
        let direct = database.handle.connect_options();
        let mut fleet = Self::without_replicas(direct, settings, Some(database)).await;
        let starting = (0..replicas).map(|_| fleet.spawn()).collect::<Vec<_>>();
        for server in starting {
            fleet.takes_up(server).await;
        }
        fleet
    }

    /// No replica yet, on a database of the test's own.
    pub async fn on(direct: PgConnectOptions, settings: &[(&'static str, &'static str)]) -> Self {
        Self::without_replicas(direct, settings, None).await
    }

    async fn without_replicas(
        direct: PgConnectOptions,
        settings: &[(&'static str, &'static str)],
        database: Option<TestDatabase>,
    ) -> Self {
        let secret = Secret::new(WEBHOOK_SECRET.to_owned());
        let options = ThirdPartyOptions {
            requests_max: 100_000,
            ..ThirdPartyOptions::with_secret(secret)
        };
        Self {
            third_party: ThirdParty::start(options).await.unwrap(),
            doors: Doors::default(),
            servers: Vec::new(),
            direct,
            settings: settings.to_vec(),
            _database: database,
        }
    }

    /// A further replica that is not waited for yet.
    pub fn spawn(&self) -> Server {
        self.spawn_at(self.direct.to_url_lossy().as_str())
    }

    /// The same with another way to the database.
    pub fn spawn_at(&self, database_url: &str) -> Server {
        Server::spawn(database_url, &self.settings)
    }

    /// Waits for a replica and opens its door.
    pub async fn takes_up(&mut self, server: Server) {
        server.wait_until_ready().await;
        self.doors.open(&server.url);
        self.servers.push(server);
    }

    /// Takes a replica out, with its door still open: nobody knows yet what will happen to it.
    pub fn take(&mut self, index: usize) -> Server {
        self.servers.remove(index)
    }

    /// The third party takes this long to answer.
    pub fn third_party_takes(&self, time: Duration) {
        self.third_party
            .answer_with([Rule::new(Answer::accept()).delayed(time)]);
    }

    /// So many tenants that every replica knows.
    pub async fn tenants(&self, count: usize) -> Vec<Tenant> {
        let mut tenants = Vec::new();
        for _ in 0..count {
            let (door, url) = (&self.servers[0].url, self.third_party.url());
            tenants.push(Tenant::provision(door, &url, &json!({})).await);
        }
        for server in &self.servers {
            let Some(last) = tenants.last().map(|tenant| tenant.at(&server.url)) else {
                continue;
            };
            eventually("a replica knows the tenants", SOON, async || {
                last.is_known().await.then_some(())
            })
            .await;
        }
        tenants
    }

    pub async fn connect(&self) -> PgConnection {
        self.direct.connect().await.unwrap()
    }
}

/// Waits until every lane has an owner, and all replicas that send have about as many.
pub async fn lanes_are_shared(database: &mut PgConnection, replicas: usize) {
    eventually("lanes are shared", SOON, async || {
        (owners(database).await.len() == replicas).then_some(())
    })
    .await;
}

/// The lives that own lanes; empty while a lane has no owner.
pub async fn owners(database: &mut PgConnection) -> Vec<(i16, i64)> {
    let owners: Vec<(Option<i16>, Option<i64>)> = sqlx::query_as(
        "select distinct owner_number, owner_life from lanes order by owner_number, owner_life",
    )
    .fetch_all(database)
    .await
    .unwrap();
    let all_owned = owners.iter().all(|(number, _)| number.is_some());
    let owners = owners.into_iter().filter(|_| all_owned);
    owners
        .filter_map(|(number, life)| Some((number?, life?)))
        .collect()
}

/// How lanes passed from one owner to others.
#[derive(Debug)]
pub struct PassedOn {
    /// How long it took, which says as much about the machine.
    pub took: Duration,
    /// The most ticks that one of the others made meanwhile, as far as was seen. A busy machine makes fewer.
    pub ticks: usize,
}

/// Waits until no lane is owned by this life and none is without an owner.
pub async fn passes_on(database: &mut PgConnection, life: (i16, i64), since: Instant) -> PassedOn {
    let mut beats = BTreeMap::<i16, BTreeSet<i64>>::new();
    eventually("the lanes have passed on", PASSES_ON, async || {
        let seen: Vec<(i16, i64)> = sqlx::query_as("select number, beat from replicas")
            .fetch_all(&mut *database)
            .await
            .unwrap();
        for (number, beat) in seen {
            beats.entry(number).or_default().insert(beat);
        }
        let owners = owners(database).await;
        (!owners.is_empty() && !owners.contains(&life)).then_some(())
    })
    .await;
    PassedOn {
        took: since.elapsed(),
        // The first beat of each was made before.
        ticks: beats
            .values()
            .map(|beats| beats.len() - 1)
            .max()
            .unwrap_or(0),
    }
}
