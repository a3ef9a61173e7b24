//! What is done in the background so that nothing grows without end: partitions made ahead and dropped when their
//! time is over, parked receipts matched late or given up. Each replica does it; what two do at once does no harm.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::{Config, ReceiptsConfig, RetentionConfig};
use crate::lanes::ids::{Ids, floor_of};
use crate::lanes::ownership::Ownership;
use crate::messages::store::retention::forget_dead_letters_before;
use crate::platform::clock::{Clock, from_unix_ms};
use crate::platform::database::partitions::{self, WEEK_MS, Weekly};
use crate::platform::database::{Database, within};
use crate::platform::http::idempotency::CrowdedTenants;
use crate::platform::http::idempotency::store as idempotency;
use crate::platform::lifecycle::Lifecycle;
use crate::platform::telemetry::metric;
use crate::receipts::{doubtful, intake, store as receipts, unmatched};
use crate::statistics::model::hour_of;
use crate::suppressions::store as suppressions;
use crate::{conversations, erasures, lanes, replays, statistics};

/// Between two rounds.
const ROUND_INTERVAL_MS: i64 = 60_000;
/// One round, also where the store answers nothing.
const ROUND_TIME_MAX: Duration = Duration::from_mins(1);
/// Partitions are looked at every so many rounds.
const ROUNDS_PER_PARTITIONS: u32 = 60;
/// Receipts that were parked within this time are matched again: the crash between two commits is covered soon after.
const SWEEP_AGE_MS: i64 = 10 * 60_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// How long a life is remembered after its end, for whoever looks into what happened.
const LIVES_KEPT_MS: i64 = 7 * DAY_MS;
/// Persons whose receipts are matched again in a round.
const PEOPLE_MAX: i64 = 200;
/// Rows of one statement.
const ROWS_MAX: i64 = 1_000;
/// What a statement has done that may have left some.
const FULL: u64 = ROWS_MAX.unsigned_abs();

/// The janitor's task.
#[derive(Debug)]
pub struct Janitor {
    database: Database,
    clock: Clock,
    ids: Arc<Ids>,
    ownership: Arc<Ownership>,
    receipts: ReceiptsConfig,
    tables: Vec<Weekly>,
    /// How long messages are kept.
    keep_ms: i64,
    /// How long replays that have ended are kept.
    keep_replays_ms: i64,
    /// How long erasures that have ended are kept.
    keep_erasures_ms: i64,
    /// How long statistics are kept.
    keep_statistics_ms: i64,
    /// How long idempotency keys are kept.
    keep_keys_ms: i64,
    keys_max: i64,
    crowded: CrowdedTenants,
}

/// Every table that is partitioned by week, with how long its weeks are kept.
pub fn weekly_tables(retention: &RetentionConfig) -> Vec<Weekly> {
    let by_id = |table, storage| Weekly {
        table,
        bound: |week| floor_of(week * WEEK_MS),
        storage,
        keep_weeks: i64::from(retention.messages_days).div_euclid(7) + 1,
    };
    let by_week = |table| Weekly {
        table,
        bound: |week| week,
        storage: "",
        keep_weeks: i64::from(retention.media_days).div_euclid(7) + 1,
    };
    vec![
        // Every key is asked for in its own week and the next.
        Weekly {
            table: "inbound_keys",
            bound: |week| week,
            storage: "",
            keep_weeks: 2,
        },
        by_week("media"),
        by_week("media_chunks"),
        by_id("messages", ""),
        by_id("message_states", "fillfactor = 70"),
        by_id("history", ""),
        by_id("provider_ids", ""),
    ]
}

impl Janitor {
    pub fn start(
        config: &Config,
        (database, clock): (&Database, &Clock),
        (ids, ownership): (&Arc<Ids>, &Arc<Ownership>),
        crowded: CrowdedTenants,
        lifecycle: &Lifecycle,
    ) {
        let janitor = Self {
            database: database.clone(),
            clock: clock.clone(),
            ids: Arc::clone(ids),
            ownership: Arc::clone(ownership),
            receipts: config.receipts.clone(),
            tables: weekly_tables(&config.retention),
            keep_ms: i64::from(config.retention.messages_days) * DAY_MS,
            keep_replays_ms: i64::from(config.replays.ended_days) * DAY_MS,
            keep_erasures_ms: i64::from(config.erasures.ended_days) * DAY_MS,
            keep_statistics_ms: i64::from(config.retention.statistics_days) * DAY_MS,
            keep_keys_ms: i64::from(config.retention.idempotency_hours) * HOUR_MS,
            keys_max: i64::from(config.retention.idempotency_keys_max),
            crowded,
        };
        let (draining, cut) = (lifecycle.draining(), lifecycle.cut());
        lifecycle.spawn_until_stop("janitor", async move {
            // A round that is under way ends in peace unless that takes too long.
            tokio::select! {
                () = janitor.run(draining) => {}
                () = cut.cancelled() => {}
            }
        });
    }

    async fn run(self, draining: CancellationToken) {
        let mut rounds: u32 = 0;
        while !draining.is_cancelled() {
            let round = self.round(rounds.is_multiple_of(ROUNDS_PER_PARTITIONS));
            if let Err(error) = within(ROUND_TIME_MAX, round).await {
                metrics::counter!(metric::CLEAN_UPS_FAILED).increment(1);
                warn!(error.cause = %error, "A round of clean-up failed; the next one goes on");
            }
            rounds = rounds.wrapping_add(1);
            tokio::select! {
                () = self.clock.sleep_until(self.clock.now_ms() + ROUND_INTERVAL_MS) => {}
                () = draining.cancelled() => {}
            }
        }
    }

    async fn round(&self, with_partitions: bool) -> sqlx::Result<()> {
        let mut connection = self.database.jobs.acquire().await?;
        let now_ms = self.clock.now_ms();
        if with_partitions {
            partitions::make(&mut connection, &self.tables, now_ms).await?;
            let dropped = partitions::drop_expired(&mut connection, &self.tables, now_ms).await?;
            if dropped.partitions > 0 {
                info!(
                    partitions = dropped.partitions,
                    "Partitions past their retention were dropped"
                );
            }
            if dropped.in_use > 0 {
                metrics::counter!(metric::PARTITIONS_IN_USE).increment(dropped.in_use as u64);
                warn!(
                    partitions = dropped.in_use,
                    "Partitions past their retention are still being read; they are dropped another time"
                );
            }
        }
        self.forget(&mut connection, now_ms).await?;
        self.idempotency_keys(&mut connection, now_ms).await?;
        self.receipts(&mut connection, now_ms).await
    }

    /// Drops what no partition takes along.
    async fn forget(&self, connection: &mut PgConnection, now_ms: i64) -> sqlx::Result<()> {
        let oldest_kept = now_ms - self.keep_ms;
        while forget_dead_letters_before(connection, floor_of(oldest_kept), ROWS_MAX).await? == FULL
        {
        }
        while conversations::store::forget_closed_before(connection, oldest_kept, ROWS_MAX).await?
            == FULL
        {}
        while suppressions::forget_expired(connection, now_ms, ROWS_MAX).await? == FULL {}
        let ended_before = now_ms - self.keep_replays_ms;
        while replays::store::forget_ended_before(connection, ended_before, ROWS_MAX).await? == FULL
        {
        }
        let ended_before = now_ms - self.keep_erasures_ms;
        while erasures::store::forget_ended_before(connection, ended_before, ROWS_MAX).await?
            == FULL
        {}
        lanes::store::forget_ended_lives(connection, from_unix_ms(now_ms - LIVES_KEPT_MS)).await?;
        let oldest_hour = hour_of(now_ms - self.keep_statistics_ms);
        while statistics::store::forget_before(connection, oldest_hour, ROWS_MAX).await? == FULL {}
        Ok(())
    }

    /// Drops idempotency keys that are old enough, and counts whose are too many.
    async fn idempotency_keys(
        &self,
        connection: &mut PgConnection,
        now_ms: i64,
    ) -> sqlx::Result<()> {
        let oldest_kept = now_ms - self.keep_keys_ms;
        while idempotency::forget_before(connection, oldest_kept, ROWS_MAX).await? == FULL {}
        let crowded = idempotency::tenants_with(connection, self.keys_max).await?;
        self.crowded.replace(crowded);
        Ok(())
    }

    /// Matches what a crash left parked, and gives up what is too old: its message will not be known any more (512).
    async fn receipts(&self, connection: &mut PgConnection, now_ms: i64) -> sqlx::Result<()> {
        let recent = receipts::parked_since(connection, now_ms - SWEEP_AGE_MS, ROWS_MAX).await?;
        let matched = intake::apply_parked(connection, &recent).await?;
        let people = receipts::people_waited_for(connection, now_ms - DAY_MS, PEOPLE_MAX).await?;
        doubtful::settle(connection, &people.into_iter().collect()).await?;
        if matched > 0 {
            info!(
                receipts = matched,
                "Parked receipts were matched by the sweep"
            );
        }
        self.give_up(connection, now_ms).await?;
        let parked =
            receipts::count_parked(connection, i64::from(self.receipts.parked_max)).await?;
        #[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
        metrics::gauge!(metric::RECEIPTS_PARKED).set(parked as f64);
        Ok(())
    }

    async fn give_up(&self, connection: &mut PgConnection, now_ms: i64) -> sqlx::Result<()> {
        let age_max =
            i64::try_from(self.receipts.parked_age_max_seconds).unwrap_or(i64::MAX / 1_000) * 1_000;
        // A replica whose lease is not proved makes no ids; a later round or another replica goes on.
        while let Some(life) = self.ownership.life() {
            let next_id = || self.ids.next_of(life);
            let before = now_ms - age_max;
            let given_up =
                unmatched::give_up_parked_before(connection, before, ROWS_MAX, next_id).await?;
            if given_up > 0 {
                metrics::counter!(metric::RECEIPTS_UNKNOWN).increment(given_up);
                info!(
                    receipts = given_up,
                    "Parked receipts were given up: their messages never became known"
                );
            }
            if given_up < FULL {
                break;
            }
        }
        Ok(())
    }
}
