//! What works on the database: built in the order in which they need each other.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tracing::warn;

use super::outbound::Clients;
use super::{Roles, StartError};
use crate::config::Config;
use crate::dispatch::announcer::Announcer;
use crate::dispatch::backoff::RetrySchedule;
use crate::dispatch::breaker::BreakerSettings;
use crate::dispatch::canceller::Canceller;
use crate::dispatch::context::{DispatchContext, DispatchSettings};
use crate::dispatch::gate::Gate;
use crate::dispatch::handover::Agents;
use crate::dispatch::replica::{Replica, Sights, Stages};
use crate::dispatch::results::Results;
use crate::dispatch::slots::Slots;
use crate::dispatch::sweep;
use crate::dispatch::wake::Waker;
use crate::dispatch::withdrawals::Withdrawals;
use crate::history::model::Horizon;
use crate::janitor::Janitor;
use crate::lanes::ids::Ids;
use crate::lanes::ownership::{LaneSignal, Ownership};
use crate::media::attached::Attachments;
use crate::media::references::References;
use crate::messages::accept::{Accept, AcceptParts, AfterAccept};
use crate::platform::clock::Clock;
use crate::platform::database::Database;
use crate::platform::http::idempotency::CrowdedTenants;
use crate::platform::lifecycle::Lifecycle;
use crate::platform::telemetry::metric;
use crate::provisioning::Directory;
use crate::receipts::intake::{ReceiptParts, Receipts};
use crate::restore::Marker;
use crate::suppressions::link::UnsubscribeLinks;
use crate::suppressions::proof::Proofs;
use crate::{audit, events, statistics};

/// Everything that works, before anybody is let in.
pub(super) struct Parts {
    pub(super) context: Arc<DispatchContext>,
    pub(super) stages: Stages,
    pub(super) accept: Accept,
    pub(super) receipts: Receipts,
    pub(super) crowded: CrowdedTenants,
    pub(super) after: Arc<dyn AfterAccept>,
}

impl Parts {
    pub(super) async fn start(
        config: &Config,
        (clock, lifecycle): (&Clock, &Lifecycle),
        (database, directory, references): (&Database, &Directory, References),
        proofs: Proofs,
        (roles, alone): (Roles, bool),
        clients: Clients,
    ) -> Result<Self, StartError> {
        let ids = Arc::new(Ids::new(clock.clone()));
        let ownership = Arc::new(Ownership::new(clock.clone()));
        let waker = Waker::start(Arc::clone(&database.hot), Arc::clone(&ownership), lifecycle);
        let asked = waker.asked();
        let withdrawals = Arc::new(Withdrawals::default());
        let after: Arc<dyn AfterAccept> = Arc::new(waker.clone());
        let settings = dispatch_settings(config)?;
        let agents = Agents::new(clock.clone(), clients.webhooks.clone());
        let context = Arc::new(DispatchContext {
            clock: clock.clone(),
            lifecycle: lifecycle.clone(),
            database: database.clone(),
            directory: directory.clone(),
            media: references,
            attachments: Attachments::new(database.media.clone()),
            tokens: agents.tokens().clone(),
            agents,
            growth: waker.growth(),
            clients: clients.webhooks,
            carrier_clients: clients.carriers,
            ids: Arc::clone(&ids),
            ownership: Arc::clone(&ownership),
            gate: Gate::start(
                (database, &proofs),
                clock.clone(),
                Arc::clone(&ownership),
                lifecycle,
            ),
            unsubscribe_links: UnsubscribeLinks::new(config.server.public_url.as_deref(), &proofs),
            proofs: proofs.clone(),
            announcer: Announcer::start(database, clock.clone(), lifecycle),
            results: Results::start(database, &after, &withdrawals, lifecycle),
            withdrawals,
            slots: Slots::new(settings.max_in_flight, settings.tenant_share),
            settings: Arc::new(settings),
        });
        Canceller::start(&context, Arc::clone(&asked.to_cancel));
        start_records(config, &context, Arc::clone(&asked.to_chain));
        let stages = start_replica(&context, waker, roles, alone).await?;
        let connections = config.database.accept_connections as usize;
        let accept_parts = AcceptParts {
            clock: clock.clone(),
            ids: Arc::clone(&ids),
            ownership: Arc::clone(&ownership),
            after: Arc::clone(&after),
            proofs,
        };
        let accept = Accept::start(accept_parts, database, connections, lifecycle);
        let receipts = start_receipts(config, &context, &after);
        let crowded = start_chores(config, &context);
        Ok(Self {
            context,
            stages,
            accept,
            receipts,
            crowded,
            after,
        })
    }
}

/// What is done beside the messages' path. Answers where it keeps the tenants whose idempotency keys are too many.
fn start_chores(config: &Config, context: &DispatchContext) -> CrowdedTenants {
    let crowded = CrowdedTenants::default();
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
    sweep::start(&database.jobs, clock, ownership, lifecycle);
    statistics::start_folding(&database.jobs, clock, ownership, lifecycle);
    crowded
}

/// Who changed what is chained and kept as long as it should, and who opens every tenant is seen.
fn start_records(config: &Config, context: &DispatchContext, asked: Arc<Notify>) {
    let (jobs, clock) = (&context.database.jobs, &context.clock);
    let (ownership, lifecycle) = (&context.ownership, &context.lifecycle);
    let kept = (jobs, config.retention.audit_ms());
    audit::start_chaining(kept, (clock, ownership), asked, lifecycle);
    let uses = context.directory.keyring().uses();
    audit::start_writing_uses(jobs, clock, uses, lifecycle);
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
    waker: Waker,
    roles: Roles,
    alone: bool,
) -> Result<Stages, StartError> {
    let (directory_version, seen_version) = watch::channel(context.directory.version());
    let (feed, seen_feed) = watch::channel(Horizon::default());
    let sights = Sights {
        directory_version,
        feed,
        waker,
    };
    events::horizon::watch(
        &context.database,
        &context.clock,
        seen_feed,
        &context.lifecycle,
    );
    let stages = Stages::default();
    let mut replica = Replica::new(Arc::clone(context), roles.dispatch, sights);
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
            context.ownership.signal(lane, LaneSignal::Refresh);
        }
    }
}

fn dispatch_settings(config: &Config) -> Result<DispatchSettings, StartError> {
    let dispatch = &config.dispatch;
    let public_url = config.server.public_url.as_deref();
    Ok(DispatchSettings {
        lease: Duration::from_secs_f64(dispatch.lease_seconds),
        max_in_flight: dispatch.max_in_flight,
        lane_max_in_flight: dispatch.lane_max_in_flight,
        memory_deliveries_max: dispatch.memory_deliveries_max,
        head_hold: Duration::from_secs_f64(dispatch.head_hold_seconds),
        message_age_max: Duration::from_secs(dispatch.message_age_max_seconds),
        unknown_hold: Duration::from_secs_f64(dispatch.unknown_hold_seconds),
        schedule: RetrySchedule::from_seconds(&config.webhook.retry_schedule_seconds)
            .map_err(StartError::Schedule)?,
        breaker: BreakerSettings {
            failures: dispatch.breaker_failures,
            pause_first: Duration::from_secs_f64(dispatch.breaker_seconds[0]),
            pause_max: Duration::from_secs_f64(dispatch.breaker_seconds[1]),
        },
        tenant_share: dispatch.tenant_share,
        public_url: public_url.map(|url| url.trim_end_matches('/').to_owned()),
    })
}
