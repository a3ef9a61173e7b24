//! The laws that hold whatever fails.

use std::sync::Arc;

use super::lanes::Loop;
use super::world::{Process, World};
use crate::connectors::outcome::Outcome;
use crate::dispatch::attempt::Report;
use crate::dispatch::lane_core::{How, Start};
use crate::dispatch::results::{Fate, ResultRow};
use crate::dispatch::slots::Slot;
use crate::lanes::model::{LaneId, Life};
use crate::values::MessageId;

/// Clocks of replicas run on a little while they work.
const SLACK_MS: i64 = 100;

/// One time that a message left for its endpoint.
#[derive(Debug)]
pub(super) struct Sending {
    by: (Process, usize),
    pub(super) life: Life,
    pub(super) ended_at: Option<i64>,
    /// It is to be sent again, not before so many milliseconds after its end.
    again_after: Option<i64>,
    /// That it is to be sent again is durable.
    pub(super) is_recorded: bool,
}

impl World {
    /// A lane that has something to do, and nobody to wait for, knows when to wake.
    pub(super) fn law_of_rest(
        &self,
        number: usize,
        lane: &Loop,
        until: Option<i64>,
        waits_for_slot: bool,
    ) {
        let results = &self.replicas[number].results;
        let is_mine = |row: &ResultRow| Arc::ptr_eq(&row.owner, &lane.owned);
        let is_unrecorded = results.waiting.iter().any(is_mine)
            || results.batch.iter().any(|batch| batch.iter().any(is_mine));
        let is_woken = until.is_some()
            || waits_for_slot
            || is_unrecorded
            || lane.attempts_open > 0
            || !lane.inbox.is_empty();
        // Who was declared dead learns of it in his own time, and what he knows is old.
        if is_woken || lane.knows_release || !self.tables.stands(lane.life) {
            return;
        }
        let id = lane.lane.0;
        let rows = self.tables.lane(lane.lane).rows.keys();
        let known: Vec<_> = rows.filter(|place| lane.core.knows(**place)).collect();
        let has_room = known.len() * 2 <= self.settings.memory_deliveries_max;
        let reads = !lane.owes_reading || !has_room;
        assert!(reads, "lane {id} never reads what it was told of");
        if !lane.knows_paused && !self.replicas[number].is_stopping {
            assert!(known.is_empty(), "lane {id} sleeps over {known:?} for ever");
        }
    }

    /// Nothing begins in a lane that is paused, beyond a cap, before it is due or after its time.
    pub(super) fn law_of_beginnings(&self, number: usize, lane: &Loop, start: &Start<Slot>) {
        let now = self.replicas[number].latest.get();
        let delivery = &start.arrival.delivery;
        assert!(!lane.knows_paused, "lane {} is paused", lane.lane.0);
        assert!(delivery.due_at.is_none_or(|due| due <= now), "not due");
        let is_expired = delivery.expires_at <= now;
        assert_eq!(is_expired, start.how == How::Report, "expired or not");
        let lane_max = start
            .channel
            .max_in_flight(self.settings.lane_max_in_flight);
        assert!(
            lane.attempts_open < lane_max,
            "more than {lane_max} in a lane"
        );
        let process = self.replicas[number].process(number);
        let here = self.attempts.iter().flatten();
        let here = here.filter(|attempt| Some(attempt.process) == process);
        let slots_max = self.settings.max_in_flight;
        assert!(
            here.clone().count() < slots_max,
            "more than {slots_max} in all"
        );
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a share of a small count"
        )]
        let share = ((slots_max as f64 * self.settings.tenant_share) as usize).max(1);
        let of_tenant = here.filter(|attempt| attempt.arrival.delivery.ccid == delivery.ccid);
        assert!(of_tenant.count() < share, "more than {share} of a tenant");
    }

    /// A message is sent again only where it was to be, or where nobody can know that it was sent.
    pub(super) fn law_of_sending(&mut self, attempt: usize) {
        let attempt = self.attempts[attempt].as_ref().unwrap();
        let (by, life) = ((attempt.process, attempt.owner), attempt.life);
        let delivery = attempt.arrival.delivery;
        let number = usize::try_from(delivery.place.id.sequence()).unwrap();
        let message = &self.messages[number];
        let id = message.id;
        assert!(
            !message.has_ended,
            "{id} is sent after its end was recorded"
        );
        for before in &message.sendings {
            if before.by == by {
                let due = before.ended_at.zip(before.again_after);
                let due = due.map(|(ended_at, after)| ended_at + after - SLACK_MS);
                assert!(
                    due.is_some_and(|due| due <= self.now),
                    "{id} is sent too soon"
                );
            } else {
                let is_lost = !self.tables.stands(before.life);
                assert!(
                    before.is_recorded || is_lost,
                    "{id} is sent by two owners that live"
                );
            }
        }
        let attempts_before = usize::try_from(delivery.attempt).unwrap();
        let redeliveries = self.settings.schedule.entries().len();
        assert!(attempts_before <= redeliveries, "{id} is sent too often");
        if message.sendings.is_empty() {
            self.law_of_order(number, by);
        }
        self.messages[number].sendings.push(Sending {
            by,
            life,
            ended_at: None,
            again_after: None,
            is_recorded: false,
        });
    }

    /// What was acknowledged before a message was handed in goes before it, and holds it after a failure.
    fn law_of_order(&self, number: usize, by: (Process, usize)) {
        let message = &self.messages[number];
        let id = message.id;
        let key = |index: usize| {
            let one = &self.messages[index];
            (one.lane, one.recipient, one.priority)
        };
        let is_earlier = |index: &usize| {
            let acknowledged = self.messages[*index].acknowledged_at;
            key(*index) == key(number) && acknowledged.is_some_and(|at| at < message.accepted_at)
        };
        if message.due_at.is_some() {
            return;
        }
        for earlier in (0..number).filter(is_earlier) {
            let earlier = &self.messages[earlier];
            let is_decided = earlier.has_ended || earlier.decided_by == Some(by);
            if is_decided || earlier.due_at.is_some() {
                continue;
            }
            let other = earlier.id;
            assert!(!earlier.sendings.is_empty(), "{id} overtakes {other}");
            let mut mine = earlier.sendings.iter().filter(|one| one.by == by);
            let is_open = mine.any(|one| one.ended_at.is_none());
            assert!(!is_open, "{id} is sent beside {other}");
            let hold = i64::try_from(self.settings.head_hold.as_millis()).unwrap();
            let mut counts = earlier
                .sendings
                .iter()
                .filter(|one| one.by == by || one.is_recorded)
                .filter(|one| one.again_after.is_some());
            if let Some(failed_at) = counts.next().and_then(|one| one.ended_at) {
                let is_over = self.now + SLACK_MS >= failed_at + hold;
                assert!(is_over, "{id} does not wait for {other}");
            }
        }
    }

    /// Takes note of an attempt's end.
    pub(super) fn law_of_ends(
        &mut self,
        by: (Process, usize),
        id: MessageId,
        report: &Report,
        fate: Option<&Fate>,
    ) {
        let number = usize::try_from(id.sequence()).unwrap();
        if fate == Some(&Fate::Done) {
            self.messages[number].decided_by = Some(by);
        }
        let mut sendings = self.messages[number].sendings.iter_mut();
        let Some(sending) = sendings.rfind(|one| one.by == by && one.ended_at.is_none()) else {
            return;
        };
        sending.ended_at = Some(self.now);
        sending.again_after = match &report.outcome {
            Outcome::Retry { after, .. } => {
                Some(after.map_or(0, |after| i64::try_from(after.as_millis()).unwrap()))
            }
            Outcome::Accepted { .. }
            | Outcome::Refused { .. }
            | Outcome::Barred { .. }
            | Outcome::Unknown { .. }
            | Outcome::NotStarted { .. } => None,
        };
    }

    /// Only a lane's owner records what became of its deliveries.
    pub(super) fn law_of_results(&self, life: Life, result: &ResultRow) {
        let table = self.tables.lane(result.delivery.lane);
        let Some(row) = table.rows.get(&result.delivery.place) else {
            return;
        };
        // Carried out late, once more, it changes nothing.
        let is_new = match result.fate {
            Fate::Done => true,
            Fate::Waits { attempt, .. } | Fate::Held { attempt, .. } => attempt > row.attempt,
            Fate::PutBack { .. } => false,
        };
        let id = result.delivery.place.id;
        assert!(
            !is_new || table.owner == Some(life),
            "somebody else records {id}"
        );
    }

    /// Nothing that is stored waits.
    pub(super) fn is_at_rest(&self) -> bool {
        self.now > self.trouble_until + 6_000
            && self
                .messages
                .iter()
                .all(|message| message.has_ended || !message.is_stored)
            && self.attempts.iter().all(Option::is_none)
    }

    /// A lane's row, and what those know who believe it to be theirs.
    fn about(&self, lane: LaneId) -> String {
        let loops = self.replicas.iter().flat_map(|replica| &replica.loops);
        let mine = loops.flatten().filter(|one| one.lane == lane);
        let cores: Vec<String> = mine.map(|one| format!("{:?}", one.core)).collect();
        format!("{:?}\n{}", self.tables.lane(lane), cores.join("\n"))
    }

    /// Everything that was acknowledged, or stored at all, has come to its end.
    pub(super) fn ends_well(&self) {
        for message in &self.messages {
            let id = message.id;
            let is_acknowledged = message.acknowledged_at.is_some();
            assert!(message.is_stored || !is_acknowledged, "{id} is lost");
            let is_stuck = message.is_stored && !message.has_ended;
            assert!(!is_stuck, "{id} is stuck: {}", self.about(message.lane));
        }
    }
}
