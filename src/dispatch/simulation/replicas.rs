//! Replicas, and how their processes come and go.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::RngExt;

use super::attempts::Results;
use super::beats::Stage;
use super::hand_overs::HandOver;
use super::lanes::Loop;
use super::tables::Ticked;
use super::world::{Event, LEASE, Process, World};
use crate::dispatch::context::DispatchSettings;
use crate::dispatch::slots::Slots;
use crate::dispatch::testing::START_MS;
use crate::dispatch::watch::Watch;
use crate::lanes::model::{LaneId, Life};
use crate::lanes::ownership::Ownership;
use crate::platform::clock::Clock;

/// One replica; what it forgets when its process ends is made anew.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Replica {
    pub(super) incarnation: u32,
    pub(super) is_up: bool,
    pub(super) is_stopping: bool,
    /// As the beat that is under way found it.
    pub(super) takes_lanes: bool,
    pub(super) frozen_until: i64,
    /// The latest time that it was told, Unix ms.
    pub(super) latest: Cell<i64>,
    /// How far its clock is from the others', in milliseconds.
    pub(super) skew: i64,
    pub(super) latest_id: i64,
    pub(super) life: Option<Life>,
    pub(super) lease_until: i64,
    pub(super) ownership: Ownership,
    pub(super) slots: Arc<Slots>,
    pub(super) loops: Vec<Option<Loop>>,
    pub(super) results: Results,
    /// Lanes of ours in which something may be stored without anybody having heard of it, and until when.
    pub(super) doubts: BTreeMap<LaneId, i64>,
    pub(super) watch: Watch,
    pub(super) stage: Stage,
    pub(super) ticked: Option<Ticked>,
    pub(super) dead: Vec<(Life, i64)>,
    pub(super) ticks_waited: u32,
    pub(super) seemed_empty: Vec<LaneId>,
    pub(super) last_sweep: i64,
    pub(super) strays_expected: bool,
    pub(super) leaving: BTreeSet<LaneId>,
    pub(super) hand_overs: Vec<HandOver>,
}

impl Replica {
    pub(super) fn down(settings: &DispatchSettings) -> Self {
        Self {
            incarnation: 0,
            is_up: false,
            is_stopping: false,
            takes_lanes: true,
            frozen_until: 0,
            latest: Cell::new(0),
            skew: 0,
            latest_id: 0,
            life: None,
            lease_until: 0,
            ownership: Ownership::new(Clock::system()),
            slots: Slots::new(settings.max_in_flight, settings.tenant_share),
            loops: Vec::new(),
            results: Results::default(),
            doubts: BTreeMap::new(),
            watch: Watch::new(LEASE.mul_f64(0.9), LEASE.mul_f64(0.5)),
            stage: Stage::Rests,
            ticked: None,
            dead: Vec::new(),
            ticks_waited: 0,
            seemed_empty: Vec::new(),
            last_sweep: START_MS,
            strays_expected: false,
            leaving: BTreeSet::new(),
            hand_overs: Vec::new(),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.is_up
    }

    /// Its process, while it runs.
    pub(super) fn process(&self, replica: usize) -> Option<Process> {
        self.is_up.then_some(Process {
            replica,
            incarnation: self.incarnation,
        })
    }

    /// The time of an id that is made now: its clock is not the others', and never goes back.
    pub(super) fn makes_id_at(&mut self, now: i64) -> i64 {
        self.latest_id = self.latest_id.max(now + self.skew);
        self.latest_id
    }

    /// The life under which something may be started and accepted at this moment.
    pub(super) fn proved_life(&self, now: i64) -> Option<Life> {
        self.life.filter(|_| now < self.lease_until)
    }
}

impl World {
    pub(super) fn start(&mut self, number: usize) {
        let replica = &mut self.replicas[number];
        if replica.is_up {
            return;
        }
        let incarnation = replica.incarnation + 1;
        *replica = Replica::down(&self.settings);
        replica.incarnation = incarnation;
        replica.skew = self.random.random_range(-20..20);
        replica.is_up = true;
        replica.last_sweep = self.now;
        self.note(|| format!("replica {number} starts"));
        self.beat(number);
    }

    pub(super) fn freeze(&mut self, number: usize, lasts: i64) {
        self.note(|| format!("replica {number} freezes for {lasts} ms"));
        let until = self.now + lasts;
        let replica = &mut self.replicas[number];
        replica.frozen_until = replica.frozen_until.max(until);
    }

    pub(super) fn kill(&mut self, number: usize) {
        if self.replicas[number].is_up {
            self.note(|| format!("replica {number} is killed"));
            self.go_down(number);
        }
    }

    pub(super) fn go_down(&mut self, number: usize) {
        let replica = &mut self.replicas[number];
        let incarnation = replica.incarnation;
        let process = replica.process(number);
        for attempt in &mut self.attempts {
            attempt.take_if(|attempt| Some(attempt.process) == process);
        }
        *replica = Replica::down(&self.settings);
        replica.incarnation = incarnation;
        let later = self.random.random_range(100..4_000);
        self.after(later, Event::Start(number));
    }

    pub(super) fn stop(&mut self, number: usize) {
        let replica = &mut self.replicas[number];
        if !replica.is_up || replica.is_stopping {
            return;
        }
        replica.is_stopping = true;
        self.note(|| format!("replica {number} stops"));
    }
}
