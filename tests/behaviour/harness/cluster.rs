//! One Postgres for all tests of a run, whether they share a process or have one each.
//!
//! Whoever comes first starts a keeper (`keeper.rs`), a process of its own that runs the cluster until a minute after
//! its last client left. A client is whoever holds a shared lock on a file, so the kernel notices when one is killed.

use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tokio::time::timeout;

use super::eventually::eventually;
use super::{keeper, room};

pub use super::private_cluster::{PrivateCluster, private};

/// One cluster with everyone who uses it.
#[derive(Debug, Clone)]
pub struct Run {
    pub name: String,
    /// How long the cluster stays without a client.
    pub linger: Duration,
}

impl Run {
    /// The run that tests share.
    pub fn shared() -> Self {
        Self {
            name: "shared".to_owned(),
            linger: Duration::from_mins(1),
        }
    }

    /// Held by whoever finds out whether the cluster runs, starts it or ends it.
    pub(super) fn decision(&self) -> File {
        self.lock_file("decision.lock")
    }

    /// Held, shared, by every client.
    pub(super) fn clients(&self) -> File {
        self.lock_file("clients.lock")
    }

    /// Holds the URL of the cluster once it runs.
    pub(super) fn address(&self) -> PathBuf {
        self.folder().join("address")
    }

    /// Holds a file named like each database that is no longer needed.
    pub(super) fn dropped(&self) -> PathBuf {
        let folder = self.folder().join("dropped");
        fs::create_dir_all(&folder).expect("the target folder can be written to");
        folder
    }

    /// What the keeper says.
    pub(super) fn log(&self) -> PathBuf {
        self.folder().join("keeper.log")
    }

    fn lock_file(&self, name: &str) -> File {
        let path = self.folder().join(name);
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path);
        opened.expect("a lock file can be opened")
    }

    fn folder(&self) -> PathBuf {
        room::in_target(&format!("cluster-{}", self.name))
    }
}

/// A cluster that runs at least as long as this value lives.
#[derive(Debug)]
pub struct Cluster {
    options: PgConnectOptions,
    run: Run,
    _client: File,
}

/// A database of one test's own. It is dropped, whoever is connected, soon after this value or its process is gone.
#[derive(Debug)]
pub struct DatabaseHandle {
    pub name: String,
    options: PgConnectOptions,
    run: Run,
}

/// Finds or starts the cluster that all tests share.
pub async fn attach() -> Cluster {
    attach_to(Run::shared()).await
}

/// Finds or starts the cluster of `run`.
pub async fn attach_to(run: Run) -> Cluster {
    let decision = run.decision();
    let waited = tokio::task::spawn_blocking(move || decision.lock().map(|()| decision));
    let decision = waited
        .await
        .expect("waiting for a lock does not panic")
        .expect("a file can be locked");
    let options = match running(&run).await {
        Some(options) => options,
        None => start(&run).await,
    };
    let client = run.clients();
    client.lock_shared().expect("a file can be locked");
    drop(decision);
    Cluster {
        options,
        run,
        _client: client,
    }
}

async fn start(run: &Run) -> PgConnectOptions {
    // One that was killed has left its address.
    let _removed = fs::remove_file(run.address());
    let mut process = keeper::spawn(run);
    let starts = eventually(
        "the keeper has a cluster",
        Duration::from_mins(1),
        async || {
            let ended = process.try_wait().expect("a child can be waited for");
            if let Some(status) = ended {
                let said = fs::read_to_string(run.log()).unwrap_or_default();
                panic!("the keeper of the tests' cluster ended ({status}):\n{said}");
            }
            running(run).await
        },
    );
    starts.await
}

/// The cluster, if it answers.
async fn running(run: &Run) -> Option<PgConnectOptions> {
    let url = fs::read_to_string(run.address()).ok()?;
    let options = PgConnectOptions::from_str(&url).expect("the keeper writes a valid address");
    let connecting = timeout(Duration::from_secs(5), PgConnection::connect_with(&options));
    connecting.await.ok()?.ok()?.close().await.ok()?;
    Some(options)
}

impl Cluster {
    pub fn connect_options(&self, database: &str) -> PgConnectOptions {
        self.options.clone().database(database)
    }

    /// Makes a database like the template called `template_name`. The template is made and migrated by whoever comes
    /// first; put a hash of the migrations into its name, since a cluster may serve several builds.
    pub async fn create_database_from_template(
        &self,
        template_name: &str,
        migrate: impl AsyncFn(PgConnectOptions),
    ) -> DatabaseHandle {
        let mut connection = self.connection().await;
        self.template_exists(&mut connection, template_name, migrate)
            .await;
        let name = name_of_a_database();
        execute(
            &mut connection,
            format!(r#"create database "{name}" template "{template_name}""#),
        )
        .await;
        close(connection).await;
        DatabaseHandle {
            options: self.connect_options(&name),
            name,
            run: self.run.clone(),
        }
    }

    async fn template_exists(
        &self,
        connection: &mut PgConnection,
        name: &str,
        migrate: impl AsyncFn(PgConnectOptions),
    ) {
        let locked = sqlx::query("select pg_advisory_lock(hashtext($1))")
            .bind(name)
            .execute(&mut *connection)
            .await;
        locked.expect("an advisory lock can be taken");
        let found = sqlx::query("select 1 from pg_database where datname = $1").bind(name);
        let found = found
            .fetch_optional(&mut *connection)
            .await
            .expect("databases can be listed");
        if found.is_none() {
            // It gets its name when it is whole: one whose maker was killed is an ordinary leftover.
            let unfinished = name_of_a_database();
            execute(connection, format!(r#"create database "{unfinished}""#)).await;
            migrate(self.connect_options(&unfinished)).await;
            let rename = format!(r#"alter database "{unfinished}" rename to "{name}""#);
            // A backend needs a moment to be gone after its connection was closed.
            eventually(
                "the template has no connections",
                Duration::from_secs(10),
                async || {
                    sqlx::query(AssertSqlSafe(rename.clone()))
                        .execute(&mut *connection)
                        .await
                        .ok()
                },
            )
            .await;
            execute(
                connection,
                format!(r#"alter database "{name}" allow_connections false is_template true"#),
            )
            .await;
        }
        let unlocked = sqlx::query("select pg_advisory_unlock(hashtext($1))")
            .bind(name)
            .execute(connection)
            .await;
        unlocked.expect("an advisory lock can be let go");
    }

    async fn connection(&self) -> PgConnection {
        PgConnection::connect_with(&self.options)
            .await
            .expect("the tests' cluster answers")
    }
}

impl DatabaseHandle {
    pub fn connect_options(&self) -> PgConnectOptions {
        self.options.clone()
    }

    /// The same for another process.
    pub fn url(&self) -> String {
        self.options.to_url_lossy().to_string()
    }
}

impl Drop for DatabaseHandle {
    fn drop(&mut self) {
        // The keeper drops it. Without this mark it does so when this process has ended.
        let _marked = fs::write(self.run.dropped().join(&self.name), "");
    }
}

/// `test_<process>_<random>`: by its name the keeper knows whose it is.
fn name_of_a_database() -> String {
    format!("test_{}_{:016x}", std::process::id(), rand::random::<u64>())
}

/// The process that made a database of this name, if it is one of a test.
pub(super) fn maker_of(name: &str) -> Option<i32> {
    name.strip_prefix("test_")?.split('_').next()?.parse().ok()
}

async fn execute(connection: &mut PgConnection, statement: String) {
    let executed = sqlx::query(AssertSqlSafe(statement.clone()))
        .execute(connection)
        .await;
    executed.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

async fn close(connection: PgConnection) {
    connection
        .close()
        .await
        .expect("a connection can be closed");
}
