//! What a lane reads from the database, and when.

use super::LaneCore;
use crate::dispatch::cursor::Page;
use crate::dispatch::due::DuePlace;
use crate::lanes::model::{Arrival, Place};
use crate::lanes::store::RowBrakes;

/// Rows read by one statement.
const PAGE: i64 = 500;
/// The kinds of questions; each is asked once in a round at most.
pub(super) const READINGS: usize = 4;

/// What the database is asked.
#[derive(Debug, Clone, Copy)]
pub enum Question {
    /// Whether somebody has paused the lane, or resumed it.
    Brakes,
    /// What waits for a retry and holds its successors: a new owner needs to know before it sends.
    Holding,
    /// What has fallen due by a time (Unix ms), beginning after a place, and what falls due after it.
    Due {
        after: DuePlace,
        until: i64,
        limit: i64,
    },
    /// What may be sent at once, beginning after a place. At the end of the lane also what falls due after a time
    /// (Unix ms).
    Page {
        after: Place,
        due_from: i64,
        limit: i64,
    },
}

/// What the database has answered.
#[derive(Debug)]
pub enum Answer {
    Brakes(RowBrakes),
    Holding(Vec<Arrival>),
    /// What had fallen due by `until`, and what is behind it.
    Due {
        arrivals: Vec<Arrival>,
        behind: BehindDue,
        until: i64,
    },
    /// `first_due` only where the page is the last.
    Page {
        page: Page,
        first_due: Option<FirstDue>,
    },
}

/// What is behind a page of due rows.
#[derive(Debug)]
pub enum BehindDue {
    /// More that are due, after this one.
    More(DuePlace),
    /// None. These fall due next.
    Next(FirstDue),
}

/// The rows that fall due first after some time, with their times (Unix ms).
#[derive(Debug)]
pub struct FirstDue {
    pub rows: Vec<(Place, i64)>,
    /// Whether there are no more than these.
    pub is_whole: bool,
}

impl LaneCore {
    /// The question of this step of a round, if there is anything to ask.
    pub(super) fn question(&self, step: usize, now_ms: i64) -> Option<Question> {
        if !self.may_read(now_ms) {
            return None;
        }
        match step {
            0 => self.wants_brakes().then_some(Question::Brakes),
            1 => self.unread.holding.then_some(Question::Holding),
            2 => self.wants_due(now_ms).then(|| Question::Due {
                after: self.due.after(),
                until: now_ms,
                limit: limit(self.room()),
            }),
            _ => self.wants_page().then(|| Question::Page {
                after: self.cursor.place(),
                due_from: self.due.unknown_from(),
                limit: limit(self.room()),
            }),
        }
    }

    /// A question has been answered. Everything that was signalled until now has been listened to.
    pub fn told(&mut self, answer: Answer, now_ms: i64) {
        match answer {
            Answer::Brakes(row) => {
                self.brakes.follow(row, self.settings.breaker);
                self.unread.pause = false;
            }
            Answer::Holding(arrivals) => {
                self.take_in_read(arrivals, now_ms);
                self.unread.holding = false;
            }
            Answer::Due {
                arrivals,
                behind,
                until,
            } => {
                match behind {
                    BehindDue::More(last) => self.due.page_read(Some(last), until),
                    BehindDue::Next(first) => {
                        self.due.page_read(None, until);
                        self.note_first_due(&first);
                    }
                }
                self.take_in_read(arrivals, now_ms);
            }
            Answer::Page { page, first_due } => {
                if let Some(first) = first_due {
                    self.note_first_due(&first);
                }
                self.take_in_page(page, now_ms);
            }
        }
    }

    /// A question could not be answered: everything is asked again in a while.
    pub fn not_told(&mut self, now_ms: i64) {
        self.brakes.set_back(now_ms);
    }

    fn note_first_due(&mut self, first: &FirstDue) {
        let queue = &self.queue;
        let is_known = |place| queue.knows(place);
        self.due.note_first(&first.rows, first.is_whole, is_known);
    }

    /// Whether anything is to be read. Each answer leaves less of it, and where there was none the lane is set back.
    pub(super) fn wants_to_read(&self, now_ms: i64) -> bool {
        (0..READINGS).any(|step| self.question(step, now_ms).is_some())
    }

    fn may_read(&self, now_ms: i64) -> bool {
        !self.brakes.is_releasing() && !self.brakes.is_set_back(now_ms)
    }

    /// What we decided ourselves counts at once, though the table says so only once it is recorded.
    fn wants_brakes(&self) -> bool {
        let is_settled = self.unrecorded == 0 || !self.brakes.is_stopped();
        self.unread.pause && is_settled
    }

    fn wants_due(&self, now_ms: i64) -> bool {
        self.due.next().is_some_and(|due| due <= now_ms) && self.room() > 0
    }

    /// Whether there is a page to read, and room for it. Half empty before more is read, so that a page is worth its
    /// statement.
    fn wants_page(&self) -> bool {
        let is_half_empty = self.queue.len() * 2 <= self.settings.memory_deliveries_max;
        self.cursor.is_behind() && is_half_empty
    }

    /// Begins again from the start of the lane: something may have been missed, or fallen due while nobody looked.
    pub(super) fn read_again(&mut self, now_ms: i64) {
        self.cursor.read_again();
        self.due.read_again(now_ms);
    }
}

fn limit(room: usize) -> i64 {
    i64::try_from(room).unwrap_or(PAGE).clamp(1, PAGE)
}
