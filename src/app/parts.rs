//! What works on the database: built in the order in which they need each other.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::warn;

use super::{Roles, StartError};
use crate::config::Config;
use crate::content::rules::ContentLimits;
use crate::dispatch::announcer::Announcer;
use crate::dispatch::backoff::RetrySchedule;
use crate::dispatch::breaker::BreakerSettings;
use crate::dispatch::canceller::Canceller;
use crate::dispatch::context::{DispatchContext, DispatchSettings};
use crate::dispatch::endpoint_test::EndpointTests;
use crate::dispatch::gate::Gate;
use crate::dispatch::replica::{Replica, Stages, TICK_INTERVAL_MAX};
use crate::dispatch::results::Results;
use crate::dispatch::slots::Slots;
use crate::dispatch::wake::Waker;
use crate::dispatch::withdrawals::Withdrawals;
use crate::inbound::door::InboundDoor;
use crate::janitor::Janitor;
use crate::lanes::backlog::Backlogs;
use crate::lanes::ids::Ids;
use crate::lanes::ownership::{LaneSignal, Ownership};
use crate::media::references::References;
use crate::media::upload::Uploads;
use crate::messages::accept::{Accept, AcceptParts, AfterAccept};
use crate::messages::desk::Desk;
use crate::messages::known::KnownMessages;
use crate::messages::submit::Submit;
use crate::platform::clock::Clock;
use crate::platform::database::Database;
use crate::platform::http::LongBodies;
use crate::platform::http::idempotency::{CrowdedTenants, IdempotencyKeys};
use crate::platform::lifecycle::Lifecycle;
use crate::platform::outbound::{AddressGuard, OutboundClients, OutboundOptions};
use crate::platform::telemetry::{MetricsPage, metric};
use crate::platform::vault::Vault;
use crate::provisioning::Directory;
use crate::receipts::intake::{ReceiptParts, Receipts};
use crate::restore::Marker;
use crate::router::States;
use crate::suppressions::keywords::KeywordSets;
use crate::{
    conversations, dispatch, events, health, inbound, messages, provisioning, statistics,
    suppressions,
};

/// Everything that works, before anybody is let in.
pub(super) struct Parts {
    pub(super) context: Arc<DispatchContext>,
    pub(super) stages: Stages,
    accept: Accept,
    receipts: Receipts,
    crowded: CrowdedTenants,
    after: Arc<dyn AfterAccept>,
    feed: watch::Receiver<u64>,
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
        let of_replica = (&ids, &ownership);
        Janitor::start(
            config,
            (database, clock),
            of_replica,
            crowded.clone(),
            lifecycle,
        );
        Marker::start(database, of_replica, lifecycle);
        events::horizon::watch(database, clock, lifecycle);
        statistics::start_folding(&database.jobs, clock, &ownership, lifecycle);
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

    /// What the routes reach.
    pub(super) fn states(
        &self,
        config: &Config,
        vault: Arc<Vault>,
        metrics: MetricsPage,
    ) -> Result<States, StartError> {
        let context = &self.context;
        let (clock, database) = (&context.clock, &context.database);
        let keyring = context.directory.keyring();
        let (ids, ownership) = (&context.ids, &context.ownership);
        let keys = IdempotencyKeys {
            vault: Arc::clone(&vault),
            crowded: self.crowded.clone(),
        };
        let media = super::media::state(
            config,
            (database, clock),
            (&context.directory, &vault, &context.media),
            keys.clone(),
        )?;
        let messages = self.messages(config, keys.clone());
        Ok(States {
            replays: super::replays::start(config, &messages, &context.lifecycle),
            health: self.health(metrics),
            provisioning: provisioning::routes::State {
                pool: database.jobs.clone(),
                directory: context.directory.clone(),
                vault,
                clock: clock.clone(),
                guard: context.clients.guard().clone(),
                https_only: config.outbound.https_only,
                keys: keys.clone(),
            },
            inbound: self.inbound(config, media.uploads.clone()),
            media,
            messages,
            conversations: self.conversations(keys.clone()),
            suppressions: suppressions::routes::State {
                keyring: keyring.clone(),
                clock: clock.clone(),
                database: database.clone(),
                ids: Arc::clone(ids),
                ownership: Arc::clone(ownership),
            },
            endpoints: dispatch::routes::State {
                keyring: keyring.clone(),
                clock: clock.clone(),
                database: database.clone(),
                ids: Arc::clone(ids),
                ownership: Arc::clone(ownership),
                after: Arc::clone(&self.after),
                tests: EndpointTests::new(Arc::clone(context)),
                keys,
            },
            statistics: statistics::routes::State {
                keyring: keyring.clone(),
                clock: clock.clone(),
                reads: database.reads.clone(),
            },
            events: events::routes::State {
                keyring: keyring.clone(),
                clock: clock.clone(),
                database: database.clone(),
                lifecycle: context.lifecycle.clone(),
                grew: self.feed.clone(),
            },
        })
    }

    fn messages(&self, config: &Config, keys: IdempotencyKeys) -> messages::routes::State {
        let context = &self.context;
        let age_max = config.dispatch.message_age_max_seconds;
        let submit = Arc::new(Submit {
            accept: self.accept.clone(),
            clock: context.clock.clone(),
            backlogs: Backlogs::new(
                context.database.reads.clone(),
                context.clock.clone(),
                i64::from(config.dispatch.backlog_max),
            ),
            message_age_max_ms: i64::try_from(age_max).unwrap_or(i64::MAX) * 1_000,
            limits: content_limits(config),
            media: context.media.clone(),
        });
        let desk = Desk {
            database: context.database.clone(),
            clock: context.clock.clone(),
            ids: Arc::clone(&context.ids),
            ownership: Arc::clone(&context.ownership),
            directory: context.directory.clone(),
            submit: Arc::clone(&submit),
            after: Arc::clone(&self.after),
            search_time_max: Duration::from_secs_f64(config.server.search_seconds_max),
        };
        messages::routes::State {
            keyring: context.directory.keyring().clone(),
            clock: context.clock.clone(),
            desk,
            directory: context.directory.clone(),
            submit,
            keys,
        }
    }

    fn conversations(&self, keys: IdempotencyKeys) -> conversations::routes::State {
        let context = &self.context;
        conversations::routes::State {
            keyring: context.directory.keyring().clone(),
            clock: context.clock.clone(),
            database: context.database.clone(),
            ids: Arc::clone(&context.ids),
            ownership: Arc::clone(&context.ownership),
            keys,
        }
    }

    fn inbound(&self, config: &Config, files: Uploads) -> inbound::routes::State {
        let door = InboundDoor {
            accept: self.accept.clone(),
            receipts: self.receipts.clone(),
            keywords: KeywordSets::default(),
            limits: content_limits(config),
            known: KnownMessages {
                pool: self.context.database.reads.clone(),
                clock: self.context.clock.clone(),
            },
            files,
        };
        inbound::routes::State {
            keyring: self.context.directory.keyring().clone(),
            clock: self.context.clock.clone(),
            directory: self.context.directory.clone(),
            door: Arc::new(door),
            long_bodies: LongBodies::new(
                config.media.message_body_bytes_max,
                config.media.message_bodies_max,
            ),
        }
    }

    fn health(&self, metrics: MetricsPage) -> health::State {
        let readiness = health::Readiness {
            accept: self.accept.clone(),
            ownership: Arc::clone(&self.context.ownership),
            lifecycle: self.context.lifecycle.clone(),
            // Some ticks: one may be late on a busy machine.
            proof_age_max: TICK_INTERVAL_MAX * 3,
        };
        health::State { readiness, metrics }
    }
}

fn content_limits(config: &Config) -> ContentLimits {
    ContentLimits {
        parts_max: config.content.parts_max,
        bytes_max: config.content.bytes_max,
    }
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
