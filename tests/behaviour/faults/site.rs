//! Two replicas on a Postgres of the test's own, with load from all sides.

use std::time::{Duration, Instant};

use nexus_gateway::platform::database::embedded::Durability;
use nexus_gateway::simulator::{Answer, Reply, Rule, WireClient};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::json;

use crate::harness::cluster::{PrivateCluster, private};
use crate::harness::eventually::eventually;
use crate::harness::fleet::{Fleet, lanes_are_shared};
use crate::harness::load::Load;
use crate::harness::proxy::Proxy;
use crate::harness::records;
use crate::harness::server::Server;
use crate::harness::tenant::{PHONE, SOON, Tenant};

const DATABASE: &str = "nexus_gateway";
const REPLICAS: usize = 2;

pub struct Site {
    pub cluster: PrivateCluster,
    pub fleet: Fleet,
    pub tenants: Vec<Tenant>,
    pub load: Load,
}

impl Site {
    /// The replicas reach the cluster directly.
    pub async fn start() -> Self {
        Self::start_on(private(Durability::Full).await).await
    }

    /// The same on a cluster that the test has prepared.
    pub async fn start_on(cluster: PrivateCluster) -> Self {
        let url = cluster.url(DATABASE);
        Self::on(cluster, [&url, &url]).await
    }

    /// All of them reach it through one proxy.
    pub async fn behind_a_proxy() -> (Self, Proxy) {
        let cluster = private(Durability::Full).await;
        let proxy = Proxy::start(&cluster.connect_options(DATABASE)).await;
        let site = Self::on(cluster, [proxy.url(), proxy.url()]).await;
        (site, proxy)
    }

    /// Only the first of them reaches it through a proxy.
    pub async fn with_one_behind_a_proxy() -> (Self, Proxy) {
        let cluster = private(Durability::Full).await;
        let proxy = Proxy::start(&cluster.connect_options(DATABASE)).await;
        let url = cluster.url(DATABASE);
        let site = Self::on(cluster, [proxy.url(), &url]).await;
        (site, proxy)
    }

    async fn on(cluster: PrivateCluster, urls: [&str; REPLICAS]) -> Self {
        let settings = [
            ("DISPATCH__LEASE_SECONDS", "2"),
            // One that does not come back is missed.
            ("DATABASE__READ_CONNECTIONS", "1"),
            ("DATABASE__JOB_CONNECTIONS", "1"),
        ];
        let mut fleet = Fleet::on(cluster.connect_options(DATABASE), &settings).await;
        for url in urls {
            // One after the other: the first makes the schema.
            let server = fleet.spawn_at(url);
            fleet.takes_up(server).await;
        }
        let tenants = fleet.tenants(3).await;
        lanes_are_shared(&mut fleet.connect().await, REPLICAS).await;
        let answer = Rule::new(Answer::accept_as_own()).delayed(Duration::from_millis(5));
        fleet.third_party.answer_with([answer]);
        let load = Load::from_all_sides(&tenants, &fleet.doors, 2, Duration::from_millis(20));
        load.reaches(30).await;
        Self {
            cluster,
            fleet,
            tenants,
            load,
        }
    }

    /// Waits until every replica says that it can take no work, and checks that each says that it lives.
    pub async fn is_not_ready(&self) {
        for server in &self.fleet.servers {
            is_not_ready(server).await;
        }
    }

    /// Waits until some requests have been refused.
    pub async fn refuses_somebody(&self) {
        let before = self.load.ledger.refusals();
        eventually("some requests are refused", SOON, async || {
            (self.load.ledger.refusals() > before + 10).then_some(())
        })
        .await;
    }

    /// Checks that each replica says that it lives.
    pub async fn lives(&self) {
        for server in &self.fleet.servers {
            assert_eq!(ask(server, "/health/live").await.status, 200);
        }
    }

    /// Checks that no replica says that it can take work until some more requests have been refused.
    pub async fn stays_unready(&self) {
        let enough = self.load.ledger.refusals() + 50;
        let started = Instant::now();
        while self.load.ledger.refusals() < enough && started.elapsed() < SOON {
            for server in &self.fleet.servers {
                let reply = ask(server, "/health/ready").await;
                assert_eq!(reply.status, 503);
            }
        }
    }

    /// Waits until every replica takes work again, and for a good deal of it.
    pub async fn recovers(&self) {
        for server in &self.fleet.servers {
            server.wait_until_ready().await;
        }
        self.load.goes_on(30).await;
        for server in &self.fleet.servers {
            provisions_and_looks(&self.tenants[0].at(&server.url)).await;
        }
    }

    /// Ends the load and compares the books. The store was away for everybody or for nobody, so nothing is sent twice.
    pub async fn balances(self) {
        self.balances_around(None).await;
    }

    /// The same where between these times a replica was cut off while others went on.
    pub async fn balances_around(mut self, cut_off: Option<(Instant, Instant)>) {
        let ledger = self.load.stop().await;
        if let Some((from, until)) = cut_off {
            ledger.lost_answers(from, until);
        }
        let mut database = self.fleet.connect().await;
        ledger
            .balances(&self.fleet.third_party, &mut database)
            .await;
        ledger.every_refusal_was_a_503();
        records::agree(&ledger, &self.tenants, &mut database).await;
        if cut_off.is_none() {
            records::every_attempt_was_noted_once(&mut database).await;
        }
        for server in &mut self.fleet.servers {
            assert!(!server.has_ended(), "nobody had to start it again");
        }
    }
}

/// Waits until what is not on the path of messages works too.
async fn provisions_and_looks(tenant: &Tenant) {
    let sender = format!("/nexus/v3/provisioning/senders/{}/chat.Main", tenant.ccid);
    let body = json!({ "channelId": PHONE, "channelType": "sms", "provider": "Async" });
    eventually("a sender can be saved", SOON, async || {
        let saved = tenant.put(&sender, &body).await;
        (saved.status < 300).then_some(())
    })
    .await;
    eventually("messages can be looked at", SOON, async || {
        let found = tenant.get("/nexus/v3/messages?limit=1").await;
        (found.status == 200).then_some(())
    })
    .await;
}

/// Waits until a replica says that it can take no work, and checks that it says that it lives.
pub async fn is_not_ready(server: &Server) {
    let refused = eventually("it is not ready", SOON, async || {
        let reply = ask(server, "/health/ready").await;
        (reply.status == 503).then_some(reply)
    })
    .await;
    assert!(refused.header("retry-after").is_some());
    assert_eq!(refused.json()["status"]["code"], 503);
    assert_eq!(ask(server, "/health/live").await.status, 200);
}

async fn ask(server: &Server, path: &str) -> Reply {
    let client = WireClient::new().unwrap();
    let url = format!("{}{path}", server.url);
    let asked = client.send(Method::GET, &url, HeaderMap::new(), Vec::new());
    asked.await.unwrap()
}
