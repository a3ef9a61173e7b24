//! A gateway of a test's own, in this process, with its database and its simulated third party.

use std::sync::Arc;

use nexus_gateway::app::{App, Roles, Surroundings};
use nexus_gateway::config::Config;
use nexus_gateway::janitor;
use nexus_gateway::platform::clock::Clock;
use nexus_gateway::platform::database::{MIGRATIONS, migrate, partitions};
use nexus_gateway::platform::telemetry::MetricsPage;
use nexus_gateway::simulator::{ThirdParty, ThirdPartyOptions};
use nexus_gateway::values::Secret;
use sqlx::Connection;
use sqlx::postgres::PgConnectOptions;

use super::cluster::{self, Cluster, DatabaseHandle};
use super::room;
use super::tenant::Tenant;

/// The first cluster key of every test gateway.
pub const BOOTSTRAP_KEY: &str = "5f0c8e1a-9d3b-4c57-8a55-3f2b7a9d1c04";
/// Where links lead as far as the gateway knows. Tests follow them to whichever replica they like.
pub const PUBLIC_URL: &str = "https://gateway.example.com";
/// 32 bytes in base64.
pub const MASTER_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// With this every webhook to the simulated third party is signed.
pub const WEBHOOK_SECRET: &str = "test-webhook-secret";
/// One of the form that Standard Webhooks has; the simulated third party takes it too.
pub const STANDARD_WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A database that some gateways share.
#[derive(Debug)]
pub struct TestDatabase {
    pub handle: DatabaseHandle,
    _cluster: Cluster,
}

/// One replica. Dropping it without [`TestGateway::stop`] leaves its tasks to the runtime, which ends with the test.
#[derive(Debug)]
pub struct TestGateway {
    app: Option<App>,
    url: String,
    internal_url: String,
    pub clock: Clock,
    pub database: Arc<TestDatabase>,
    pub third_party: Arc<ThirdParty>,
}

impl TestGateway {
    /// A single replica on a database of its own.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with settings such as `("DISPATCH__LEASE_SECONDS", "1")`.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let clock = Clock::system();
        let options = ThirdPartyOptions {
            secrets: vec![
                Secret::new(WEBHOOK_SECRET.to_owned()),
                Secret::new(STANDARD_WEBHOOK_SECRET.to_owned()),
            ],
            clock: clock.clone(),
            ..ThirdPartyOptions::default()
        };
        let third_party = ThirdParty::start(options).await.unwrap();
        let outside = (Arc::new(third_party), clock);
        let roles = Roles::ALL;
        Self::run(Arc::new(database().await), outside, (roles, settings)).await
    }

    /// A further replica on this one's database.
    pub async fn replica(&self, settings: &[(&str, &str)]) -> Self {
        self.beside(Roles::ALL, settings).await
    }

    /// A further replica that takes messages and sends none.
    pub async fn replica_that_only_answers(&self) -> Self {
        self.beside(Roles::API, &[]).await
    }

    /// A further replica that sends messages and takes none.
    pub async fn replica_that_only_sends(&self) -> Self {
        self.beside(Roles::DISPATCH, &[]).await
    }

    async fn beside(&self, roles: Roles, settings: &[(&str, &str)]) -> Self {
        let database = Arc::clone(&self.database);
        let outside = (Arc::clone(&self.third_party), Clock::system());
        Self::run(database, outside, (roles, settings)).await
    }

    async fn run(
        database: Arc<TestDatabase>,
        (third_party, clock): (Arc<ThirdParty>, Clock),
        (roles, settings): (Roles, &[(&str, &str)]),
    ) -> Self {
        let surroundings = Surroundings {
            clock: clock.clone(),
            metrics: MetricsPage::install().unwrap(),
            search_path: None,
            after_restore: false,
        };
        let config = config(&database.handle.url(), settings);
        let app = App::start(config, roles, surroundings).await.unwrap();
        Self {
            url: format!("http://{}", app.public_address),
            internal_url: format!("http://{}", app.internal_address),
            app: Some(app),
            clock,
            database,
            third_party,
        }
    }

    /// The public listener, without a slash at the end.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The internal listener, without a slash at the end.
    pub fn internal_url(&self) -> String {
        self.internal_url.clone()
    }

    #[expect(clippy::unused_self, reason = "to its tests the key is this gateway's")]
    pub fn bootstrap_key(&self) -> &'static str {
        BOOTSTRAP_KEY
    }

    /// A new tenant with one SMS channel whose webhooks go to the simulated third party.
    pub async fn tenant(&self) -> Tenant {
        Tenant::create(self, &serde_json::json!({})).await
    }

    /// The same with further members of the channel's `webhook`.
    pub async fn tenant_with(&self, webhook: serde_json::Value) -> Tenant {
        Tenant::create(self, &webhook).await
    }

    /// A connection to the database, for looking at what no API shows.
    pub async fn connect(&self) -> sqlx::PgConnection {
        sqlx::PgConnection::connect_with(&self.database.handle.connect_options())
            .await
            .unwrap()
    }

    /// Stops along the timeline, as a SIGTERM does.
    pub async fn stop(mut self) {
        if let Some(app) = self.app.take() {
            app.stop(std::future::pending()).await;
        }
    }
}

/// A migrated database of a test's own.
pub async fn database() -> TestDatabase {
    let cluster = cluster::attach().await;
    let checksums: Vec<u8> = MIGRATIONS
        .iter()
        .flat_map(|migration| migration.checksum.iter().copied())
        .collect();
    let name = format!("template_{}", hex::encode(&sha256(&checksums)[..8]));
    let handle = cluster.create_database_from_template(&name, prepare).await;
    TestDatabase {
        handle,
        _cluster: cluster,
    }
}

async fn prepare(options: PgConnectOptions) {
    let mut connection = sqlx::PgConnection::connect_with(&options).await.unwrap();
    migrate(&mut connection).await.unwrap();
    let config = config("postgres://nowhere/nothing", &[]);
    let tables = janitor::weekly_tables(&config.retention);
    partitions::make(&mut connection, &tables, Clock::system().now_ms())
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// The settings of a test gateway, as the environment would give them.
pub fn environment(database_url: &str, settings: &[(&str, &str)]) -> Vec<(String, String)> {
    let spool = room::in_target("spool");
    let base = [
        ("SERVER__SPOOL_DIR", spool.to_str().unwrap()),
        ("SERVER__PUBLIC_URL", PUBLIC_URL),
        ("DATABASE__MEDIA_CONNECTIONS", "1"),
        ("SERVER__LISTEN", "127.0.0.1:0"),
        ("SERVER__INTERNAL_LISTEN", "127.0.0.1:0"),
        ("SERVER__DRAIN_DELAY_SECONDS", "0"),
        // On a busy machine a little work takes long.
        ("SERVER__WORK_TIMEOUT_SECONDS", "15"),
        ("DATABASE__URL", database_url),
        ("DATABASE__READ_CONNECTIONS", "2"),
        ("DATABASE__JOB_CONNECTIONS", "2"),
        ("SECURITY__MASTER_KEY", MASTER_KEY),
        ("SECURITY__BOOTSTRAP_API_KEY", BOOTSTRAP_KEY),
        ("OUTBOUND__ALLOW_NETWORKS", "127.0.0.0/8"),
        ("WEBHOOK__RETRY_SCHEDULE_SECONDS", "0.05,0.1,0.2"),
    ];
    let given = settings.iter().copied();
    base.into_iter()
        .filter(|(name, _)| !settings.iter().any(|(given, _)| given == name))
        .chain(given)
        .map(|(name, value)| (format!("NEXUS_GATEWAY__{name}"), value.to_owned()))
        .collect()
}

fn config(database_url: &str, settings: &[(&str, &str)]) -> Config {
    Config::load(None, environment(database_url, settings).into_iter()).unwrap()
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}
