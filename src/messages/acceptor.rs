//! Writes units of messages, many in one transaction.
//!
//! The ids of a unit are made before its first flush, so a flush whose answer was lost is written again safely: a
//! de-duplication key or a row that holds my id is mine. Once durable, messages for lanes of ours go to their loops in
//! memory, the owners of other lanes are woken, and followers of the feed are told.

mod stepwise;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Instant;

use sqlx::PgConnection;

use super::accept::{AcceptParts, Unit};
use super::doubts::Doubts;
use super::keyed;
use super::model::{Draft, Outcome, Purpose};
use super::store::accept::{Lanes, Threads};
use super::store::{accept as rows, keys};
use super::verdict::{Holders, KeysUsed, judge, outcomes, standing};
use crate::lanes::model::{Arrival, LaneId, Life};
use crate::lanes::ownership::{AcceptGuard, LaneSignal};
use crate::platform::database::error::is_unique_violation;
use crate::platform::database::group_commit::{Flush, NotWritten};
use crate::platform::http::idempotency::store as idempotency;
use crate::platform::telemetry::metric;
use crate::values::MessageId;

/// What the committers of accepted messages do.
#[derive(Debug)]
pub(super) struct Acceptor {
    parts: AcceptParts,
    doubts: Doubts,
}

/// What a flush came to, unit by unit, and what has to happen now that it is durable.
pub(super) struct Flushed {
    outcomes: Vec<Outcome>,
    /// The guards keep the lanes ours until their messages are handed over.
    own_lanes: HashMap<LaneId, (AcceptGuard, Option<i64>)>,
    foreign_lanes: Vec<LaneId>,
    checked_at: Instant,
    /// The rows were written by an earlier try: their places are not known here.
    recovered: bool,
}

impl Flushed {
    fn lanes(&self) -> Lanes {
        Lanes {
            own: self.own_lanes.keys().map(|lane| lane.0).collect(),
            foreign: self.foreign_lanes.iter().map(|lane| lane.0).collect(),
        }
    }

    fn note_stamps(&mut self, stamps: &[(LaneId, i64)]) {
        for (lane, stamp) in stamps {
            if let Some((_, known)) = self.own_lanes.get_mut(lane) {
                *known = Some(*stamp);
            }
        }
    }
}

impl Flush for Acceptor {
    type Item = Unit;
    type Answer = Flushed;

    fn weight(&self, unit: &Unit) -> usize {
        unit.drafts
            .iter()
            .map(|draft| draft.content.bytes() + 256)
            .sum()
    }

    fn rows(&self, unit: &Unit) -> usize {
        unit.drafts.len()
    }

    /// Two messages or submissions with the same key, or two keywords of the same person, are settled one flush after the
    /// other.
    fn fits(&self, batch: &[Unit], unit: &Unit) -> bool {
        if batch.iter().any(|other| other.has_key_of(unit)) {
            return false;
        }
        let mine: HashSet<_> = unit.drafts.iter().flat_map(Draft::exclusive).collect();
        mine.is_empty()
            || !batch
                .iter()
                .flat_map(|unit| &unit.drafts)
                .flat_map(Draft::exclusive)
                .any(|other| mine.contains(&other))
    }

    async fn flush(
        &self,
        connection: &mut PgConnection,
        batch: &mut [Unit],
        repeat: bool,
    ) -> sqlx::Result<Flushed> {
        let Some(life) = self.parts.ownership.life() else {
            return Err(no_lease());
        };
        self.make_ids(life, batch);
        if repeat {
            let found = rows::find_ids(connection, batch).await?;
            if !found.is_empty() {
                return self.recover(connection, batch, &found).await;
            }
        }
        match self.write(connection, life, batch, repeat).await {
            // The first try was still under way when its connection broke, and has been committed since.
            Err(error) if repeat && is_unique_violation(&error) => {
                let found = rows::find_ids(connection, batch).await?;
                self.recover(connection, batch, &found).await
            }
            result => result,
        }
    }

    fn written(&self, batch: Vec<Unit>, flushed: Flushed) {
        let Flushed {
            outcomes,
            own_lanes,
            foreign_lanes,
            checked_at,
            recovered,
        } = flushed;
        let mut arrivals: HashMap<LaneId, Vec<Arrival>> = HashMap::new();
        let mut answers = Vec::with_capacity(batch.len());
        let (mut received, mut submitted) = (0, 0);
        let mut grown = BTreeSet::new();
        for (mut unit, outcome) in batch.into_iter().zip(outcomes) {
            for (draft, id) in unit.take_stored(&outcome) {
                match draft.purpose {
                    Purpose::Receive { .. } => {
                        received += 1;
                        grown.insert(draft.ccid);
                    }
                    Purpose::Send { .. } => submitted += 1,
                }
                let stamp = draft.lane().and_then(|lane| own_lanes.get(&lane)?.1);
                let arrival = stamp.and_then(|stamp| draft.into_arrival(id, stamp, checked_at));
                if let Some(arrival) = arrival {
                    let lane = arrivals.entry(arrival.delivery.lane).or_default();
                    lane.push(arrival);
                }
            }
            answers.push((unit, outcome));
        }
        count_accepted(received, submitted);
        let now = self.parts.clock.monotonic();
        for (lane, (guard, _)) in own_lanes {
            if recovered || self.doubts.stand(lane, now) {
                guard.lane().signal(LaneSignal::ReadAgain);
            } else if let Some(arrivals) = arrivals.remove(&lane) {
                guard.lane().hand_over(arrivals);
            }
        }
        for (unit, outcome) in answers {
            unit.answer(outcome);
        }
        if !foreign_lanes.is_empty() {
            self.parts.after.wake_owners(foreign_lanes);
        }
        if !grown.is_empty() {
            self.parts.after.feed_grew(grown);
        }
    }

    /// What may be in the table without anybody having heard of it keeps its turn: its lanes are read again, and until
    /// the doubt is over so is whatever follows it, instead of passing it in memory.
    fn in_doubt(&self, batch: &[Unit]) {
        let Flushed { own_lanes, .. } = self.divide_lanes(batch);
        let now = self.parts.clock.monotonic();
        self.doubts.arise(own_lanes.keys().copied(), now);
        for (guard, _) in own_lanes.values() {
            guard.lane().signal(LaneSignal::ReadAgain);
        }
    }

    fn not_written(&self, batch: Vec<Unit>, why: NotWritten) {
        let foreign_lanes = self.divide_lanes(&batch).foreign_lanes;
        if why == NotWritten::Unavailable && !foreign_lanes.is_empty() {
            // All the same it may have been committed, and the owners are told once the store is back.
            self.parts.after.wake_owners(foreign_lanes);
        }
        for unit in batch {
            unit.answer(Err(why.into()));
        }
    }
}

impl Acceptor {
    pub(super) fn new(parts: AcceptParts) -> Self {
        Self {
            parts,
            doubts: Doubts::default(),
        }
    }

    fn make_ids(&self, life: Life, batch: &mut [Unit]) {
        for unit in batch.iter_mut().filter(|unit| unit.ids.is_empty()) {
            unit.ids = unit
                .drafts
                .iter()
                .map(|_| MessageId::from_i64(self.parts.ids.next_of(life)))
                .collect();
        }
    }

    /// In one statement where nobody was first with any of it, which is how it is but for repeats; else step by step.
    async fn write(
        &self,
        connection: &mut PgConnection,
        life: Life,
        batch: &[Unit],
        repeat: bool,
    ) -> sqlx::Result<Flushed> {
        let now_ms = self.parts.clock.now_ms();
        let is_plain = batch.iter().all(|unit| unit.submission.is_none());
        if let Some(week) = keys::only_week(now_ms).filter(|_| is_plain && !repeat) {
            match self
                .write_at_once(connection, life, batch, (now_ms, week))
                .await
            {
                Err(error) if rows::is_taken(&error) => {}
                result => return result,
            }
        }
        self.write_stepwise(connection, life, batch, now_ms).await
    }

    async fn write_at_once(
        &self,
        connection: &mut PgConnection,
        life: Life,
        batch: &[Unit],
        (now_ms, week): (i64, i32),
    ) -> sqlx::Result<Flushed> {
        let mut flushed = self.divide_lanes(batch);
        let verdicts = judge(batch, &Holders::new(), &KeysUsed::new());
        let drafts: Vec<_> = standing(batch, &verdicts).collect();
        let stored = rows::insert(
            connection,
            (life, now_ms),
            &flushed.lanes(),
            (&drafts, &self.parts.proofs),
            Threads::Found { week },
            || self.parts.ids.next_of(life),
        )
        .await?;
        flushed.outcomes = outcomes(batch, &verdicts, &stored);
        flushed.note_stamps(&stored.stamps);
        Ok(flushed)
    }

    /// Which lanes of the batch are ours; they stay so until the guards are dropped.
    fn divide_lanes(&self, batch: &[Unit]) -> Flushed {
        let mut own_lanes = HashMap::new();
        let mut foreign_lanes = Vec::new();
        let mut lanes: Vec<LaneId> = batch
            .iter()
            .flat_map(|unit| &unit.drafts)
            .filter_map(Draft::lane)
            .collect();
        lanes.sort_unstable();
        lanes.dedup();
        for lane in lanes {
            match self.parts.ownership.begin_accept(lane) {
                Some(guard) => {
                    own_lanes.insert(lane, (guard, None));
                }
                None => foreign_lanes.push(lane),
            }
        }
        Flushed {
            outcomes: Vec::new(),
            own_lanes,
            foreign_lanes,
            checked_at: self.parts.clock.monotonic(),
            recovered: false,
        }
    }

    /// An earlier try of this batch was committed: what it stored is looked up, not written again.
    async fn recover(
        &self,
        connection: &mut PgConnection,
        batch: &[Unit],
        found: &HashSet<MessageId>,
    ) -> sqlx::Result<Flushed> {
        let holders = keys::look_up(connection, batch, self.parts.clock.now_ms()).await?;
        let used = idempotency::held_by_others(connection, &keyed::claims(batch)).await?;
        let verdicts = judge(batch, &holders, &used);
        let mut flushed = self.divide_lanes(batch);
        flushed.recovered = true;
        let missing = standing(batch, &verdicts)
            .map(|(_, id)| id)
            .filter(|id| !found.contains(id))
            .collect();
        // Whether a keyword changed something is not known any more; waiting without need does no harm.
        let changed = standing(batch, &verdicts)
            .filter(|(draft, _)| draft.keyword().is_some())
            .map(|(_, id)| id)
            .collect();
        let stored = rows::Stored {
            suppressed: missing,
            changed,
            stamps: Vec::new(),
        };
        flushed.outcomes = outcomes(batch, &verdicts, &stored);
        Ok(flushed)
    }
}

fn count_accepted(received: u64, submitted: u64) {
    for (direction, messages) in [("inbound", received), ("outbound", submitted)] {
        if messages > 0 {
            metrics::counter!(metric::MESSAGES_ACCEPTED, "direction" => direction)
                .increment(messages);
        }
    }
}

/// The lease ran out between the accept and its flush; to the caller that is a store that cannot be reached.
fn no_lease() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::other("this replica's lease is not proved"))
}
