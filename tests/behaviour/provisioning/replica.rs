//! One replica's part of provisioning: its directory and its routes, called without a socket.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request};
use nexus_gateway::auth::ApiKey;
use nexus_gateway::connectors::genesys_cloud::Tokens;
use nexus_gateway::lanes::ownership::Ownership;
use nexus_gateway::platform::clock::Clock;
use nexus_gateway::platform::database::Pool;
use nexus_gateway::platform::http::idempotency::{CrowdedTenants, IdempotencyKeys};
use nexus_gateway::platform::lifecycle::Lifecycle;
use nexus_gateway::platform::outbound::{AddressGuard, OutboundClients, OutboundOptions};
use nexus_gateway::platform::vault::{MasterKey, Vault};
use nexus_gateway::provisioning::numbers::Numbers;
use nexus_gateway::provisioning::{self, Directory, routes};
use nexus_gateway::values::Ccid;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgPoolOptions;
use tower::ServiceExt;

use crate::harness::cluster::{Cluster, DatabaseHandle, attach};

const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// A database, and what all its replicas are configured with.
pub struct Deployment {
    pub bootstrap_key: String,
    master_key: String,
    pool: Pool,
    _database: DatabaseHandle,
    _cluster: Cluster,
}

pub struct Replica {
    pub directory: Directory,
    pub router: Router,
    pub state: routes::State,
    key: String,
}

impl Deployment {
    pub async fn start() -> Self {
        let cluster = attach().await;
        let migrator = sqlx::migrate!("./migrations");
        // The name of a database has at most 63 bytes, however many migrations there are.
        let checksums: Vec<u8> = migrator
            .iter()
            .flat_map(|migration| migration.checksum.to_vec())
            .collect();
        let template = format!("directory_{}", hex::encode(&Sha256::digest(checksums)[..8]));
        let database = cluster
            .create_database_from_template(&template, async |options| {
                let pool = PgPoolOptions::new()
                    .max_connections(1)
                    .connect_with(options)
                    .await
                    .unwrap();
                migrator.run(&pool).await.unwrap();
                pool.close().await;
            })
            .await;
        let options = cluster.connect_options(&database.name);
        Self {
            bootstrap_key: ApiKey::generate().reveal(),
            master_key: MasterKey::generate().to_base64().to_string(),
            pool: Pool::new(options, 3),
            _database: database,
            _cluster: cluster,
        }
    }

    /// Starts a replica as the product does.
    pub async fn replica(&self) -> Replica {
        self.replica_with(MasterKey::from_base64(&self.master_key).unwrap())
            .await
    }

    pub async fn replica_with_another_master_key(&self) -> Replica {
        self.replica_with(MasterKey::generate()).await
    }

    async fn replica_with(&self, master_key: MasterKey) -> Replica {
        let clock = Clock::system();
        let key = self.bootstrap_key.parse().unwrap();
        provisioning::ensure_bootstrap_key(&self.pool, &key, clock.now())
            .await
            .unwrap();
        let vault = Arc::new(Vault::new(master_key));
        let directory = Directory::load(&self.pool, Arc::clone(&vault))
            .await
            .unwrap();
        let guard = AddressGuard::new(Vec::new());
        let clients = OutboundClients::new(guard.clone(), OutboundOptions::default()).unwrap();
        let state = routes::State {
            numbers: Numbers {
                directory: directory.clone(),
                tokens: Tokens::new(clock.clone(), clients.clone()),
                clients,
                clock: clock.clone(),
            },
            ownership: Arc::new(Ownership::new(clock.clone())),
            lifecycle: Lifecycle::new(),
            keys: IdempotencyKeys {
                vault: Arc::clone(&vault),
                crowded: CrowdedTenants::default(),
            },
            pool: self.pool.clone(),
            directory: directory.clone(),
            vault,
            clock,
            guard,
            public_url: None,
            https_only: false,
        };
        Replica {
            directory,
            router: routes::routes().with_state(state.clone()).into(),
            state,
            key: self.bootstrap_key.clone(),
        }
    }
}

impl Replica {
    /// What the replica's tick does; whether there was anything to read.
    pub async fn refresh(&self) -> bool {
        self.directory.refresh(&self.state.pool).await.unwrap()
    }

    pub fn has_channel(&self, ccid: Ccid, channel: &str) -> bool {
        self.directory
            .snapshot()
            .third_party(ccid, &channel.parse().unwrap())
            .is_some()
    }

    pub async fn get(&self, path: &str) -> Value {
        self.succeed(Method::GET, path, None).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Value {
        self.succeed(Method::PUT, path, Some(body)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Value {
        self.succeed(Method::POST, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Value {
        self.succeed(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Value {
        self.succeed(Method::DELETE, path, None).await
    }

    /// What the holder of this key is answered.
    pub async fn status_with(&self, key: &str) -> u16 {
        self.call(Method::GET, "apikeys", None, key).await.0
    }

    async fn succeed(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let (status, answer) = self.call(method, path, body, &self.key).await;
        assert!((200..300).contains(&status), "{path}: {answer}");
        answer
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: &str,
    ) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/nexus/v3/provisioning/{path}"))
            .header("x-api-key", key)
            .header("content-type", "application/json")
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), ANSWER_BYTES_MAX)
            .await
            .unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }
}
