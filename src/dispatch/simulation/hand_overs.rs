//! Giving lanes away, and the end of a replica that stops. As `hand_over` does.

use std::sync::Arc;

use futures_util::FutureExt;
use rand::RngExt;

use super::statements::Purpose;
use super::tables::Ask;
use super::world::World;
use crate::lanes::model::{LaneId, Life};
use crate::lanes::ownership::{LaneSignal, OwnedLane};

/// A lane on its way to somebody else.
pub(super) struct HandOver {
    life: Life,
    lane: LaneId,
    owned: Arc<OwnedLane>,
    waits_for: WaitsFor,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WaitsFor {
    Accepts,
    Loop,
    Release,
    Nothing,
}

impl World {
    pub(super) fn give_away(&mut self, number: usize, life: Life, lane: LaneId) {
        self.note(|| format!("replica {number} gives lane {} away", lane.0));
        let replica = &mut self.replicas[number];
        let Some(owned) = replica.ownership.remove(lane) else {
            return;
        };
        replica.leaving.insert(lane);
        replica.hand_overs.push(HandOver {
            life,
            lane,
            owned,
            waits_for: WaitsFor::Accepts,
        });
    }

    /// Moves hand-overs on, and a stop that has nothing more to wait for.
    pub(super) fn hand_over(&mut self, number: usize) {
        for index in 0..self.replicas[number].hand_overs.len() {
            let one = &mut self.replicas[number].hand_overs[index];
            if one.waits_for == WaitsFor::Accepts
                && one.owned.accepts_ended().now_or_never().is_some()
            {
                one.owned.signal(LaneSignal::Release);
                one.waits_for = WaitsFor::Loop;
            }
            if one.waits_for == WaitsFor::Loop && one.owned.loop_ended().now_or_never().is_some() {
                one.waits_for = WaitsFor::Release;
                let (life, lane) = (one.life, one.lane);
                let ask = Ask::Release { life, lane };
                self.ask(number, Purpose::HandOver(index), ask, 3_000);
            }
        }
        let replica = &self.replicas[number];
        let is_done = |one: &HandOver| one.waits_for == WaitsFor::Nothing;
        if replica.is_stopping
            && !replica.takes_lanes
            && replica.hand_overs.iter().all(is_done)
            && replica.ownership.count() == 0
            && self.random.random_bool(0.1)
        {
            self.note(|| format!("replica {number} has stopped"));
            if let Some(life) = self.replicas[number].life {
                self.tables.end_life(life);
            }
            self.go_down(number);
        }
    }

    pub(super) fn released(&mut self, number: usize, index: usize, is_released: bool) {
        let replica = &mut self.replicas[number];
        let one = &mut replica.hand_overs[index];
        one.waits_for = WaitsFor::Nothing;
        replica.strays_expected |= !is_released;
        replica.leaving.remove(&one.lane);
    }
}
