//! A flush in which some message may repeat an earlier one: its keys are taken first, and what stands after that is
//! stored, all in one transaction.

use sqlx::{Connection, PgConnection};

use super::{Acceptor, Flushed};
use crate::conversations;
use crate::lanes::model::Life;
use crate::messages::accept::Unit;
use crate::messages::keyed;
use crate::messages::model::Draft;
use crate::messages::store::accept::Threads;
use crate::messages::store::{accept as rows, keys};
use crate::messages::verdict::{Verdict, judge, outcomes, standing};
use crate::platform::http::idempotency::store as idempotency;
use crate::values::MessageId;

impl Acceptor {
    pub(super) async fn write_stepwise(
        &self,
        connection: &mut PgConnection,
        life: Life,
        batch: &[Unit],
        now_ms: i64,
    ) -> sqlx::Result<Flushed> {
        let mut flushed = self.divide_lanes(batch);
        let mut transaction = connection.begin().await?;
        let used = idempotency::take(&mut transaction, &keyed::claims(batch), now_ms).await?;
        let holders = keys::take(&mut transaction, batch, now_ms).await?;
        let verdicts = judge(batch, &holders, &used);
        keys::give_back(&mut transaction, &refused_keys(batch, &verdicts), now_ms).await?;
        let drafts: Vec<_> = standing(batch, &verdicts).collect();
        let threads = self
            .conversations(&mut transaction, life, &drafts, now_ms)
            .await?;
        flushed.checked_at = self.parts.clock.monotonic();
        let next_id = || self.parts.ids.next_of(life);
        let stored = rows::insert(
            &mut transaction,
            (life, now_ms),
            &flushed.lanes(),
            (&drafts, &self.parts.proofs),
            Threads::Known(&threads),
            next_id,
        )
        .await?;
        let suppressed: Vec<_> = drafts
            .iter()
            .filter(|(_, id)| stored.suppressed.contains(id))
            .map(|(draft, _)| *draft)
            .collect();
        keys::give_back(&mut transaction, &suppressed, now_ms).await?;
        flushed.outcomes = outcomes(batch, &verdicts, &stored);
        let results = keyed::results(batch, &flushed.outcomes);
        idempotency::put_results(&mut transaction, &results).await?;
        transaction.commit().await?;
        flushed.note_stamps(&stored.stamps);
        Ok(flushed)
    }

    /// The conversation of each draft that belongs to one, as ids beside the drafts; 0 where there is none.
    async fn conversations(
        &self,
        connection: &mut PgConnection,
        life: Life,
        drafts: &[(&Draft, MessageId)],
        now_ms: i64,
    ) -> sqlx::Result<Vec<i64>> {
        let consumers: Vec<_> = drafts
            .iter()
            .map(|(draft, _)| draft.consumer_that_opens())
            .collect();
        if consumers.iter().all(Option::is_none) {
            return Ok(drafts
                .iter()
                .map(|(draft, _)| draft.given_conversation())
                .collect());
        }
        let next_id = || self.parts.ids.next_of(life);
        let opened =
            conversations::store::find_or_open(connection, &consumers, now_ms, next_id).await?;
        Ok(drafts
            .iter()
            .zip(opened)
            .map(|((draft, _), thread)| thread.unwrap_or_else(|| draft.given_conversation()))
            .collect())
    }
}

/// Drafts whose keys were taken for nothing, because another of their unit is refused.
fn refused_keys<'a>(batch: &'a [Unit], verdicts: &[Verdict]) -> Vec<&'a Draft> {
    let refused = batch
        .iter()
        .zip(verdicts)
        .filter(|(_, verdict)| matches!(verdict, Verdict::Refused { .. }));
    refused
        .flat_map(|(unit, verdict)| {
            unit.drafts
                .iter()
                .enumerate()
                .filter(|(index, _)| verdict.took_key(*index))
        })
        .map(|(_, draft)| draft)
        .collect()
}
