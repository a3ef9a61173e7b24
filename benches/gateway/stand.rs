//! What is measured: the gateway as a process of its own, its Postgres, and a tenant whose webhooks go to the sink.

use std::error::Error;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use http::Method;
use nexus_gateway::platform::database::embedded::{EmbeddedPostgres, EmbeddedSettings};
use nexus_gateway::simulator::WireClient;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tempfile::TempDir;

use crate::usage::parent_of;

const DATABASE: &str = "nexus_gateway_bench";
pub const CCID: &str = "0ff723ff-6c6f-44e0-9ce3-ce579337eadd";
pub const KEY: &str = "5f0c8e1a-9d3b-4c57-8a55-3f2b7a9d1c04";
pub const CHANNEL: &str = "16504661149";
pub const SECRET: &str = "secret of the benchmark";
/// 32 bytes in base64.
const MASTER_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
pub const LISTEN: &str = "127.0.0.1:18080";
const INTERNAL_LISTEN: &str = "127.0.0.1:18081";

#[derive(Debug)]
pub struct Stand {
    gateway: Child,
    postgres: Option<EmbeddedPostgres>,
    postgres_id: i32,
    options: PgConnectOptions,
    _directory: TempDir,
}

impl Stand {
    pub async fn start(database_url: Option<&str>, sink_port: u16) -> Result<Self, Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let (postgres, options) = match database_url {
            Some(url) => (None, url.parse()?),
            None => started(&directory).await?,
        };
        let mut connection = options.connect().await?;
        for statement in [
            "drop database if exists nexus_gateway_bench with (force)",
            "create database nexus_gateway_bench",
        ] {
            sqlx::query(statement).execute(&mut connection).await?;
        }
        let backend: i32 = sqlx::query_scalar("select pg_backend_pid()")
            .fetch_one(&mut connection)
            .await?;
        let postgres_id = parent_of(backend).ok_or("Postgres does not run on this machine")?;
        connection.close().await?;
        let options = options.database(DATABASE);
        let stand = Self {
            gateway: gateway(options.to_url_lossy().as_str())?,
            postgres,
            postgres_id,
            options,
            _directory: directory,
        };
        stand.provision(sink_port).await?;
        Ok(stand)
    }

    pub fn gateway_id(&self) -> i32 {
        i32::try_from(self.gateway.id()).unwrap_or(i32::MAX)
    }

    pub fn postgres_id(&self) -> i32 {
        self.postgres_id
    }

    /// All that Postgres has written to its log so far.
    pub async fn wal_bytes(&self) -> Result<u64, Box<dyn Error>> {
        let mut connection: PgConnection = self.options.connect().await?;
        let bytes: i64 =
            sqlx::query_scalar("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")
                .fetch_one(&mut connection)
                .await?;
        Ok(u64::try_from(bytes)?)
    }

    pub async fn stop(mut self) {
        // Both are gone with us in any case.
        let _sent = kill(Pid::from_raw(self.gateway_id()), Signal::SIGTERM);
        let _ended = self.gateway.wait();
        if let Some(postgres) = self.postgres.take() {
            let _stopped = postgres.stop().await;
        }
    }

    async fn provision(&self, sink_port: u16) -> Result<(), Box<dyn Error>> {
        let services = format!("/nexus/v3/provisioning/services/{CCID}");
        let sms = json!({ "url": "N/A", "data": { "provider": "Async" }, "secret": {} });
        // The first call waits for the gateway.
        for _attempt in 0..200 {
            if call(&format!("{services}/SMS"), &sms).await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let channel = json!({
            "data": { "channels": [
                { "channelId": CHANNEL, "webhook": { "url": format!("http://127.0.0.1:{sink_port}/webhook") } },
            ] },
            "secret": { "channels": [
                { "channelId": CHANNEL, "webhook": { "secret": SECRET }, "api": { "secret": SECRET } },
            ] },
        });
        call(&format!("{services}/Async"), &channel).await
    }
}

async fn started(
    directory: &TempDir,
) -> Result<(Option<EmbeddedPostgres>, PgConnectOptions), Box<dyn Error>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a benchmark has no configuration but its command line"
    )]
    let path = std::env::var("PATH").ok();
    let settings = EmbeddedSettings {
        search_path: path.map(Into::into),
        ..EmbeddedSettings::in_directory(directory.path().join("postgres"))
    };
    let postgres = EmbeddedPostgres::start(&settings).await?;
    let options = postgres.connect_options("postgres");
    Ok((Some(postgres), options))
}

fn gateway(database_url: &str) -> Result<Child, Box<dyn Error>> {
    let settings = [
        ("DATABASE__URL", database_url),
        ("SERVER__LISTEN", LISTEN),
        ("SERVER__INTERNAL_LISTEN", INTERNAL_LISTEN),
        ("SECURITY__MASTER_KEY", MASTER_KEY),
        ("SECURITY__BOOTSTRAP_API_KEY", KEY),
        ("OUTBOUND__ALLOW_NETWORKS", "127.0.0.0/8"),
    ];
    let mut command = Command::new(env!("CARGO_BIN_EXE_nexus-gateway"));
    command
        .arg("serve")
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    for (key, value) in settings {
        command.env(format!("NEXUS_GATEWAY__{key}"), value);
    }
    Ok(command.spawn()?)
}

async fn call(path: &str, body: &Value) -> Result<(), Box<dyn Error>> {
    let mut headers = http::HeaderMap::new();
    headers.insert("x-api-key", KEY.parse()?);
    headers.insert("content-type", "application/json".parse()?);
    let url = format!("http://{LISTEN}{path}");
    let reply = WireClient::new()?
        .send(Method::PUT, &url, headers, body.to_string())
        .await?;
    if !matches!(reply.status, 200 | 201) {
        return Err(format!("{path}: {} {}", reply.status, reply.json()).into());
    }
    Ok(())
}
