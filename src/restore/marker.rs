use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use crate::history;
use crate::history::model::Entry;
use crate::lanes::ids::Ids;
use crate::lanes::ownership::Ownership;
use crate::lanes::store::{self as lanes, HoldPhase};
use crate::messages::status::Status;
use crate::messages::store::restored;
use crate::platform::database::{Database, within};
use crate::platform::lifecycle::Lifecycle;
use crate::platform::telemetry::metric;

/// Deliveries of one transaction, which holds the feed back while it is open.
const ROWS_MAX: i64 = 500;
/// One transaction, also where the store answers nothing.
const BATCH_TIME_MAX: Duration = Duration::from_secs(5);
/// After a batch that failed, and while another replica is at it.
const PAUSE: Duration = Duration::from_millis(100);

/// Makes what was queued at a restore `Unknown`, batch by batch. Every replica has one; whichever comes first does a
/// batch, and what one leaves undone another goes on with.
#[derive(Debug)]
pub struct Marker {
    database: Database,
    ids: Arc<Ids>,
    ownership: Arc<Ownership>,
}

impl Marker {
    pub fn start(
        database: &Database,
        (ids, ownership): (&Arc<Ids>, &Arc<Ownership>),
        lifecycle: &Lifecycle,
    ) {
        let marker = Self {
            database: database.clone(),
            ids: Arc::clone(ids),
            ownership: Arc::clone(ownership),
        };
        let draining = lifecycle.draining();
        lifecycle.spawn_until_stop("restore marker", async move {
            // A batch that is cut is no batch: its transaction is undone.
            tokio::select! {
                () = marker.run() => {}
                () = draining.cancelled() => {}
            }
        });
    }

    async fn run(self) {
        let mut hold = self.ownership.hold();
        let is_marking = |hold: &Option<HoldPhase>| *hold == Some(HoldPhase::Marking);
        while hold.wait_for(is_marking).await.is_ok() {
            match within(BATCH_TIME_MAX, self.mark_some()).await {
                Ok(true) => {}
                Ok(false) => tokio::time::sleep(PAUSE).await,
                Err(error) => {
                    metrics::counter!(metric::RESTORE_BATCHES_FAILED).increment(1);
                    warn!(error.cause = %error, "What was restored could not be marked now; it is tried again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Marks a batch; `false` where there was none for us.
    async fn mark_some(&self) -> sqlx::Result<bool> {
        let Some(life) = self.ownership.life() else {
            return Ok(false);
        };
        let mut transaction = self.database.jobs.begin().await?;
        let Some(batch) = lanes::mark_some(&mut transaction, ROWS_MAX).await? else {
            transaction.commit().await?;
            return Ok(false);
        };
        let unknown = restored::make_unknown(&mut transaction, &batch.messages).await?;
        let entries: Vec<Entry> = unknown
            .iter()
            .map(|message| {
                let subject = (message.ccid, message.id);
                let id = self.ids.next_of(life);
                Entry {
                    detail: Some(restored::DETAIL.to_owned()),
                    ..Entry::settled(subject, id, message.stream, Status::Unknown.rank())
                }
            })
            .collect();
        history::store::append(&mut transaction, &entries).await?;
        transaction.commit().await?;
        metrics::counter!(metric::RESTORED_UNKNOWN).increment(entries.len() as u64);
        if batch.is_last {
            info!("Everything that may have been sent after the restore's point in time is marked");
        }
        Ok(true)
    }
}
