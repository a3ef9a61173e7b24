//! When rows that wait for a time have to be read, and where reading them goes on. Pure.
//!
//! Rows are read in passes, one page after the other in the order (due time, id): a pass reads everything that has
//! fallen due when its page is read, and the next one begins when the next row that is not in memory falls due.

use crate::lanes::model::Place;
use crate::values::MessageId;

/// An accept may be that late: a row with an earlier due time may still appear.
const LATE_MAX_MS: i64 = 10_000;

/// A place in the order of due times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DuePlace {
    /// Unix milliseconds.
    pub due_at: i64,
    pub id: MessageId,
}

impl DuePlace {
    const START: Self = Self {
        due_at: i64::MIN,
        id: MessageId::from_i64(0),
    };
}

/// Which of a lane's waiting rows were read.
#[derive(Debug)]
pub struct DueRows {
    /// Up to where the pass that is under way has read.
    after: DuePlace,
    /// What fell due until then has been read.
    read_until: i64,
    /// When the next row that is not in memory falls due, Unix ms.
    next: Option<i64>,
}

impl Default for DueRows {
    /// Nothing is known yet.
    fn default() -> Self {
        Self {
            after: DuePlace::START,
            read_until: i64::MIN,
            next: None,
        }
    }
}

impl DueRows {
    /// Something may have been missed: everything that waits is looked at again, beginning now.
    pub fn read_again(&mut self, now_ms: i64) {
        *self = Self::default();
        self.note(now_ms);
    }

    /// When there is something to read, Unix ms.
    pub fn next(&self) -> Option<i64> {
        self.next
    }

    /// Where the next page begins.
    pub fn after(&self) -> DuePlace {
        self.after
    }

    /// From when on rows may wait that are not known.
    pub fn unknown_from(&self) -> i64 {
        self.read_until.saturating_sub(LATE_MAX_MS)
    }

    /// A row that is not in memory falls due at that time.
    pub fn note(&mut self, due_at: i64) {
        self.next = Some(self.next.map_or(due_at, |next| next.min(due_at)));
    }

    /// The first rows that fall due after a time were looked at; `whole`: there are no more than these.
    pub fn note_first(
        &mut self,
        first: &[(Place, i64)],
        whole: bool,
        is_known: impl Fn(Place) -> bool,
    ) {
        let unknown = first.iter().find(|(place, _)| !is_known(*place));
        // Where all of these are known, there may be others after the last of them.
        if let Some((_, due_at)) = unknown.or(first.last().filter(|_| !whole)) {
            self.note(*due_at);
        }
    }

    /// A page of what had fallen due by `until` was read; `last` is its last row where there are more after it.
    pub fn page_read(&mut self, last: Option<DuePlace>, until: i64) {
        if let Some(last) = last {
            self.after = last;
        } else {
            self.after = DuePlace::START;
            self.read_until = self.read_until.max(until);
            self.next = self.next.filter(|next| *next > until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_was_accepted_elsewhere_just_before_it_fell_due_is_found_although_it_is_due() {
        let mut due = DueRows::default();
        due.page_read(None, 60_000);
        let late = row(9, 59_000);
        assert!(due.unknown_from() < late.1);
        due.note_first(&[late], true, |_| false);
        assert_eq!(due.next(), Some(59_000));
    }

    fn row(id: i64, due_at: i64) -> (Place, i64) {
        let place = Place {
            stamp: 0,
            own: true,
            id: MessageId::from_i64(id),
        };
        (place, due_at)
    }

    #[test]
    fn rows_that_are_in_memory_are_not_read_when_they_fall_due() {
        let mut due = DueRows::default();
        due.note_first(&[row(1, 100), row(2, 200), row(3, 300)], true, |place| {
            place.id.as_i64() < 3
        });
        assert_eq!(due.next(), Some(300));
    }

    #[test]
    fn behind_many_rows_in_memory_there_may_be_others() {
        let mut due = DueRows::default();
        due.note_first(&[row(1, 100), row(2, 200)], false, |_| true);
        assert_eq!(due.next(), Some(200));
        due = DueRows::default();
        due.note_first(&[row(1, 100), row(2, 200)], true, |_| true);
        assert_eq!(due.next(), None);
    }

    #[test]
    fn a_pass_goes_on_where_its_last_page_ended_and_the_next_begins_anew() {
        let mut due = DueRows::default();
        due.note(100);
        let last = DuePlace {
            due_at: 50,
            id: MessageId::from_i64(7),
        };
        due.page_read(Some(last), 120);
        assert_eq!((due.after(), due.next()), (last, Some(100)));
        due.page_read(None, 130);
        assert_eq!((due.after(), due.next()), (DuePlace::START, None));
        assert_eq!(due.unknown_from(), 130 - LATE_MAX_MS);
    }

    #[test]
    fn a_lane_that_is_read_again_looks_at_everything_that_waits() {
        let mut due = DueRows::default();
        due.page_read(None, 1_000_000);
        due.read_again(1_000_001);
        assert_eq!(due.unknown_from(), i64::MIN);
        assert_eq!(due.next(), Some(1_000_001));
    }
}
