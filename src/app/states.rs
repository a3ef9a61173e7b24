//! What the routes reach of what works.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::StartError;
use super::parts::Parts;
use crate::config::Config;
use crate::content::rules::ContentLimits;
use crate::dispatch::endpoint_test::EndpointTests;
use crate::dispatch::handover::Typing;
use crate::inbound::door::InboundDoor;
use crate::inbound::routes::batches::Batches;
use crate::lanes::backlog::Backlogs;
use crate::media::upload::Uploads;
use crate::messages::desk::Desk;
use crate::messages::known::KnownMessages;
use crate::messages::submit::Submit;
use crate::platform::http::LongBodies;
use crate::platform::http::idempotency::IdempotencyKeys;
use crate::platform::telemetry::MetricsPage;
use crate::platform::vault::{Pseudonyms, Vault};
use crate::provisioning::numbers::Numbers;
use crate::router::States;
use crate::suppressions::keywords::KeywordSets;
use crate::suppressions::opt_outs::OptOuts;
use crate::{
    audit, conversations, dispatch, events, health, inbound, messages, provisioning, statistics,
    suppressions,
};

/// How old the last good tick of a replica may be that is ready: some ticks, since one may be late on a busy machine.
const TICK_AGE_MAX: Duration = Duration::from_secs(2);

impl Parts {
    /// What the routes reach.
    pub(super) fn states(
        &self,
        config: &Config,
        vault: &Arc<Vault>,
        metrics: MetricsPage,
    ) -> Result<States, StartError> {
        let context = &self.context;
        let (clock, database) = (&context.clock, &context.database);
        let keyring = context.directory.keyring();
        let (ids, ownership) = (&context.ids, &context.ownership);
        let keys = IdempotencyKeys {
            vault: Arc::clone(vault),
            crowded: self.crowded.clone(),
        };
        let media = super::media::state(
            config,
            (database, clock),
            (&context.directory, vault, &context.media),
            keys.clone(),
        )?;
        let messages = self.messages(config, keys.clone());
        Ok(States {
            replays: super::replays::start(config, &messages, &context.lifecycle),
            erasures: super::erasures::start(config, &messages, vault, &context.lifecycle),
            health: self.health(metrics),
            provisioning: self.provisioning(config, vault, keys.clone()),
            inbound: self.inbound(
                config,
                media.uploads.clone(),
                keys.clone(),
                messages.desk.clone(),
            ),
            media,
            messages,
            conversations: self.conversations(keys.clone()),
            suppressions: suppressions::routes::State {
                keyring: keyring.clone(),
                clock: clock.clone(),
                database: database.clone(),
                ids: Arc::clone(ids),
                ownership: Arc::clone(ownership),
                pseudonyms: Pseudonyms::new(vault),
                proofs: context.proofs.clone(),
                links: context.unsubscribe_links.clone(),
                opt_outs: self.opt_outs(),
            },
            endpoints: self.endpoints(keys),
            audit: audit::routes::State {
                keyring: keyring.clone(),
                clock: clock.clone(),
                reads: database.reads.clone(),
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
                growth: context.growth.clone(),
            },
        })
    }

    fn provisioning(
        &self,
        config: &Config,
        vault: &Arc<Vault>,
        keys: IdempotencyKeys,
    ) -> provisioning::routes::State {
        let context = &self.context;
        provisioning::routes::State {
            pool: context.database.jobs.clone(),
            directory: context.directory.clone(),
            vault: Arc::clone(vault),
            clock: context.clock.clone(),
            guard: context.clients.guard().clone(),
            https_only: config.outbound.https_only,
            public_url: config.server.public_url.clone(),
            keys,
            numbers: Numbers {
                directory: context.directory.clone(),
                tokens: context.tokens.clone(),
                clients: context.carrier_clients.clone(),
                clock: context.clock.clone(),
            },
            ownership: Arc::clone(&context.ownership),
            lifecycle: context.lifecycle.clone(),
        }
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
            proofs: context.proofs.clone(),
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

    fn endpoints(&self, keys: IdempotencyKeys) -> dispatch::routes::State {
        let context = &self.context;
        dispatch::routes::State {
            keyring: context.directory.keyring().clone(),
            clock: context.clock.clone(),
            database: context.database.clone(),
            ids: Arc::clone(&context.ids),
            ownership: Arc::clone(&context.ownership),
            after: Arc::clone(&self.after),
            tests: EndpointTests::new(Arc::clone(context)),
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

    fn inbound(
        &self,
        config: &Config,
        files: Uploads,
        keys: IdempotencyKeys,
        desk: Desk,
    ) -> inbound::routes::State {
        let (typing, seen) = mpsc::channel(TYPING_WAITING_MAX);
        let context = &self.context;
        let teller = Typing {
            agents: context.agents.clone(),
            directory: context.directory.clone(),
            clock: context.clock.clone(),
        };
        teller.start(seen, &context.lifecycle);
        let door = InboundDoor {
            accept: self.accept.clone(),
            receipts: self.receipts.clone(),
            keywords: KeywordSets::default(),
            limits: content_limits(config),
            known: KnownMessages {
                pool: self.context.database.reads.clone(),
                clock: self.context.clock.clone(),
            },
            opt_outs: self.opt_outs(),
            files,
            typing,
        };
        inbound::routes::State {
            keyring: self.context.directory.keyring().clone(),
            clock: self.context.clock.clone(),
            directory: self.context.directory.clone(),
            door: Arc::new(door),
            desk,
            batches: Batches {
                keys,
                pool: self.context.database.jobs.clone(),
                clock: self.context.clock.clone(),
            },
            long_bodies: LongBodies::new(
                config.media.message_body_bytes_max,
                config.media.message_bodies_max,
            ),
        }
    }

    fn opt_outs(&self) -> OptOuts {
        let context = &self.context;
        OptOuts {
            pool: context.database.jobs.clone(),
            clock: context.clock.clone(),
            ids: Arc::clone(&context.ids),
            ownership: Arc::clone(&context.ownership),
            proofs: context.proofs.clone(),
        }
    }

    fn health(&self, metrics: MetricsPage) -> health::State {
        let readiness = health::Readiness {
            accept: self.accept.clone(),
            ownership: Arc::clone(&self.context.ownership),
            lifecycle: self.context.lifecycle.clone(),
            proof_age_max: TICK_AGE_MAX,
        };
        health::State { readiness, metrics }
    }
}

/// Consumers who type and of whom agents are still to be told.
const TYPING_WAITING_MAX: usize = 256;

fn content_limits(config: &Config) -> ContentLimits {
    ContentLimits {
        parts_max: config.content.parts_max,
        bytes_max: config.content.bytes_max,
    }
}
