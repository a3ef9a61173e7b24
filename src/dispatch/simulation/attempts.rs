//! The attempts that lanes make, and the committer of what they come to. As `attempt` and `results` do.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use rand::RngExt;

use super::lanes::Loop;
use super::statements::Purpose;
use super::tables::{Ask, Told};
use super::world::{Event, Process, World};
use crate::connectors::outcome::{NotStarted, Outcome};
use crate::dispatch::attempt::Report;
use crate::dispatch::gate::LaneOpen;
use crate::dispatch::judgement::Judge;
use crate::dispatch::lane_core::{How, Start};
use crate::dispatch::results::{ResultRow, tell_owners};
use crate::dispatch::slots::Slot;
use crate::lanes::model::{Arrival, Life};
use crate::provisioning::directory::Channel;

/// An attempt that is under way.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) process: Process,
    pub(super) owner: usize,
    pub(super) life: Life,
    pub(super) arrival: Arrival,
    channel: Arc<Channel>,
    slot: Slot,
    how: How,
    open: Arc<LaneOpen>,
    report: Report,
}

/// What attempts came to and is not durable yet.
#[derive(Default)]
pub(super) struct Results {
    pub(super) waiting: VecDeque<ResultRow>,
    pub(super) batch: Option<Rc<Vec<ResultRow>>>,
    is_asked: bool,
}

impl World {
    pub(super) fn begin(
        &mut self,
        number: usize,
        index: usize,
        lane: &mut Loop,
        start: Start<Slot>,
    ) {
        self.law_of_beginnings(number, lane, &start);
        let process = self.replicas[number].process(number).unwrap();
        lane.attempts_open += 1;
        let attempt = self.attempts.len();
        let is_sent = start.how == How::Send;
        let why = if start.how == How::Resolve {
            NotStarted::HoldEnded
        } else {
            NotStarted::Expired
        };
        self.note(|| {
            let id = start.arrival.delivery.place.id;
            format!(
                "replica {number} begins attempt {attempt} of {id}: {:?}",
                start.how
            )
        });
        self.attempts.push(Some(Attempt {
            process,
            owner: index,
            life: lane.life,
            arrival: start.arrival,
            channel: start.channel,
            slot: start.slot,
            how: start.how,
            open: lane.core.open(),
            report: Report::of(Outcome::NotStarted { why }),
        }));
        let later = self.random.random_range(0..5);
        let event = if is_sent {
            Event::Gate(process, attempt)
        } else {
            Event::AttemptEnds(process, attempt)
        };
        self.after(later, event);
    }

    /// The first byte leaves, or does not.
    pub(super) fn pass_gate(&mut self, number: usize) {
        let Some(attempt) = &self.attempts[number] else {
            return;
        };
        let replica = &self.replicas[attempt.process.replica];
        let shut = if !attempt.open.is_open() {
            Some(NotStarted::LaneClosed)
        } else if replica.proved_life(self.now) != Some(attempt.life) {
            Some(NotStarted::LeaseLost)
        } else {
            let fails = self.random.random_range(0..60) == 0;
            fails.then_some(NotStarted::CheckFailed)
        };
        if let Some(why) = shut {
            self.report(number, Report::of(Outcome::NotStarted { why }), 0);
        } else {
            self.law_of_sending(number);
            let later = self.random.random_range(0..20);
            self.after(later, Event::Reach(number));
        }
    }

    /// A request comes to its endpoint, whatever became of whoever sent it.
    pub(super) fn reach(&mut self, number: usize) {
        let Some(attempt) = &self.attempts[number] else {
            return;
        };
        let lane = attempt.arrival.delivery.lane;
        let endpoint = &self.destinations[usize::try_from(lane.0).unwrap()].endpoint;
        let reaction = endpoint.react(&mut self.random, self.now);
        self.report(number, Report::of(reaction.outcome), reaction.after);
    }

    fn report(&mut self, number: usize, report: Report, later: i64) {
        if let Some(attempt) = &mut self.attempts[number] {
            attempt.report = report;
            let process = attempt.process;
            self.after(later, Event::AttemptEnds(process, number));
        }
    }

    pub(super) fn end_attempt(&mut self, number: usize) {
        if let Some(attempt) = &self.attempts[number]
            && let Some(lane) = &mut self.replicas[attempt.process.replica].loops[attempt.owner]
        {
            lane.ended.push_back(number);
        }
    }

    pub(super) fn settle(&mut self, number: usize, lane: &mut Loop) {
        let ended = lane.ended.pop_front().unwrap();
        let attempt = self.attempts[ended].take().unwrap();
        drop(attempt.slot);
        lane.attempts_open -= 1;
        self.note(|| format!("attempt {ended} ends: {:?}", attempt.report.outcome));
        let judge = Judge {
            settings: &self.settings,
            ids: &self.ids,
            life: lane.life,
            owner: &lane.owned,
            channel: &attempt.channel,
            now_ms: self.replicas[number].latest.get(),
            jitter: self.random.random(),
        };
        let id = attempt.arrival.message.id;
        let row = lane.core.settle(&judge, attempt.arrival, &attempt.report);
        let fate = row.as_ref().map(|row| &row.fate);
        self.law_of_ends((attempt.process, attempt.owner), id, &attempt.report, fate);
        if let Some(row) = row {
            lane.knows_paused |= row.endpoint.as_ref().is_some_and(|change| change.pause);
            let replica = &mut self.replicas[number];
            replica.results.waiting.push_back(*row);
            let process = replica.process(number).unwrap();
            self.after(5, Event::Write(process));
        }
        debug_assert!(
            attempt.how == How::Send
                || matches!(attempt.report.outcome, Outcome::NotStarted { .. })
        );
    }

    /// The one committer of results: a batch is written until it is known to be written.
    pub(super) fn write_results(&mut self, number: usize) {
        let replica = &mut self.replicas[number];
        let results = &mut replica.results;
        if results.is_asked {
            return;
        }
        if results.batch.is_none() {
            let mut batch: Vec<ResultRow> = Vec::new();
            let fits = |batch: &[ResultRow], row: &ResultRow| {
                let other = |other: &ResultRow| {
                    other.life == row.life && other.delivery.place.id != row.delivery.place.id
                };
                batch.iter().all(other)
            };
            while let Some(row) = results.waiting.pop_front_if(|row| fits(&batch, row)) {
                batch.push(row);
            }
            results.batch = (!batch.is_empty()).then(|| Rc::new(batch));
        }
        if let Some(rows) = results.batch.clone() {
            results.is_asked = true;
            let life = rows[0].life;
            self.ask(number, Purpose::Results, Ask::Finish { life, rows }, 2_000);
        }
    }

    pub(super) fn results_told(&mut self, number: usize, told: Option<&Told>) {
        let replica = &mut self.replicas[number];
        replica.results.is_asked = false;
        let process = replica.process(number).unwrap();
        if told.is_none() {
            return self.after(100, Event::Write(process));
        }
        if let Some(batch) = replica.results.batch.take() {
            tell_owners(batch.to_vec(), true);
        }
        self.after(5, Event::Write(process));
    }
}
