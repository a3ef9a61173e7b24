//! The database is restored to a point in time: what was queued then may have been sent since, and nothing is sent
//! until somebody lets go.

mod hold;
mod marking;
mod release;

use nexus_gateway::platform::database::embedded::Durability;
use nexus_gateway::simulator::{ThirdParty, ThirdPartyOptions, WireClient};
use nexus_gateway::values::Secret;
use nix::sys::signal::Signal;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::json;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

use crate::harness::cluster::{PrivateCluster, private};
use crate::harness::eventually::eventually;
use crate::harness::gateway::WEBHOOK_SECRET;
use crate::harness::server::{self, Server};
use crate::harness::tenant::{SOON, Tenant};

const LIVE: &str = "nexus_gateway";
const RESTORED: &str = "restored";

/// Where a disaster happens: the live database, and copies of it from points in time.
struct Site {
    cluster: PrivateCluster,
    third_party: ThirdParty,
}

impl Site {
    async fn new() -> Self {
        let secret = Secret::new(WEBHOOK_SECRET.to_owned());
        let options = ThirdPartyOptions::with_secret(secret);
        Self {
            cluster: private(Durability::None).await,
            third_party: ThirdParty::start(options).await.unwrap(),
        }
    }

    /// A replica on a database, as it is started every day.
    async fn serves(&self, database: &str) -> Server {
        Server::start(&self.cluster.url(database), &[]).await
    }

    /// A replica that is told of the restore, and is ready.
    async fn serves_after_restore(&self, database: &str) -> Server {
        let url = self.cluster.url(database);
        let server = Server::spawn_with(&url, &[], &["--after-restore"]);
        server.wait_until_ready().await;
        server
    }

    /// A tenant whose endpoint is paused.
    async fn tenant_on_pause(&self, server: &Server) -> Tenant {
        let tenant = Tenant::provision(&server.url, &self.third_party.url(), &json!({})).await;
        change_endpoint(&tenant, "pause").await;
        tenant
    }

    /// What is in `from` at this moment becomes `to`. Nobody may be connected.
    async fn restores(&self, from: &str, to: &str) {
        let mut operator = self.connect("postgres").await;
        let statement = format!("create database {to} template {from}");
        eventually("the database is copied", SOON, async || {
            let copied = sqlx::query(AssertSqlSafe(statement.clone()))
                .execute(&mut operator)
                .await;
            copied.ok()
        })
        .await;
    }

    /// Runs `restore release`: whether it succeeded, and what it said.
    fn releases(&self, database: &str) -> (bool, String) {
        let output = server::run(&self.cluster.url(database), &["restore", "release"]);
        let said = if output.status.success() {
            output.stdout
        } else {
            output.stderr
        };
        (
            output.status.success(),
            String::from_utf8(said).unwrap().trim_end().to_owned(),
        )
    }

    async fn connect(&self, database: &str) -> PgConnection {
        let options = self.cluster.connect_options(database);
        options.connect().await.unwrap()
    }
}

async fn stops(mut server: Server) {
    server.signal(Signal::SIGTERM);
    assert_eq!(server.exit_code().await, Some(0));
}

async fn change_endpoint(tenant: &Tenant, verb: &str) {
    let id = endpoint(tenant).await["id"].as_str().unwrap().to_owned();
    let path = format!("/nexus/v3/endpoints/{id}/{verb}");
    assert_eq!(tenant.post(&path, &json!({})).await.status, 200);
}

/// The tenant's only endpoint.
async fn endpoint(tenant: &Tenant) -> serde_json::Value {
    let list = tenant.get("/nexus/v3/endpoints").await.json();
    list["data"]["items"][0].clone()
}

/// What a replica's gauge of the hold says.
async fn shows_hold(server: &Server) -> Option<bool> {
    let client = WireClient::new().unwrap();
    let url = format!("{}/metrics", server.internal_url);
    let page = client.send(Method::GET, &url, HeaderMap::new(), Vec::new());
    let text = String::from_utf8(page.await.unwrap().body.to_vec()).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("nexus_gateway_restore_hold_in_force "))?;
    Some(line == "1")
}

async fn is_held(server: &Server, held: bool) {
    eventually("the replica has seen the hold", SOON, async || {
        (shows_hold(server).await == Some(held)).then_some(())
    })
    .await;
}
