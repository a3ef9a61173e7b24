//! How replicas beat, declare each other dead and take their lanes. As `replica` does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::statements::Purpose;
use super::tables::{Ask, Ticked, Told};
use super::world::{Event, World};
use crate::dispatch::share::share_of;
use crate::dispatch::testing::START_MS;
use crate::lanes::model::LaneId;
use crate::lanes::ownership::{LaneSignal, OwnedLane};
use crate::lanes::store::LaneRow;

const BEAT_MS: i64 = 500;
const VALIDITY_MS: i64 = 3_500;
const PATIENCE_MS: i64 = 1_750;
const SWEEP_MS: i64 = 15_000;
const TICKS_TO_OTHERS: u32 = 10;

/// Where a beat is.
#[derive(Debug, Clone)]
pub(super) enum Stage {
    Rests,
    Registers,
    Ticks,
    Buries,
    Claims,
    TakesStrays { leaving: BTreeSet<LaneId> },
    Looks,
    Sweeps,
}

impl World {
    /// Begins a beat: a new life where there is none, else a tick.
    pub(super) fn beat(&mut self, number: usize) {
        let replica = &mut self.replicas[number];
        replica.takes_lanes = !replica.is_stopping;
        if let (Some(life), true) = (replica.life, replica.is_stopping) {
            for lane in self.lanes_of_replica(number) {
                self.give_away(number, life, lane);
            }
        }
        let replica = &self.replicas[number];
        let (stage, ask) = match replica.life {
            Some(life) => {
                let sends = replica.takes_lanes;
                (Stage::Ticks, Ask::Tick { life, sends })
            }
            None => (Stage::Registers, Ask::Register),
        };
        self.go_on_with(number, stage, ask);
    }

    fn go_on_with(&mut self, number: usize, stage: Stage, ask: Ask) {
        self.replicas[number].stage = stage;
        self.ask(number, Purpose::Beat, ask, PATIENCE_MS);
    }

    fn beat_ends(&mut self, number: usize) {
        let replica = &mut self.replicas[number];
        replica.stage = Stage::Rests;
        let process = replica.process(number).unwrap();
        self.after(BEAT_MS, Event::Beat(process));
    }

    pub(super) fn beat_told(&mut self, number: usize, sent_at: i64, told: Option<Told>) {
        let replica = &mut self.replicas[number];
        let Some(told) = told else {
            replica.watch.interrupt();
            replica.strays_expected = true;
            return self.beat_ends(number);
        };
        match (replica.stage.clone(), told) {
            (Stage::Registers, Told::Registered(life)) => {
                replica.life = Some(life);
                self.beat(number);
            }
            (Stage::Ticks, Told::Ticked(ticked)) if !ticked.alive => {
                self.leave_lanes(number);
                self.beat(number);
            }
            (Stage::Ticks, Told::Ticked(ticked)) => self.has_ticked(number, sent_at, ticked),
            (Stage::Buries, _) => self.bury_or_balance(number),
            (Stage::Claims, Told::Lanes(rows)) => {
                self.take_all(number, &rows, &BTreeSet::new());
                self.take_strays(number);
            }
            (Stage::TakesStrays { leaving }, Told::Lanes(rows)) => {
                let attended = self.lanes_of_replica(number);
                let besides = leaving.into_iter().chain(attended).collect();
                self.take_all(number, &rows, &besides);
                self.look_where_work_is(number);
            }
            (Stage::Looks, Told::Ids(lanes)) => {
                replica.seemed_empty.clear();
                for lane in lanes {
                    replica.ownership.signal(lane, LaneSignal::LookForRows);
                }
                self.sweep(number);
            }
            (Stage::Sweeps, Told::Ids(lanes)) => {
                for lane in lanes {
                    replica.ownership.signal(lane, LaneSignal::ReadAgain);
                }
                self.beat_ends(number);
            }
            (stage, told) => panic!("{stage:?} is not answered by {told:?}"),
        }
    }

    fn has_ticked(&mut self, number: usize, sent_at: i64, ticked: Ticked) {
        let monotonic = self.monotonic;
        let at = |unix_ms: i64| {
            monotonic + Duration::from_millis(u64::try_from(unix_ms - START_MS).unwrap())
        };
        let times = (at(sent_at), at(self.now));
        let replica = &mut self.replicas[number];
        replica.lease_until = sent_at + VALIDITY_MS;
        let me = replica.life;
        let others = ticked.beats.iter().copied();
        let others = others.filter(|(life, _)| Some(*life) != me);
        replica.dead = replica.watch.look(times, others);
        replica.ticked = Some(ticked);
        self.bury_or_balance(number);
    }

    fn bury_or_balance(&mut self, number: usize) {
        match self.replicas[number].dead.pop() {
            Some((life, beat)) => {
                self.go_on_with(number, Stage::Buries, Ask::Bury { life, beat });
            }
            None => self.balance(number),
        }
    }

    fn balance(&mut self, number: usize) {
        let lanes = self.destinations.len();
        let mine = self.lanes_of_replica(number);
        let replica = &mut self.replicas[number];
        let (Some(life), Some(ticked)) = (replica.life, replica.ticked.take()) else {
            return self.beat_ends(number);
        };
        if !replica.takes_lanes {
            return self.beat_ends(number);
        }
        let share = share_of(life, lanes, &ticked.senders);
        replica.ticks_waited = if ticked.lanes_wait {
            replica.ticks_waited + 1
        } else {
            0
        };
        let mut room = share.saturating_sub(mine.len());
        if room == 0 && replica.ticks_waited >= TICKS_TO_OTHERS {
            room = 1;
        }
        if mine.len() > share {
            for lane in mine.into_iter().skip(share) {
                self.give_away(number, life, lane);
            }
            self.take_strays(number);
        } else if !ticked.lanes_wait || room == 0 {
            self.take_strays(number);
        } else {
            self.go_on_with(number, Stage::Claims, Ask::Claim { life, limit: room });
        }
    }

    fn take_strays(&mut self, number: usize) {
        let replica = &mut self.replicas[number];
        let expected = std::mem::replace(&mut replica.strays_expected, false);
        match replica.life.filter(|_| expected) {
            Some(life) => {
                let leaving = replica.leaving.clone();
                self.go_on_with(number, Stage::TakesStrays { leaving }, Ask::LanesOf(life));
            }
            None => self.look_where_work_is(number),
        }
    }

    fn look_where_work_is(&mut self, number: usize) {
        let empty = self.replicas[number].seemed_empty.clone();
        if empty.is_empty() {
            return self.sweep(number);
        }
        self.go_on_with(number, Stage::Looks, Ask::LanesWithRows(empty));
    }

    /// In a replica this is a task of its own; here it goes with the tick.
    fn sweep(&mut self, number: usize) {
        let lanes = self.lanes_of_replica(number);
        let replica = &mut self.replicas[number];
        if self.now - replica.last_sweep < SWEEP_MS {
            return self.beat_ends(number);
        }
        replica.last_sweep = self.now;
        replica.strays_expected = true;
        if lanes.is_empty() || self.is_calm {
            return self.beat_ends(number);
        }
        self.go_on_with(number, Stage::Sweeps, Ask::LanesWithWork(lanes));
    }

    /// Somebody declared this life dead.
    fn leave_lanes(&mut self, number: usize) {
        self.note(|| format!("replica {number} was declared dead"));
        let replica = &mut self.replicas[number];
        for owned in replica.ownership.end_life() {
            owned.signal(LaneSignal::Release);
        }
        replica.life = None;
        replica.lease_until = 0;
        replica.watch.interrupt();
    }

    fn take_all(&mut self, number: usize, rows: &[LaneRow], besides: &BTreeSet<LaneId>) {
        for row in rows.iter().filter(|row| !besides.contains(&row.lane)) {
            self.take(number, row);
        }
    }

    fn take(&mut self, number: usize, row: &LaneRow) {
        self.note(|| format!("replica {number} takes {row:?}"));
        let replica = &mut self.replicas[number];
        if !row.has_rows {
            replica.seemed_empty.push(row.lane);
        }
        let Some(life) = replica.life else { return };
        let (owned, inbox) = OwnedLane::new(row.lane, self.settings.memory_deliveries_max);
        replica.ownership.insert(Arc::clone(&owned));
        self.begin_loop(number, life, row, (owned, inbox));
    }

    pub(super) fn lanes_of_replica(&self, number: usize) -> Vec<LaneId> {
        let mut lanes = self.replicas[number].ownership.lanes();
        lanes.sort_unstable();
        lanes
    }
}
