//! The tables that replicas, lanes and deliveries are in, and what the statements do to them: each at once, as Postgres
//! shows them.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::dispatch::lane_core::{Answer, Question};
use crate::dispatch::results::ResultRow;
use crate::lanes::model::{LaneId, Life, Place};
use crate::lanes::store::LaneRow;
use crate::values::{Ccid, MessageId};

/// What the store is asked.
#[derive(Debug, Clone)]
pub(super) enum Ask {
    Register,
    Tick {
        life: Life,
        sends: bool,
    },
    Bury {
        life: Life,
        beat: i64,
    },
    Claim {
        life: Life,
        limit: usize,
    },
    LanesOf(Life),
    LanesWithRows(Vec<LaneId>),
    LanesWithWork(Vec<LaneId>),
    Release {
        life: Life,
        lane: LaneId,
    },
    Read {
        lane: LaneId,
        question: Question,
    },
    Accept {
        life: Life,
        flush: usize,
        own: bool,
    },
    Finish {
        life: Life,
        rows: Rc<Vec<ResultRow>>,
    },
}

/// What the store answers.
#[derive(Debug)]
pub(super) enum Told {
    Registered(Life),
    Ticked(Ticked),
    Lanes(Vec<LaneRow>),
    Ids(Vec<LaneId>),
    Answer(Answer),
    /// The stamp of the lane; `None` where an earlier try was committed.
    Accepted(Option<i64>),
    /// Nothing was written: the life has ended.
    LifeEnded,
    Done,
}

#[derive(Debug)]
pub(super) struct Ticked {
    pub(super) alive: bool,
    pub(super) beats: Vec<(Life, i64)>,
    pub(super) senders: Vec<i16>,
    pub(super) lanes_wait: bool,
}

#[derive(Debug)]
struct LifeRow {
    beat: i64,
    sends: bool,
    ended: bool,
}

/// A row of `deliveries`; its place is its key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) message: usize,
    pub(super) attempt: i16,
    pub(super) due_at: Option<i64>,
    pub(super) expires_at: i64,
    pub(super) holds_until: Option<i64>,
}

/// A lane's row, with its deliveries.
#[derive(Debug)]
pub(super) struct LaneTable {
    pub(super) ccid: Ccid,
    pub(super) owner: Option<Life>,
    pub(super) stamp: i64,
    pub(super) paused: bool,
    pub(super) parked_until: Option<i64>,
    pub(super) failures_in_a_row: i32,
    pub(super) rows: BTreeMap<Place, Row>,
}

#[derive(Debug, Default)]
pub(super) struct Tables {
    lives: BTreeMap<(i16, i64), LifeRow>,
    pub(super) lanes: Vec<LaneTable>,
}

impl Tables {
    pub(super) fn add_lane(&mut self, ccid: Ccid) {
        self.lanes.push(LaneTable {
            ccid,
            owner: None,
            stamp: 0,
            paused: false,
            parked_until: None,
            failures_in_a_row: 0,
            rows: BTreeMap::new(),
        });
    }

    pub(super) fn lane(&self, lane: LaneId) -> &LaneTable {
        &self.lanes[usize::try_from(lane.0).unwrap()]
    }

    pub(super) fn lane_mut(&mut self, lane: LaneId) -> &mut LaneTable {
        &mut self.lanes[usize::try_from(lane.0).unwrap()]
    }

    pub(super) fn stands(&self, life: Life) -> bool {
        let row = self.lives.get(&(life.number, life.life));
        row.is_some_and(|row| !row.ended)
    }

    /// Takes the number of a life that has ended, else a new one.
    pub(super) fn register(&mut self) -> Life {
        let mut newest: BTreeMap<i16, (i64, bool)> = BTreeMap::new();
        for ((number, life), row) in &self.lives {
            newest.insert(*number, (*life, row.ended));
        }
        let free = newest.iter().find(|(_, (_, ended))| *ended);
        let life = match free {
            Some((number, (life, _))) => Life {
                number: *number,
                life: life + 1,
            },
            None => Life {
                number: i16::try_from(newest.len()).unwrap(),
                life: 1,
            },
        };
        let row = LifeRow {
            beat: 0,
            sends: false,
            ended: false,
        };
        self.lives.insert((life.number, life.life), row);
        life
    }

    pub(super) fn tick(&mut self, life: Life, sends: bool) -> Ticked {
        if let Some(row) = self.lives.get_mut(&(life.number, life.life)) {
            row.beat += 1;
            row.sends = sends;
        }
        let standing = || self.lives.iter().filter(|(_, row)| !row.ended);
        let life_of = |(number, life): &(i16, i64)| Life {
            number: *number,
            life: *life,
        };
        let senders = standing().filter(|(_, row)| row.sends);
        Ticked {
            alive: self.stands(life),
            beats: standing()
                .map(|(key, row)| (life_of(key), row.beat))
                .collect(),
            senders: senders.map(|((number, _), _)| *number).collect(),
            lanes_wait: self.lanes.iter().any(|lane| lane.owner.is_none()),
        }
    }

    pub(super) fn bury(&mut self, life: Life, beat: i64) {
        let row = self.lives.get(&(life.number, life.life));
        if row.is_some_and(|row| row.beat == beat) {
            self.end_life(life);
        }
    }

    pub(super) fn end_life(&mut self, life: Life) {
        if let Some(row) = self.lives.get_mut(&(life.number, life.life)) {
            row.ended = true;
        }
        for lane in &mut self.lanes {
            if lane.owner == Some(life) {
                lane.owner = None;
            }
        }
    }

    pub(super) fn claim(&mut self, life: Life, limit: usize) -> Vec<LaneRow> {
        if !self.stands(life) {
            return Vec::new();
        }
        let free = self.numbered().filter(|(_, lane)| lane.owner.is_none());
        let free: Vec<LaneId> = free.map(|(id, _)| id).take(limit).collect();
        for id in &free {
            let lane = self.lane_mut(*id);
            lane.owner = Some(life);
            lane.stamp += 1;
        }
        free.into_iter().map(|id| self.lane_row(id)).collect()
    }

    pub(super) fn lanes_of(&self, life: Life) -> Vec<LaneRow> {
        let mine = self.numbered().filter(|(_, lane)| lane.owner == Some(life));
        mine.map(|(id, _)| self.lane_row(id)).collect()
    }

    pub(super) fn release(&mut self, life: Life, lane: LaneId) {
        let lane = self.lane_mut(lane);
        if lane.owner == Some(life) {
            lane.owner = None;
        }
    }

    /// Of these lanes those with rows, or with rows that are due by a time (Unix ms).
    pub(super) fn with_rows(&self, lanes: &[LaneId], due_by: Option<i64>) -> Vec<LaneId> {
        let counts = |row: &Row| due_by.is_none_or(|by| row.due_at.is_none_or(|due| due <= by));
        let found = lanes
            .iter()
            .filter(|lane| self.lane(**lane).rows.values().any(counts));
        found.copied().collect()
    }

    fn lane_row(&self, id: LaneId) -> LaneRow {
        let lane = self.lane(id);
        LaneRow {
            connector: "Async".to_owned(),
            lane: id,
            ccid: lane.ccid,
            paused: lane.paused,
            parked_until: lane.parked_until,
            failures_in_a_row: lane.failures_in_a_row,
            // It is told, and decides nothing.
            failing_since: None,
            has_rows: !lane.rows.is_empty(),
        }
    }

    fn numbered(&self) -> impl Iterator<Item = (LaneId, &LaneTable)> {
        (0..).map(LaneId).zip(&self.lanes)
    }
}

impl LaneTable {
    /// What waits for a time within a range of (due time, id), in that order.
    pub(super) fn due(&self, (after, until): ((i64, MessageId), i64)) -> Vec<(Place, Row)> {
        let due = |row: &Row| row.due_at.unwrap_or(i64::MIN);
        let mut rows: Vec<(Place, Row)> = self
            .rows
            .iter()
            .filter(|(place, row)| row.due_at.is_some() && (due(row), place.id) > after)
            .filter(|(_, row)| due(row) <= until)
            .map(|(place, row)| (*place, *row))
            .collect();
        rows.sort_by_key(|(place, row)| (due(row), place.id));
        rows
    }
}
