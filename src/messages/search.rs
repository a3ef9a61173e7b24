//! Searching messages, newest first, within a budget of time.
//!
//! A search walks down the ids in stretches that grow, and stops when its page is full, when nothing is left, or when
//! its time is up. Then it says how far it came, and whoever wants more goes on from there. So a rare filter over many
//! messages costs its caller some calls, and nobody else anything.

use sqlx::PgConnection;

use super::desk::Desk;
use super::error::MessageError;
use super::store::read::{self, Stored};
use super::store::search::{self, Filter, Stretch};
use crate::values::{Ccid, MessageId};

/// Messages that the first statement looks at, beyond those that are wanted.
const FIRST_STRETCH: i64 = 200;
/// Messages that any statement looks at: some 20 ms where each one's status is asked for.
const STRETCH_MAX: i64 = 10_000;
/// Each stretch is so many times as long as the one before.
const STRETCH_GROWTH: i64 = 4;

/// What is searched for, and where.
#[derive(Debug, Clone)]
pub struct Search {
    pub filter: Filter,
    /// The oldest id that is wanted.
    pub lowest: MessageId,
    /// Only ids below this one.
    pub below: MessageId,
    pub limit: i64,
}

impl Search {
    /// The newest that the filter lets through, of all times.
    pub fn newest(filter: Filter, below: Option<MessageId>, limit: i64) -> Self {
        Self {
            filter,
            lowest: MessageId::from_i64(0),
            below: below.unwrap_or(MessageId::from_i64(i64::MAX)),
            limit,
        }
    }
}

/// One page of what was found.
#[derive(Debug)]
pub struct Found {
    /// Newest first.
    pub messages: Vec<Stored>,
    /// Where to go on: below this id; `None` at the end.
    pub next: Option<MessageId>,
    /// The time was up before the page was full.
    pub truncated: bool,
}

impl Desk {
    /// Searches the tenant's messages.
    pub async fn search(&self, ccid: Ccid, search: &Search) -> Result<Found, MessageError> {
        let mut connection = self.database.reads.acquire().await?;
        let walked = self.walk(&mut connection, ccid, search).await?;
        let mut messages = read::by_ids(&mut connection, ccid, &walked.ids).await?;
        messages.reverse();
        Ok(Found {
            messages,
            next: walked.next,
            truncated: walked.truncated,
        })
    }

    async fn walk(
        &self,
        connection: &mut PgConnection,
        ccid: Ccid,
        search: &Search,
    ) -> Result<Walked, MessageError> {
        let began = self.clock.monotonic();
        let mut walked = Walked::default();
        let mut stretch = Stretch {
            lowest: search.lowest,
            below: search.below,
            rows_max: (search.limit + FIRST_STRETCH).min(STRETCH_MAX),
        };
        loop {
            let missing = search.limit - walked.count();
            let scanned = search::scan(connection, ccid, &search.filter, stretch, missing).await?;
            walked.ids.extend(scanned.found);
            if walked.count() >= search.limit {
                walked.next = walked.ids.last().copied();
                return Ok(walked);
            }
            let Some(oldest) = scanned.oldest.filter(|_| scanned.seen >= stretch.rows_max) else {
                return Ok(walked);
            };
            if self.clock.monotonic().duration_since(began) >= self.search_time_max {
                walked.next = Some(oldest);
                walked.truncated = true;
                return Ok(walked);
            }
            stretch.below = oldest;
            stretch.rows_max = (stretch.rows_max * STRETCH_GROWTH).min(STRETCH_MAX);
        }
    }
}

/// How far a search came.
#[derive(Debug, Default)]
struct Walked {
    /// Newest first.
    ids: Vec<MessageId>,
    next: Option<MessageId>,
    truncated: bool,
}

impl Walked {
    fn count(&self) -> i64 {
        i64::try_from(self.ids.len()).unwrap_or(i64::MAX)
    }
}
