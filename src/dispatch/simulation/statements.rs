//! Statements on their way to the store and back, and what they do there.

use std::rc::Rc;

use super::tables::{Ask, Row, Told};
use super::world::{Event, Process, World};
use crate::dispatch::cursor::Page;
use crate::dispatch::due::DuePlace;
use crate::dispatch::lane_core::{Answer, BehindDue, FirstDue, Question};
use crate::dispatch::results::{Fate, ResultRow};
use crate::dispatch::testing::arrival;
use crate::lanes::model::{Arrival, LaneId, Life, Place};
use crate::lanes::store::RowBrakes;
use crate::values::MessageId;

/// How many of the next rows to fall due are looked at.
const NEXT_DUE: usize = 3;

/// One statement of one process.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) process: Process,
    pub(super) purpose: Purpose,
    ask: Ask,
    told: Option<Told>,
    /// Whoever asked has been answered, or has given it up.
    is_over: bool,
    pub(super) sent_at: i64,
}

/// Whose statement it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Beat,
    Lane(usize),
    Results,
    Flush(usize),
    HandOver(usize),
}

/// A statement in few words.
fn brief(ask: &Ask) -> String {
    let Ask::Finish { life, rows } = ask else {
        return format!("{ask:?}");
    };
    let fates = rows
        .iter()
        .map(|row| (row.delivery.place.id.sequence(), &row.fate));
    format!("Finish {life:?} {:?}", fates.collect::<Vec<_>>())
}

impl World {
    /// Sends a statement; whoever asks is patient for so many milliseconds.
    pub(super) fn ask(&mut self, replica: usize, purpose: Purpose, ask: Ask, patience: i64) {
        let Some(process) = self.replicas[replica].process(replica) else {
            return;
        };
        let call = self.calls.len();
        let course = self.weather.course(&mut self.random, replica, self.now);
        if !matches!(ask, Ask::Tick { .. }) {
            self.note(|| format!("replica {replica} asks {call} {}: {course:?}", brief(&ask)));
        }
        self.calls.push(Call {
            process,
            purpose,
            ask,
            told: None,
            is_over: false,
            sent_at: self.now,
        });
        if let Some(executes) = course.executes {
            self.after(executes, Event::Execute(call));
        }
        if let Some(answers) = course.answers {
            self.after(answers, Event::Answer(call));
        }
        self.after(
            course.fails.unwrap_or(patience).min(patience),
            Event::GiveUp(call),
        );
    }

    pub(super) fn answer(&mut self, call: usize) {
        if let Some(told) = self.calls[call].told.take() {
            self.be_told(call, Some(told));
        }
    }

    pub(super) fn give_up(&mut self, call: usize) {
        if !self.calls[call].is_over {
            self.note(|| format!("statement {call} fails"));
        }
        self.be_told(call, None);
    }

    fn be_told(&mut self, call: usize, told: Option<Told>) {
        let Call {
            is_over,
            process,
            purpose,
            sent_at,
            ..
        } = &mut self.calls[call];
        if std::mem::replace(is_over, true) {
            return;
        }
        let (replica, purpose, sent_at) = (process.replica, *purpose, *sent_at);
        match purpose {
            Purpose::Beat => self.beat_told(replica, sent_at, told),
            Purpose::Lane(lane) => self.lane_told(replica, lane, told),
            Purpose::Results => self.results_told(replica, told.as_ref()),
            Purpose::Flush(flush) => self.flush_told(flush, told.as_ref()),
            Purpose::HandOver(lane) => self.released(replica, lane, told.is_some()),
        }
    }

    pub(super) fn execute(&mut self, call: usize) {
        let ask = self.calls[call].ask.clone();
        let told = match ask {
            Ask::Register => Told::Registered(self.tables.register()),
            Ask::Tick { life, sends } => Told::Ticked(self.tables.tick(life, sends)),
            Ask::Bury { life, beat } => {
                self.tables.bury(life, beat);
                Told::Done
            }
            Ask::Claim { life, limit } => Told::Lanes(self.tables.claim(life, limit)),
            Ask::LanesOf(life) => Told::Lanes(self.tables.lanes_of(life)),
            Ask::LanesWithRows(lanes) => Told::Ids(self.tables.with_rows(&lanes, None)),
            Ask::LanesWithWork(lanes) => Told::Ids(self.tables.with_rows(&lanes, Some(self.now))),
            Ask::Release { life, lane } => {
                self.tables.release(life, lane);
                Told::Done
            }
            Ask::Read { lane, question } => Told::Answer(self.read(lane, question)),
            Ask::Accept { life, flush, own } => self.store(life, flush, own),
            Ask::Finish { life, rows } => self.finish(life, &rows),
        };
        self.calls[call].told = Some(told);
    }

    fn read(&self, lane: LaneId, question: Question) -> Answer {
        let table = self.tables.lane(lane);
        match question {
            Question::Brakes => Answer::Brakes(RowBrakes {
                paused: table.paused,
                parked: table.parked_until.is_some(),
            }),
            Question::Holding => {
                let holds = |row: &Row| {
                    row.due_at.is_some() && row.holds_until.is_some_and(|until| until > self.now)
                };
                let rows = table.rows.iter().filter(|(_, row)| holds(row));
                let mut rows: Vec<_> = rows.map(|(place, row)| (*place, *row)).collect();
                rows.sort_by_key(|(_, row)| row.due_at);
                Answer::Holding(self.arrivals(lane, &rows))
            }
            Question::Due {
                after,
                until,
                limit,
            } => {
                let mut rows = table.due(((after.due_at, after.id), until));
                let limit = usize::try_from(limit).unwrap();
                let is_full = rows.len() >= limit;
                rows.truncate(limit);
                let behind = match rows.last().filter(|_| is_full) {
                    Some((place, row)) => BehindDue::More(DuePlace {
                        due_at: row.due_at.unwrap(),
                        id: place.id,
                    }),
                    None => BehindDue::Next(self.first_due(lane, until)),
                };
                Answer::Due {
                    arrivals: self.arrivals(lane, &rows),
                    behind,
                    until,
                }
            }
            Question::Page {
                after,
                due_from,
                limit,
            } => {
                let limit = usize::try_from(limit).unwrap();
                let at_once = table.rows.iter().filter(|(_, row)| row.due_at.is_none());
                let beyond = at_once.filter(|(place, _)| **place > after);
                let rows: Vec<_> = beyond
                    .take(limit)
                    .map(|(place, row)| (*place, *row))
                    .collect();
                let is_whole = rows.len() < limit;
                let page = Page {
                    arrivals: self.arrivals(lane, &rows),
                    last: rows.last().map(|(place, _)| *place),
                    is_whole,
                };
                let first_due = is_whole.then(|| self.first_due(lane, due_from));
                Answer::Page { page, first_due }
            }
        }
    }

    fn first_due(&self, lane: LaneId, after_ms: i64) -> FirstDue {
        let table = self.tables.lane(lane);
        let mut rows = table.due((
            (after_ms.saturating_add(1), MessageId::from_i64(0)),
            i64::MAX,
        ));
        let is_whole = rows.len() < NEXT_DUE;
        rows.truncate(NEXT_DUE);
        let rows = rows.into_iter();
        FirstDue {
            rows: rows
                .map(|(place, row)| (place, row.due_at.unwrap()))
                .collect(),
            is_whole,
        }
    }

    fn arrivals(&self, lane: LaneId, rows: &[(Place, Row)]) -> Vec<Arrival> {
        let rows = rows.iter();
        rows.map(|(place, row)| self.arrival(lane, *place, row))
            .collect()
    }

    /// A row with its message.
    pub(super) fn arrival(&self, lane: LaneId, place: Place, row: &Row) -> Arrival {
        let message = &self.messages[row.message];
        let mut arrival = arrival(place, message.recipient, message.priority);
        arrival.delivery.ccid = self.tables.lane(lane).ccid;
        arrival.delivery.lane = lane;
        arrival.delivery.attempt = row.attempt;
        arrival.delivery.due_at = row.due_at;
        arrival.delivery.expires_at = row.expires_at;
        arrival.delivery.holds_until = row.holds_until;
        arrival
    }

    /// Stores results where their life still stands.
    fn finish(&mut self, life: Life, rows: &Rc<Vec<ResultRow>>) -> Told {
        if !self.tables.stands(life) {
            return Told::LifeEnded;
        }
        for result in rows.iter() {
            self.store_result(life, result);
        }
        Told::Done
    }

    fn store_result(&mut self, life: Life, result: &ResultRow) {
        let (lane, place) = (result.delivery.lane, result.delivery.place);
        self.law_of_results(life, result);
        let number = usize::try_from(place.id.sequence()).unwrap();
        let table = self.tables.lane_mut(lane);
        match result.fate {
            Fate::Done => {
                if table.rows.remove(&place).is_some() {
                    self.messages[number].has_ended = true;
                }
            }
            Fate::Waits {
                attempt,
                due_at,
                holds_until,
            } => {
                let row = table.rows.get_mut(&place);
                if let Some(row) = row.filter(|row| row.attempt < attempt) {
                    row.attempt = attempt;
                    row.due_at = Some(due_at);
                    row.holds_until = holds_until;
                    self.messages[number].waits(life);
                }
            }
            Fate::Held { .. } | Fate::PutBack { .. } => {
                panic!("the simulated endpoint's repeats are safe, and it bars nobody")
            }
        }
        let table = self.tables.lane_mut(lane);
        if let Some(endpoint) = &result.endpoint {
            table.parked_until = endpoint.parked_until;
            table.failures_in_a_row = endpoint.failures_in_a_row;
            table.paused |= endpoint.pause;
        }
    }
}
