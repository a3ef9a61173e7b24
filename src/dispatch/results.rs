//! What attempts came to, written many at once under this replica's life.
//!
//! The writer keeps what it has until it is durable or the life has ended; then the next owner finds the deliveries
//! as they were. After a commit it looks for receipts that came before their message's id was known.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgConnection;
use tracing::error;

use super::store;
use super::withdrawals::Withdrawals;
use crate::connectors::outcome::AttemptError;
use crate::history::model::Entry;
use crate::lanes::model::{Delivery, LaneId, Life, Place};
use crate::lanes::ownership::{LaneSignal, OwnedLane};
use crate::messages::accept::AfterAccept;
use crate::messages::status::Status;
use crate::platform::database::Database;
use crate::platform::database::error::{Fault, fault};
use crate::platform::database::group_commit::{Flush, GroupCommit, GroupCommitOptions, NotWritten};
use crate::platform::lifecycle::Lifecycle;
use crate::receipts::doubtful::settle_unknown;
use crate::receipts::intake::apply_parked;
use crate::receipts::model::own_id_key;
use crate::values::{Ccid, MessageId, ReasonCode};

/// What becomes of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is done: its row goes.
    Done,
    /// It is tried again. Times are Unix milliseconds.
    Waits {
        attempt: i16,
        due_at: i64,
        holds_until: Option<i64>,
    },
    /// Its attempt came to nothing and is not charged: it is sent when its endpoint takes messages again.
    PutBack { attempt: i16 },
    /// It may have been sent, and is not sent again: it stays, announced, until a receipt was waited for long enough.
    Held { attempt: i16, until: i64 },
}

/// A message's new status.
#[derive(Debug, Clone)]
pub struct StateChange {
    pub status: Status,
    pub reason: Option<ReasonCode>,
    pub provider_message_id: Option<String>,
}

/// The lane's row, where this result changes it.
#[derive(Debug, Clone)]
pub struct EndpointChange {
    pub lane: LaneId,
    pub parked_until: Option<i64>,
    pub failures_in_a_row: i32,
    /// When the first of them came, Unix milliseconds.
    pub failing_since: Option<i64>,
    pub pause: bool,
    /// Why it takes nothing at all, where that is so.
    pub barred: Option<AttemptError>,
    pub last_error: Option<String>,
}

/// All that one attempt (or one decision without an attempt) changes.
#[derive(Debug, Clone)]
pub struct ResultRow {
    /// Told when the result is durable.
    pub owner: Arc<OwnedLane>,
    /// The life under which it was sent; it is written under no other.
    pub life: Life,
    pub delivery: Delivery,
    pub fate: Fate,
    pub state: Option<StateChange>,
    pub entries: Vec<Entry>,
    /// Under what receipts for it will come.
    pub receipt_key: Option<[u8; 16]>,
    /// Whether the provider gave an id of its own, so that the key has to be kept for the message to be found by it.
    pub foreign_id: bool,
    pub dead_letter: Option<ReasonCode>,
    pub endpoint: Option<EndpointChange>,
    pub now_ms: i64,
}

impl ResultRow {
    /// A result that changes nothing but the delivery's fate.
    pub fn new(
        owner: &Arc<OwnedLane>,
        life: Life,
        delivery: Delivery,
        fate: Fate,
        now_ms: i64,
    ) -> Self {
        Self {
            owner: Arc::clone(owner),
            life,
            delivery,
            fate,
            state: None,
            entries: Vec::new(),
            receipt_key: None,
            foreign_id: false,
            dead_letter: None,
            endpoint: None,
            now_ms,
        }
    }

    /// Under what receipts for it may be parked: its own key, and where our own id stands for it also the one of
    /// receipts that name no channel.
    fn receipt_keys(&self) -> impl Iterator<Item = [u8; 16]> + use<> {
        let unnamed = own_id_key(self.delivery.place.id);
        let unnamed = (!self.foreign_id && self.receipt_key != Some(unnamed)).then_some(unnamed);
        let own = self.receipt_key.into_iter();
        own.flat_map(move |key| std::iter::once(key).chain(unnamed))
    }
}

/// Where lanes hand their results to; cheap to clone.
#[derive(Clone)]
pub struct Results {
    committer: GroupCommit<Writer>,
}

impl std::fmt::Debug for Results {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Results").finish_non_exhaustive()
    }
}

impl Results {
    pub fn start(
        database: &Database,
        after: &Arc<dyn AfterAccept>,
        withdrawals: &Arc<Withdrawals>,
        lifecycle: &Lifecycle,
    ) -> Self {
        let options = GroupCommitOptions {
            name: "results",
            committers: 1,
            batch_rows_max: 1_000,
            waiting_max: 16_384,
            patience: None,
            window: Duration::from_millis(5),
        };
        let writer = Arc::new(Writer {
            after: Arc::clone(after),
            withdrawals: Arc::clone(withdrawals),
        });
        Self {
            committer: GroupCommit::start(&options, &database.hot, &writer, lifecycle),
        }
    }

    /// Hands a result over. Waits while too many are waiting, which holds back further attempts.
    pub async fn record(&self, row: ResultRow) {
        self.committer.deliver(row).await;
    }

    /// Waits until every result that was handed over is durable (or its life has ended).
    pub async fn flushed(&self) {
        self.committer.settled().await;
    }
}

struct Writer {
    after: Arc<dyn AfterAccept>,
    withdrawals: Arc<Withdrawals>,
}

/// What a flush came to.
struct Written {
    /// The life under which the batch was sent has ended: nothing was written.
    ended: bool,
}

impl Flush for Writer {
    type Item = ResultRow;
    type Answer = Written;

    fn weight(&self, row: &ResultRow) -> usize {
        256 + row
            .entries
            .iter()
            .map(|entry| entry.detail.as_ref().map_or(0, String::len))
            .sum::<usize>()
    }

    /// One life a batch, and one result a delivery.
    fn fits(&self, batch: &[ResultRow], row: &ResultRow) -> bool {
        batch
            .iter()
            .all(|other| other.life == row.life && other.delivery.place.id != row.delivery.place.id)
    }

    async fn flush(
        &self,
        connection: &mut PgConnection,
        batch: &mut [ResultRow],
        _repeat: bool,
    ) -> sqlx::Result<Written> {
        let Some(life) = batch.first().map(|row| row.life) else {
            return Ok(Written { ended: false });
        };
        if !store::finish(connection, life, batch).await? {
            return Ok(Written { ended: true });
        }
        let named: Vec<(Ccid, [u8; 16])> = batch
            .iter()
            .flat_map(|row| row.receipt_keys().map(|key| (row.delivery.ccid, key)))
            .collect();
        // The results are durable. Where the store is away the whole is written again, which changes nothing of them;
        // another failure costs no result, and the sweep finds what was parked.
        let unknown: Vec<(Ccid, MessageId)> = batch
            .iter()
            .filter(|row| matches!(&row.state, Some(state) if state.status == Status::Unknown))
            .map(|row| (row.delivery.ccid, row.delivery.place.id))
            .collect();
        let matched = async {
            apply_parked(&mut *connection, &named).await?;
            settle_unknown(&mut *connection, &unknown).await
        };
        if let Err(error) = matched.await {
            if fault(&error) == Fault::Unavailable {
                return Err(error);
            }
            error!(error.cause = %error, "Parked receipts could not be applied now; the sweep will");
        }
        Ok(Written { ended: false })
    }

    fn written(&self, batch: Vec<ResultRow>, written: Written) {
        let entries = batch.iter().flat_map(|row| &row.entries);
        let grown: BTreeSet<Ccid> = entries
            .filter(|entry| !written.ended && entry.stream.is_some())
            .map(|entry| entry.ccid)
            .collect();
        self.attempts_ended(&batch);
        tell_owners(batch, true);
        if !grown.is_empty() {
            self.after.feed_grew(grown);
        }
    }

    fn not_written(&self, batch: Vec<ResultRow>, why: NotWritten) {
        // The delivery's row stays as it was. Its lane does not take it for done, and does not send it again either.
        for row in &batch {
            error!(message.id = %row.delivery.place.id, lane.id = row.delivery.lane.0, "A result could not be stored: {why}");
        }
        self.attempts_ended(&batch);
        tell_owners(batch, false);
    }
}

impl Writer {
    fn attempts_ended(&self, batch: &[ResultRow]) {
        for row in batch {
            self.withdrawals.ended(row.delivery.place.id);
        }
    }
}

/// What one owner is told.
#[derive(Default)]
struct Told {
    results: usize,
    done: Vec<Place>,
    waiting: Vec<Place>,
}

/// Tells each owner what became of its results; `through`: they are durable, or will never have to be.
pub(super) fn tell_owners(batch: Vec<ResultRow>, through: bool) {
    // By owner, not by lane: where a loop had to begin anew there may be two of one lane.
    let mut by_owner: HashMap<*const OwnedLane, (Arc<OwnedLane>, Told)> = HashMap::new();
    for row in batch {
        let (_, told) = by_owner
            .entry(Arc::as_ptr(&row.owner))
            .or_insert_with(|| (row.owner, Told::default()));
        told.results += 1;
        match row.fate {
            Fate::Done if through => told.done.push(row.delivery.place),
            Fate::Waits { .. } | Fate::PutBack { .. } | Fate::Held { .. } if through => {
                told.waiting.push(row.delivery.place);
            }
            Fate::Done | Fate::Waits { .. } | Fate::PutBack { .. } | Fate::Held { .. } => {}
        }
    }
    for (owner, told) in by_owner.into_values() {
        let Told {
            results,
            done,
            waiting,
        } = told;
        owner.signal(LaneSignal::Recorded {
            results,
            done,
            waiting,
        });
    }
}
