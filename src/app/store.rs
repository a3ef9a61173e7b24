//! Finding the database and bringing it up to date.

use std::ffi::OsString;
use std::str::FromStr;
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::time::timeout;
use tracing::warn;

use super::StartError;
use crate::config::Config;
use crate::history::store as history;
use crate::janitor;
use crate::platform::clock::Clock;
use crate::platform::database::embedded::{DATABASE, EmbeddedPostgres, EmbeddedSettings};
use crate::platform::database::error::{Fault, fault};
use crate::platform::database::{Database, PoolSizes, migrate, partitions};
use crate::platform::outbound::Place;

/// How long a database that is not there yet is waited for.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks for it.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// A database that is ready for work, without anything that works on it.
#[derive(Debug)]
pub struct OpenStore {
    pub database: Database,
    pub(super) embedded: Option<EmbeddedPostgres>,
    /// Where it listens, unless that is a socket in the file system.
    pub(super) place: Option<Place>,
}

/// Finds the database and brings it up to date.
pub async fn open(
    config: &Config,
    clock: &Clock,
    search_path: Option<OsString>,
) -> Result<OpenStore, StartError> {
    let (options, embedded) = find(config, search_path).await?;
    prepare(&options, clock, config).await?;
    Ok(OpenStore {
        database: Database::new(&options, pool_sizes(config)),
        embedded,
        place: place(&options),
    })
}

impl OpenStore {
    /// Writes out what the embedded server would have to write while it stops.
    pub(super) async fn checkpoint(&self) {
        if let Some(embedded) = &self.embedded
            && let Err(error) = embedded.checkpoint().await
        {
            warn!(error.cause = %error, "No checkpoint was made before the stop");
        }
    }

    /// Stops what was started for it.
    pub async fn close(self) {
        self.database.close().await;
        if let Some(embedded) = self.embedded {
            embedded.stop().await;
        }
    }

    /// The same at the end of a stop, when not much time is left.
    pub(super) async fn close_soon(self) {
        const CONNECTIONS: Duration = Duration::from_millis(200);
        const SERVER: Duration = Duration::from_secs(8);
        let _ = timeout(CONNECTIONS, self.database.close()).await;
        if let Some(embedded) = self.embedded {
            // A stop that is not waited for is finished by the server's guard.
            let _ = timeout(SERVER, embedded.stop()).await;
        }
    }
}

fn place(options: &PgConnectOptions) -> Option<Place> {
    let is_socket = options.get_socket().is_some() || options.get_host().starts_with('/');
    (!is_socket).then(|| (options.get_host().to_owned(), options.get_port()))
}

/// The database of the configuration, or an embedded one where none is named.
async fn find(
    config: &Config,
    search_path: Option<OsString>,
) -> Result<(PgConnectOptions, Option<EmbeddedPostgres>), StartError> {
    if let Some(url) = &config.database.url {
        let options = PgConnectOptions::from_str(url.expose()).map_err(StartError::DatabaseUrl)?;
        return Ok((options, None));
    }
    let settings = EmbeddedSettings {
        binaries_directory: config.database.embedded_binaries_dir.clone(),
        search_path,
        ..EmbeddedSettings::in_directory(&config.database.embedded_dir)
    };
    let embedded = EmbeddedPostgres::start(&settings).await?;
    Ok((embedded.connect_options(DATABASE), Some(embedded)))
}

/// Waits for the database, migrates it, and makes the partitions of these weeks.
async fn prepare(
    options: &PgConnectOptions,
    clock: &Clock,
    config: &Config,
) -> Result<(), StartError> {
    let mut connection = connect(options, clock).await?;
    migrate(&mut connection).await?;
    if history::note_cluster(&mut connection).await? {
        warn!("The data is in another cluster than before; every reader of the feed begins anew");
    }
    partitions::make(
        &mut connection,
        &janitor::weekly_tables(&config.retention),
        clock.now_ms(),
    )
    .await?;
    connection.close().await?;
    Ok(())
}

fn pool_sizes(config: &Config) -> PoolSizes {
    PoolSizes {
        queue: 2,
        reads: config.database.read_connections,
        jobs: config.database.job_connections,
        media: config.database.media_connections,
        statement_timeout: Duration::from_millis(config.database.statement_timeout_milliseconds),
    }
}

async fn connect(options: &PgConnectOptions, clock: &Clock) -> Result<PgConnection, StartError> {
    let began: Instant = clock.monotonic();
    let mut said = false;
    loop {
        match options.connect().await {
            Ok(connection) => return Ok(connection),
            Err(error)
                if fault(&error) == Fault::Unavailable
                    && clock.monotonic().duration_since(began) < PATIENCE =>
            {
                if !said {
                    warn!(error.cause = %error, "The database is not there yet; waiting for it up to {} s", PATIENCE.as_secs());
                    said = true;
                }
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
