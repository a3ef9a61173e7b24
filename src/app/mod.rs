//! The composition root: builds every part from the configuration, starts in order, stops in reverse.
//! `store` finds and prepares the database, `parts` builds what works on it; here is what starts and stops them.

mod erasures;
mod listeners;
mod media;
mod outbound;
mod parts;
mod replays;
mod states;
mod store;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::auth::guessing::{GuessLimits, Guesses};
use crate::auth::key::ApiKey;
use crate::config::{Config, ConfigError};
use crate::dispatch::backoff::ScheduleError;
use crate::dispatch::replica::Stages;
use crate::dispatch::results::Results;
use crate::media::kinds::UnknownKind;
use crate::media::spool::Spool;
use crate::platform::clock::Clock;
use crate::platform::database::embedded::{EmbeddedError, EmbeddedPostgres};
use crate::platform::lifecycle::{Lifecycle, StopTimeline};
use crate::platform::outbound::ClientsError;
use crate::platform::telemetry::MetricsPage;
use crate::platform::vault::Vault;
use crate::platform::vault::register::{self, RegisterError};
use crate::provisioning::{self, Directory, RefreshError};
use crate::suppressions::proof::{NoProofs, Proofs};
use crate::values::Secret;
use crate::{first_secrets, rekey, restore, router};
use listeners::{Listeners, Served};
use parts::Parts;

pub use store::{OpenStore, open};

/// What this process does beside answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    /// Answers clients and third parties; without it only the health of the process is shown.
    pub api: bool,
    /// Owns lanes and sends.
    pub dispatch: bool,
}

impl Roles {
    /// Answers and leaves the sending to others.
    pub const API: Self = Self {
        api: true,
        dispatch: false,
    };
    /// Sends what others have taken.
    pub const DISPATCH: Self = Self {
        api: false,
        dispatch: true,
    };
    pub const ALL: Self = Self {
        api: true,
        dispatch: true,
    };
}

/// What the process has that the configuration does not say.
#[derive(Debug, Clone)]
pub struct Surroundings {
    pub clock: Clock,
    pub metrics: MetricsPage,
    /// Where programs are found: the process's `PATH`.
    pub search_path: Option<std::ffi::OsString>,
    /// The data were restored to a point in time: hold everything.
    pub after_restore: bool,
}

/// Why the gateway did not start. Each is one line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error("{0}")]
    Embedded(#[from] EmbeddedError),
    #[error("database.url cannot be read: {0}")]
    DatabaseUrl(#[source] sqlx::Error),
    #[error("the database cannot be used: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the schema cannot be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    #[error("{0}")]
    Secret(#[from] first_secrets::SecretUnavailable),
    #[error("{0}")]
    MasterKeys(#[from] RegisterError),
    #[error("{0}")]
    Directory(#[from] RefreshError),
    #[error("{0}")]
    Proofs(#[from] NoProofs),
    #[error("HTTP clients cannot be built: {0}")]
    Clients(#[from] ClientsError),
    #[error("webhook.retry_schedule_seconds cannot be used: {0}")]
    Schedule(#[source] ScheduleError),
    #[error("{0}")]
    MediaTypes(#[from] UnknownKind),
    #[error("server.spool_dir {directory} cannot be used: {cause}")]
    Spool {
        directory: String,
        cause: std::io::Error,
    },
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        address: SocketAddr,
        cause: std::io::Error,
    },
}

/// A running gateway.
#[derive(Debug)]
pub struct App {
    pub public_address: SocketAddr,
    pub internal_address: SocketAddr,
    pub clock: Clock,
    /// What a person who starts this should be told.
    pub notice: Option<String>,
    /// The first cluster key, where there is one.
    pub bootstrap_key: Option<Secret>,
    lifecycle: Lifecycle,
    stages: Stages,
    served: Served,
    store: OpenStore,
    results: Results,
    drain_delay: Duration,
}

impl App {
    /// Starts everything; when this returns, requests are served.
    pub async fn start(
        config: Config,
        roles: Roles,
        surroundings: Surroundings,
    ) -> Result<Self, StartError> {
        let Surroundings {
            clock,
            metrics,
            search_path,
            after_restore,
        } = surroundings;
        let lifecycle = Lifecycle::new();
        // Where the start does not come to its end, what has begun already ends in silence.
        let unfinished = lifecycle.draining().drop_guard();
        // Bound first, so that a second gateway on the same address leaves no trace in the database.
        let listeners = Listeners::bind(&config.server).await?;
        let (public_address, internal_address) =
            (listeners.public_address, listeners.internal_address);
        let served = listeners.serve(&config, &lifecycle);
        let store = open(&config, &clock, search_path).await?;
        if after_restore {
            restore::hold(&store.database).await?;
        }
        let data_directory = store.embedded.as_ref().map(EmbeddedPostgres::directory);
        let bootstrap_key = first_secrets::bootstrap_key(&config.security, data_directory)?;
        let (vault, directory) = tenants(&config, &store, bootstrap_key.as_ref(), &clock).await?;
        let proofs = Proofs::load(&store.database.jobs, &vault).await?;
        let references = media::references(&config, (&store.database, &clock), &vault);
        let parts = Parts::start(
            &config,
            (&clock, &lifecycle),
            (&store.database, &directory, references),
            proofs,
            (roles, store.embedded.is_some()),
            outbound::clients(
                &config,
                [public_address, internal_address],
                store.place.clone(),
            )
            .await?,
        )
        .await?;
        metrics.keep(&lifecycle);
        let states = parts.states(&config, &vault, metrics)?;
        if roles.api {
            spool_is_ready(&config, &states.media.uploads.spool)?;
        }
        open_to_all(&served, &config, (roles, states), (&clock, &lifecycle));
        unfinished.disarm();
        info!(listen = %public_address, internal_listen = %internal_address, "The gateway is ready");
        Ok(Self {
            public_address,
            internal_address,
            clock,
            notice: notice(&config, &store),
            bootstrap_key: bootstrap_key.map(|key| Secret::new(key.reveal())),
            lifecycle,
            stages: parts.stages,
            served,
            results: parts.context.results.clone(),
            store,
            drain_delay: Duration::from_secs_f64(config.server.drain_delay_seconds),
        })
    }

    /// Cancelled when the stop begins, for whatever reason: a task that has to live has ended.
    pub fn draining(&self) -> CancellationToken {
        self.lifecycle.draining()
    }

    /// Resolves if the embedded Postgres dies under us; never without one.
    pub async fn database_lost(&self) {
        match &self.store.embedded {
            Some(embedded) => embedded.exited().await,
            None => std::future::pending().await,
        }
    }

    /// Stops on the contract's timeline. Skips to the cut when `hurry` resolves.
    pub async fn stop(self, hurry: impl Future<Output = ()>) {
        let timeline = StopTimeline::with_drain_delay(self.drain_delay);
        let attempts_ended = async {
            tokio::join!(
                self.stages.lanes_given_away.cancelled(),
                self.store.checkpoint()
            );
        };
        let stopped = self.lifecycle.stop(
            timeline,
            attempts_ended,
            self.served.ended(),
            self.last_words(),
            hurry,
        );
        // Boxed: it holds everything that is waited for, and its callers hold it.
        Box::pin(stopped).await;
        self.store.close_soon().await;
        info!("The gateway has stopped");
    }

    /// Results are made durable, then the life is ended, so that others need not wait for it to fall silent.
    async fn last_words(&self) {
        const FLUSH: Duration = Duration::from_millis(700);
        // A lane is given away when its results are durable, those of attempts that were cut among them.
        let recorded = async {
            self.stages.lanes_given_away.cancelled().await;
            self.results.flushed().await;
        };
        if timeout(FLUSH, recorded).await.is_err() {
            warn!(
                "Some results could not be stored; their messages are sent again with the same ids"
            );
        }
        self.stages.done_with_life.cancel();
        self.stages.life_ended.cancelled().await;
    }
}

fn spool_is_ready(config: &Config, spool: &Spool) -> Result<(), StartError> {
    spool.prepare().map_err(|cause| StartError::Spool {
        directory: config.server.spool_dir.display().to_string(),
        cause,
    })
}

/// Lets the world and the inside see what a replica with these roles shows.
fn open_to_all(
    served: &Served,
    config: &Config,
    (roles, states): (Roles, router::States),
    (clock, lifecycle): (&Clock, &Lifecycle),
) {
    let limits = config.server.request_limits();
    let inside = router::internal(states.health.clone(), limits, lifecycle);
    let outside = if roles.api {
        let guesses = Guesses::new(guess_limits(config), clock.clone());
        router::public(&states, guesses, limits, lifecycle)
    } else {
        router::health_alone(states.health, limits, lifecycle)
    };
    served.open((outside, inside));
}

fn guess_limits(config: &Config) -> GuessLimits {
    GuessLimits {
        source_per_minute: config.security.source_failures_per_minute,
        tenant_per_minute: config.security.tenant_failures_per_minute,
    }
}

/// Where an embedded database lies, and the key that came with it.
fn notice(config: &Config, store: &OpenStore) -> Option<String> {
    let embedded = store.embedded.as_ref()?;
    let place = embedded.notice()?;
    if config.security.bootstrap_api_key.is_some() {
        return Some(place.to_owned());
    }
    let key = first_secrets::bootstrap_key_file(embedded.directory());
    Some(format!(
        "{place}\nThe first cluster key is in {}",
        key.display()
    ))
}

/// What opens the secrets of a database, if the configured master keys do.
pub async fn vault(config: &Config, store: &OpenStore) -> Result<Vault, StartError> {
    let data_directory = store.embedded.as_ref().map(EmbeddedPostgres::directory);
    let keys = first_secrets::master_keys(&config.security, data_directory).await?;
    Ok(register::open(&store.database.jobs, keys, rekey::sealed_otherwise).await?)
}

/// Who our tenants are, and what opens their secrets.
async fn tenants(
    config: &Config,
    store: &OpenStore,
    bootstrap_key: Option<&ApiKey>,
    clock: &Clock,
) -> Result<(Arc<Vault>, Directory), StartError> {
    let vault = Arc::new(vault(config, store).await?);
    let jobs = &store.database.jobs;
    if let Some(key) = bootstrap_key {
        provisioning::ensure_bootstrap_key(jobs, key, clock.now()).await?;
    }
    let directory = Directory::load(jobs, Arc::clone(&vault)).await?;
    Ok((vault, directory))
}
