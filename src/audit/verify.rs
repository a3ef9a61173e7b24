//! Whether the chain of records is whole, and where it is not.
//!
//! It shows records that were changed, taken out or moved, at either end, too, as long as the row of the chain's ends says
//! what it said. Whoever may write all of it and forges every hash from some place on is found out by an anchor from
//! before. A record that is not chained yet, which takes a second, is not protected.

use std::fmt;

use sqlx::{Connection, PgConnection};

use super::chain::{Hash, Link};
use super::model::Record;
use super::store::chain::{self, Ends};

/// Records that are read at once.
const PAGE: i64 = 1_000;
/// Records that do not fit of which it is looked where they belong; the others are only told of.
const SORTED_OUT_MAX: usize = 64;

/// Something that is not as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The record here was changed, or the one before it and its hash.
    Changed { place: i64, id: i64 },
    /// The record here was at another place.
    Moved { place: i64, id: i64, from: i64 },
    /// What was at these places is gone.
    Removed { first: i64, last: i64 },
    /// The chain does not end as the row of its ends says.
    OtherEnd { place: i64 },
    /// What stood at the anchor's place has another hash.
    AnchorDiffers { place: i64 },
    /// The chain ends before the anchor's place.
    AnchorGone { place: i64, end: i64 },
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub faults: Vec<Fault>,
    /// How many records were looked at.
    pub records: i64,
    /// Records that are not in the chain yet.
    pub unchained: i64,
    /// The last record that was dropped; place 0 where none was.
    pub cut: Link,
    /// The end of the chain.
    pub head: Link,
    /// The anchor's place was dropped, so there is nothing to compare it with.
    pub anchor_dropped: bool,
}

/// A record that does not fit behind the one before it.
struct Misfit {
    place: i64,
    before: Hash,
    hash: Option<Hash>,
    record: Record,
}

/// Looks at every record as it is at one moment.
pub async fn verify(connection: &mut PgConnection, anchor: Option<Link>) -> sqlx::Result<Report> {
    let mut transaction = connection
        .begin_with("begin isolation level repeatable read, read only")
        .await?;
    let ends = chain::ends(&mut transaction).await?;
    let mut walk = Walk::from(&ends, anchor);
    loop {
        let page = chain::placed(&mut transaction, (walk.last.place, PAGE)).await?;
        if page.is_empty() {
            break;
        }
        for (place, record) in page {
            walk.step(place, record);
        }
    }
    let unchained = chain::count_unchained(&mut transaction).await?;
    transaction.rollback().await?;
    Ok(walk.end(&ends, unchained))
}

/// A walk along the chain.
struct Walk {
    last: Link,
    /// `last` is where the chain breaks off, so nothing can be said of what follows it.
    is_broken: bool,
    anchor: Option<Link>,
    is_anchored: bool,
    records: i64,
    misfits: Vec<Misfit>,
    faults: Vec<Fault>,
}

impl Walk {
    fn from(ends: &Ends, anchor: Option<Link>) -> Self {
        let mut walk = Self {
            last: ends.cut,
            is_broken: false,
            anchor,
            is_anchored: false,
            records: 0,
            misfits: Vec::new(),
            faults: Vec::new(),
        };
        walk.compare_with_anchor(ends.cut.place, Some(ends.cut.hash));
        walk
    }

    fn step(&mut self, place: i64, record: Record) {
        self.records += 1;
        if place > self.last.place + 1 {
            self.faults.push(Fault::Removed {
                first: self.last.place + 1,
                last: place - 1,
            });
            self.is_broken = true;
        }
        let stored = record.hash.as_deref().and_then(Hash::from_stored);
        let expected = Hash::of(&record, place, self.last.hash);
        self.compare_with_anchor(place, stored);
        if !self.is_broken && stored != Some(expected) {
            self.misfits.push(Misfit {
                place,
                before: self.last.hash,
                hash: stored,
                record,
            });
        }
        self.is_broken = stored.is_none();
        let hash = stored.unwrap_or(expected);
        self.last = Link { place, hash };
    }

    fn compare_with_anchor(&mut self, place: i64, hash: Option<Hash>) {
        if let Some(anchor) = self.anchor.filter(|anchor| anchor.place == place) {
            self.is_anchored = true;
            if hash != Some(anchor.hash) {
                self.faults.push(Fault::AnchorDiffers { place });
            }
        }
    }

    fn end(mut self, ends: &Ends, unchained: i64) -> Report {
        let (end, head) = (self.last, ends.head);
        if end.place < head.place {
            self.faults.push(Fault::Removed {
                first: end.place + 1,
                last: head.place,
            });
        } else if end != head {
            self.faults.push(Fault::OtherEnd { place: end.place });
        }
        let anchor_dropped = self
            .anchor
            .is_some_and(|anchor| anchor.place < ends.cut.place);
        if let Some(anchor) = self.anchor
            && !anchor_dropped
            && !self.is_anchored
        {
            self.faults.push(Fault::AnchorGone {
                place: anchor.place,
                end: end.place,
            });
        }
        self.faults.extend(sorted_out(&self.misfits));
        self.faults.sort_by_key(Fault::place);
        Report {
            faults: self.faults,
            records: self.records,
            unchained,
            cut: ends.cut,
            head: end,
            anchor_dropped,
        }
    }
}

/// What is wrong with records that do not fit: some are where they belong and only follow one that is not.
fn sorted_out(misfits: &[Misfit]) -> Vec<Fault> {
    let known = &misfits[..misfits.len().min(SORTED_OUT_MAX)];
    misfits
        .iter()
        .filter_map(|misfit| fault(misfit, known))
        .collect()
}

fn fault(misfit: &Misfit, known: &[Misfit]) -> Option<Fault> {
    let &Misfit {
        place,
        before,
        ref record,
        hash,
    } = misfit;
    let id = record.id;
    let Some(hash) = hash else {
        return Some(Fault::Changed { place, id });
    };
    let hashes = || known.iter().filter_map(|other| other.hash);
    if hashes().any(|before| Hash::of(record, place, before) == hash) {
        return None;
    }
    // Its hash came along with it, or stayed where another record is now.
    let came_from = known.iter().find(|other| {
        let mut before_it = hashes().chain([other.before]);
        before_it.any(|before| Hash::of(record, other.place, before) == hash)
            || Some(Hash::of(record, other.place, other.before)) == other.hash
    });
    let came_from = came_from.filter(|other| other.place != place);
    let stayed = || {
        known
            .iter()
            .find(|other| Hash::of(&other.record, place, before) == hash)
    };
    let from = came_from.map(|other| other.place);
    Some(match from.or_else(|| stayed().map(|other| other.place)) {
        Some(from) => Fault::Moved { place, id, from },
        None => Fault::Changed { place, id },
    })
}

impl Fault {
    fn place(&self) -> i64 {
        match self {
            Self::Changed { place, .. }
            | Self::Moved { place, .. }
            | Self::OtherEnd { place }
            | Self::AnchorDiffers { place }
            | Self::AnchorGone { place, .. } => *place,
            Self::Removed { first, .. } => *first,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { place, id } => {
                write!(
                    formatter,
                    "record {id} at place {place} was changed, or the one before it"
                )
            }
            Self::Moved { place, id, from } => {
                write!(
                    formatter,
                    "record {id} at place {place} was moved there; it belongs to place {from}"
                )
            }
            Self::Removed { first, last } if first == last => {
                write!(formatter, "the record at place {first} was removed")
            }
            Self::Removed { first, last } => {
                write!(
                    formatter,
                    "the records at places {first} to {last} were removed"
                )
            }
            Self::OtherEnd { place } => {
                write!(
                    formatter,
                    "the chain ends at place {place} otherwise than it ended"
                )
            }
            Self::AnchorDiffers { place } => {
                write!(
                    formatter,
                    "place {place} has another hash than the anchor says"
                )
            }
            Self::AnchorGone { place, end } => {
                write!(
                    formatter,
                    "the anchor is of place {place}, but the chain ends at place {end}"
                )
            }
        }
    }
}
