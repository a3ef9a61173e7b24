//! Postgres as a child of the gateway, for whoever names no database: made, started, guarded and stopped by us, over
//! the programs that are installed. It is durable and real, but one node: what its disk loses is lost.
//!
//! It never outlives the gateway: a guard process stops it when the gateway dies, and the next start waits until all
//! of an earlier server is gone.

mod binaries;
mod error;
mod guard;
mod initialise;
mod leftover;
mod place;
mod server;
mod system_user;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use binaries::Binaries;
pub use error::EmbeddedError;
use guard::Guard;
use place::{Place, SocketDirectory};
use server::Server;

/// The database that is made for the gateway.
pub const DATABASE: &str = "nexus_gateway";

/// The one role of the server. Only the server's own user and the gateway's may use it (peer authentication).
const ROLE: &str = "nexus_gateway";

/// A server that crashed replays its log before it answers, which may take minutes.
const READY_WITHIN: Duration = Duration::from_mins(5);

/// How long each step of a stop may take before the next, harder one.
const ORDERLY_STOP: Duration = Duration::from_secs(30);
const IMMEDIATE_STOP: Duration = Duration::from_secs(10);

/// What is promised for a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A commit that was acknowledged is on the disk.
    Full,
    /// For clusters of tests only: a crash of the machine may lose or break everything.
    None,
}

#[derive(Debug, Clone)]
pub struct EmbeddedSettings {
    /// Where the data lies; made if missing.
    pub directory: PathBuf,
    /// Where `postgres` and `initdb` lie. `None`: they are looked for in `search_path` and the usual places.
    pub binaries_directory: Option<PathBuf>,
    /// The process' `PATH`.
    pub search_path: Option<OsString>,
    /// Who runs the server where the gateway runs as root and there is no data yet. `None`: `postgres`.
    pub system_user: Option<String>,
    pub durability: Durability,
    /// Further parameters of the server, as in `postgresql.conf`.
    pub parameters: Vec<(String, String)>,
}

impl EmbeddedSettings {
    /// Full durability in `directory`, with the programs and the user found by themselves.
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            binaries_directory: None,
            search_path: None,
            system_user: None,
            durability: Durability::Full,
            parameters: Vec::new(),
        }
    }
}

/// A running server. Dropping it without [`EmbeddedPostgres::stop`] leaves the stopping to the guard, which takes up to
/// 9 s and does not wait for connections.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    // The order matters: the guard is let go of before the directory is.
    server: Server,
    sockets: SocketDirectory,
    notice: Option<String>,
    place: Place,
}

impl EmbeddedPostgres {
    /// Starts the server, making its data if there is none, and returns when it answers. Waits up to 30 s for an earlier
    /// server in the same directory to end, and up to 5 minutes for the recovery after a crash.
    ///
    /// # Errors
    ///
    /// [`EmbeddedError`] says in one line what is wrong; nothing is left running.
    pub async fn start(settings: &EmbeddedSettings) -> Result<Self, EmbeddedError> {
        let (place, user) = Place::claim(settings).await?;
        let binaries = Binaries::find(settings, &place.cluster())?;
        let lock = leftover::wait_until_gone(&place).await?;
        initialise::cluster_exists(&place, &user, &binaries, settings.durability, &lock).await?;
        let sockets = place.socket_directory(&user)?;
        leftover::sweep(&place, &sockets, &lock)?;
        let arguments = server::arguments(settings, &place, &user, &sockets)?;
        let guard = Guard::start(&user, &sockets)?;
        let server =
            Server::launch(&binaries.program("postgres"), arguments, &user, guard, lock).await?;
        let notice = (settings.durability == Durability::Full).then(|| notice(&place, &user.name));
        let started = Self {
            server,
            sockets,
            notice,
            place,
        };
        started.ready().await?;
        started.database_exists().await?;
        info!(
            "Postgres {} runs in {}",
            binaries.major,
            started.place.directory.display()
        );
        Ok(started)
    }

    /// How to connect to `database`: over a socket that only we and the server's user can reach.
    pub fn connect_options(&self, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.sockets.path)
            .port(5432)
            .username(ROLE)
            .database(database)
            .ssl_mode(PgSslMode::Disable)
    }

    /// The directory that is really used; another than was asked for where root's server could not enter that one.
    pub fn directory(&self) -> &Path {
        &self.place.directory
    }

    /// What a person who starts this should be told: that it is one node, and where the data went if not where asked.
    /// Nothing for clusters of tests.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// The server's process id.
    pub fn process_id(&self) -> i32 {
        self.server.process()
    }

    /// Writes everything to the data files, so that a stop soon after is quick.
    pub async fn checkpoint(&self) -> Result<(), EmbeddedError> {
        // It takes as long as the disk needs, which is nothing to be warned of.
        let options = self.connect_options(DATABASE).disable_statement_logging();
        let mut connection = PgConnection::connect_with(&options).await?;
        sqlx::query("checkpoint").execute(&mut connection).await?;
        connection.close().await?;
        Ok(())
    }

    /// Resolves when the server has ended, by [`EmbeddedPostgres::stop`] or under us. All of its processes have lost
    /// their server then, but some may need another moment to be gone.
    pub fn exited(&self) -> impl Future<Output = ()> + Send + 'static {
        self.server.ended()
    }

    /// Stops the server: its connections are closed, everything is written. Close the pools first. After 30 s it is
    /// stopped the hard way, which costs a recovery at the next start and loses nothing.
    ///
    /// May be dropped half-way: the guard then finishes it.
    pub async fn stop(self) {
        self.server.signal(Signal::SIGINT);
        if timeout(ORDERLY_STOP, self.server.ended()).await.is_err() {
            warn!(
                "Postgres did not stop within {} s, stopping it the hard way",
                ORDERLY_STOP.as_secs()
            );
            self.server.signal(Signal::SIGQUIT);
            if timeout(IMMEDIATE_STOP, self.server.ended()).await.is_err() {
                self.server.signal(Signal::SIGKILL);
                self.server.ended().await;
            }
        }
        server::remove_temporary(&self.sockets);
    }

    async fn ready(&self) -> Result<(), EmbeddedError> {
        let options = self.connect_options("postgres");
        let started = Instant::now();
        loop {
            if let Some(status) = self.server.status() {
                return Err(EmbeddedError::Ended {
                    status,
                    said: self.server.said(),
                });
            }
            if started.elapsed() > READY_WITHIN {
                return Err(EmbeddedError::NotReady {
                    waited: READY_WITHIN,
                    said: self.server.said(),
                });
            }
            if let Ok(Ok(())) = timeout(Duration::from_secs(2), answers(&options)).await {
                return Ok(());
            }
            sleep(Duration::from_millis(25)).await;
        }
    }

    async fn database_exists(&self) -> Result<(), EmbeddedError> {
        let mut connection = PgConnection::connect_with(&self.connect_options("postgres")).await?;
        let found = sqlx::query("select 1 from pg_database where datname = $1")
            .bind(DATABASE)
            .fetch_optional(&mut connection)
            .await?;
        if found.is_none() {
            let create = format!("create database {DATABASE}");
            sqlx::query(AssertSqlSafe(create))
                .execute(&mut connection)
                .await?;
        }
        connection.close().await?;
        Ok(())
    }
}

async fn answers(options: &PgConnectOptions) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect_with(options).await?;
    sqlx::query("select 1").execute(&mut connection).await?;
    connection.close().await
}

fn notice(place: &Place, user: &str) -> String {
    let directory = place.directory.display();
    let one_node = format!(
        "Postgres runs embedded, as one node without a replica; its data is in {directory}"
    );
    match &place.instead_of {
        None => one_node,
        Some(asked) => format!(
            "{one_node}\nIt is not in {}: the server runs as user {user}, who may not enter there",
            asked.display()
        ),
    }
}
