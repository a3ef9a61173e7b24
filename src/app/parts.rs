//! What works on the database: built in the order in which they need each other.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::warn;

use super::{Roles, StartError};
use crate::config::Config;
use crate::dispatch::announcer::Announcer;
use crate::dispatch::backoff::RetrySchedule;
use crate::dispatch::breaker::BreakerSettings;
use crate::dispatch::canceller::Canceller;
use crate::dispatch::context::{DispatchContext, DispatchSettings};
use crate::dispatch::gate::Gate;
use crate::dispatch::replica::{Replica, Stages};
use crate::dispatch::results::Results;
use crate::dispatch::slots::Slots;
use crate::dispatch::wake::Waker;
use crate::dispatch::withdrawals::Withdrawals;
use crate::janitor::Janitor;
use crate::lanes::ids::Ids;
use crate::lanes::ownership::{LaneSignal, Ownership};
use crate::media::references::References;
use crate::messages::accept::{Accept, AcceptParts, AfterAccept};
use crate::platform::clock::Clock;
use crate::platform::database::Database;
use crate::platform::http::idempotency::CrowdedTenants;
use crate::platform::lifecycle::Lifecycle;
use crate::platform::outbound::{AddressGuard, OutboundClients, OutboundOptions};
use crate::platform::telemetry::metric;
use crate::provisioning::Directory;
use crate::receipts::intake::{ReceiptParts, Receipts};
use crate::restore::Marker;
use crate::{events, statistics};

/// Everything that works, before anybody is let in.
pub(super) struct Parts {
    pub(super) context: Arc<DispatchContext>,
    pub(super) stages: Stages,
    pub(super) accept: Accept,
    pub(super) receipts: Receipts,
    pub(super) crowded: CrowdedTenants,
    pub(super) after: Arc<dyn AfterAccept>,
    pub(super) feed: watch::Receiver<u64>,
}

impl Parts {
    pub(super) async fn start(
        config: &Config,
        (clock, lifecycle): (&Clock, &Lifecycle),
        (database, directory, references): (&Database, &Directory, References),
        (roles, alone): (Roles, bool),
    ) -> Result<Self, StartError> {
        let ids = Arc::new(Ids::new(clock.clone()));
        let ownership = Arc::new(Ownership::new(clock.clone()));
        let waker = Waker::start(Arc::clone(&database.hot), Arc::clone(&ownership), lifecycle);
        let (feed, cancellations) = (waker.feed(), waker.cancellations());
        let withdrawals = Arc::new(Withdrawals::default());
        let after: Arc<dyn AfterAccept> = Arc::new(waker);
        let settings = dispatch_settings(config)?;
        let context = Arc::new(DispatchContext {
            clock: clock.clone(),
            lifecycle: lifecycle.clone(),
            database: database.clone(),
            directory: directory.clone(),
            media: references,
            clients: clients(config)?,
            ids: Arc::clone(&ids),
            ownership: Arc::clone(&ownership),
            gate: Gate::start(database, clock.clone(), Arc::clone(&ownership), lifecycle),
            announcer: Announcer::start(database, clock.clone(), lifecycle),
            results: Results::start(database, &after, &withdrawals, lifecycle),
            withdrawals,
            slots: Slots::new(settings.max_in_flight, settings.tenant_share),
            settings,
        });
        Canceller::start(&context, &after, cancellations);
        let stages = start_replica(&context, roles, alone).await?;
        let accept_parts = AcceptParts {
            clock: clock.clone(),
            ids: Arc::clone(&ids),
            ownership: Arc::clone(&ownership),
            after: Arc::clone(&after),
        };
        let accept = Accept::start(
            accept_parts,
            database,
            config.database.accept_connections as usize,
            lifecycle,
        );
        let receipts = start_receipts(config, &context, &after);
        let crowded = CrowdedTenants::default();
        start_chores(config, &context, &crowded);
        Ok(Self {
            context,
            stages,
            accept,
            receipts,
            crowded,
            after,
            feed,
        })
    }
}

/// What is done beside the messages' path.
fn start_chores(config: &Config, context: &DispatchContext, crowded: &CrowdedTenants) {
    let (database, clock) = (&context.database, &context.clock);
    let (ownership, lifecycle) = (&context.ownership, &context.lifecycle);
    let of_replica = (&context.ids, ownership);
    Janitor::start(
        config,
        (database, clock),
        of_replica,
        crowded.clone(),
        lifecycle,
    );
    Marker::start(database, of_replica, lifecycle);
    events::horizon::watch(database, clock, lifecycle);
    statistics::start_folding(&database.jobs, clock, ownership, lifecycle);
}

fn start_receipts(
    config: &Config,
    context: &DispatchContext,
    after: &Arc<dyn AfterAccept>,
) -> Receipts {
    let parts = ReceiptParts {
        clock: context.clock.clone(),
        ids: Arc::clone(&context.ids),
        ownership: Arc::clone(&context.ownership),
        after: Arc::clone(after),
        parked_max: i64::from(config.receipts.parked_max),
    };
    Receipts::start(parts, &context.database, &context.lifecycle)
}

async fn start_replica(
    context: &Arc<DispatchContext>,
    roles: Roles,
    alone: bool,
) -> Result<Stages, StartError> {
    let (directory_version, seen_version) = watch::channel(context.directory.version());
    let stages = Stages::default();
    let mut replica = Replica::new(Arc::clone(context), roles.dispatch, directory_version);
    replica.begin(alone).await?;
    context
        .lifecycle
        .spawn_until_stop("replica", replica.run(stages.clone()));
    context.lifecycle.spawn_until_stop(
        "directory",
        follow_directory(Arc::clone(context), seen_version),
    );
    Ok(stages)
}

/// Reads the directory again each time that a tick shows a newer version.
async fn follow_directory(context: Arc<DispatchContext>, mut seen: watch::Receiver<i64>) {
    let over = context.lifecycle.over();
    loop {
        tokio::select! {
            changed = seen.changed() => if changed.is_err() { return },
            () = over.cancelled() => return,
        }
        while let Err(error) = context.directory.refresh(&context.database.jobs).await {
            metrics::counter!(metric::DIRECTORY_READS_FAILED).increment(1);
            warn!(error.cause = %error, "The directory could not be read; what was in force stays so");
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        for lane in context.ownership.lanes() {
            context.ownership.signal(lane, LaneSignal::LookForRows);
        }
    }
}

fn clients(config: &Config) -> Result<OutboundClients, StartError> {
    let guard = AddressGuard::new(config.outbound.allow_networks.clone());
    let options = OutboundOptions {
        https_only: config.outbound.https_only,
        extra_ca_files: config.outbound.ca_files.clone(),
        answer_bytes_max: config.webhook.answer_bytes_max,
        ..OutboundOptions::default()
    };
    Ok(OutboundClients::new(guard, options)?)
}

fn dispatch_settings(config: &Config) -> Result<DispatchSettings, StartError> {
    let dispatch = &config.dispatch;
    Ok(DispatchSettings {
        lease: Duration::from_secs_f64(dispatch.lease_seconds),
        max_in_flight: dispatch.max_in_flight,
        lane_max_in_flight: dispatch.lane_max_in_flight,
        memory_deliveries_max: dispatch.memory_deliveries_max,
        head_hold: Duration::from_secs_f64(dispatch.head_hold_seconds),
        unknown_hold: Duration::from_secs_f64(dispatch.unknown_hold_seconds),
        schedule: RetrySchedule::from_seconds(&config.webhook.retry_schedule_seconds)
            .map_err(StartError::Schedule)?,
        breaker: BreakerSettings {
            failures: dispatch.breaker_failures,
            pause_first: Duration::from_secs_f64(dispatch.breaker_seconds[0]),
            pause_max: Duration::from_secs_f64(dispatch.breaker_seconds[1]),
        },
        tenant_share: dispatch.tenant_share,
    })
}
