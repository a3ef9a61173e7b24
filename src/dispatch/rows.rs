//! Which rows of a lane its loop knows, and how it reads the rest.
//!
//! The *cursor* is the place up to which everything that may be sent at once is known. While the lane is *level*,
//! nothing lies beyond the cursor but what accepts of this replica hand over and what wake-ups announce. While it is
//! *behind*, messages handed over from beyond the cursor are left in the table and read in their turn.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{PgConnection, PgPool};

use crate::lanes::model::{Arrival, Delivery, LaneId, OutboundMessage, Place};
use crate::lanes::store;
use crate::messages::store::outbound;
use crate::platform::clock::Clock;
use crate::platform::database::within;
use crate::values::{Ccid, MessageId};

/// Rows read by one statement.
const PAGE: i64 = 500;
/// Rows that wait for a retry and hold their successors, read when a lane is taken over.
const HOLDING_MAX: i64 = 10_000;
/// How long one reading may take before it is given up and begun anew.
const PATIENCE: Duration = Duration::from_secs(3);
/// When due rows are looked at again after a page of them that were all known: they are under way, or cannot be sent.
const ALL_KNOWN_PAUSE_MS: i64 = 250;

/// What one reading found.
struct Page {
    arrivals: Vec<Arrival>,
    /// The place of the last row, whether its message was found or not.
    last: Option<Place>,
    /// There was nothing more to read.
    is_whole: bool,
    /// When the next row that is not due yet falls due, Unix ms.
    next_due: Option<i64>,
}

/// A lane's place in its table.
#[derive(Debug)]
pub struct Rows {
    ccid: Ccid,
    lane: LaneId,
    pool: PgPool,
    clock: Clock,
    cursor: Place,
    /// Every foreign row up to this stamp is known.
    foreign_known: i64,
    /// The highest stamp that was handed over; its foreign rows are durable.
    announced_stamp: i64,
    behind: bool,
    /// Something beyond the cursor was left in the table since the last read began.
    left_out: bool,
    /// When the next row that waits for a time and is not in memory falls due, Unix ms.
    next_due: Option<i64>,
}

impl Rows {
    /// A lane of which nothing is known yet.
    pub fn new((ccid, lane): (Ccid, LaneId), pool: PgPool, clock: Clock) -> Self {
        Self {
            ccid,
            lane,
            pool,
            clock,
            cursor: Place::START,
            foreign_known: -1,
            announced_stamp: -1,
            behind: false,
            left_out: false,
            next_due: None,
        }
    }

    /// Whether rows beyond the cursor wait to be read.
    pub fn is_behind(&self) -> bool {
        self.behind
    }

    /// When there is something to read although nothing is announced, Unix ms.
    pub fn next_due(&self) -> Option<i64> {
        self.next_due
    }

    /// Begins again from the start of the lane: something may have been missed, or fallen due while nobody looked.
    pub fn read_again(&mut self) {
        self.cursor = Place::START;
        self.behind = true;
        self.note_due(self.clock.now_ms());
    }

    /// Other replicas may have accepted something.
    pub fn look(&mut self) {
        self.behind = true;
        self.left_out = true;
    }

    /// A row that is not in memory falls due at that time.
    pub fn note_due(&mut self, due_at: i64) {
        self.next_due = Some(self.next_due.map_or(due_at, |next| next.min(due_at)));
    }

    /// Drops what was handed over and has to be read from the table in its turn; the rest may be taken in.
    pub fn sift(&mut self, arrivals: &mut Vec<Arrival>) {
        let cursor = self.cursor;
        if self.behind {
            // An own flush may commit after a later one: what lies before the cursor would never be read.
            let before = arrivals.len();
            arrivals.retain(|arrival| arrival.delivery.place <= cursor);
            self.left_out |= arrivals.len() < before;
            return;
        }
        let stamp = arrivals
            .iter()
            .map(|arrival| arrival.delivery.place.stamp)
            .max()
            .unwrap_or(0);
        if stamp > self.foreign_known {
            // Rows of other replicas come before these. All of both are durable, so one read finds them in order.
            self.behind = true;
            self.announced_stamp = self.announced_stamp.max(stamp);
            arrivals.retain(|arrival| arrival.delivery.place <= cursor);
            return;
        }
        if let Some(last) = arrivals.iter().map(|arrival| arrival.delivery.place).max() {
            self.cursor = cursor.max(last);
        }
    }

    /// Leaves messages beyond the cursor in the table: there is no room for them.
    pub fn leave_in_table(&mut self, arrivals: &mut Vec<Arrival>) {
        self.behind = true;
        let cursor = self.cursor;
        arrivals.retain(|arrival| arrival.delivery.place <= cursor);
        self.left_out = true;
    }

    /// Reads the next page beyond the cursor.
    pub async fn read_on(&mut self, room: usize) -> sqlx::Result<Vec<Arrival>> {
        self.left_out = false;
        let announced_stamp = self.announced_stamp;
        let limit = i64::try_from(room).unwrap_or(PAGE).clamp(1, PAGE);
        let read = within(PATIENCE, self.page(limit)).await?;
        if let Some(last) = read.last {
            self.cursor = last;
            // A row with stamp s is visible only after every foreign row before s.
            self.foreign_known = self.foreign_known.max(last.stamp - 1);
        }
        if read.is_whole {
            self.foreign_known = self
                .foreign_known
                .max(self.cursor.stamp)
                .max(announced_stamp);
            self.behind = self.left_out;
        }
        if let Some(due_at) = read.next_due {
            self.note_due(due_at);
        }
        Ok(read.arrivals)
    }

    /// Reads what has fallen due of that which is not in memory.
    pub async fn read_due(
        &mut self,
        is_known: impl Fn(MessageId) -> bool,
    ) -> sqlx::Result<Vec<Arrival>> {
        let now_ms = self.clock.now_ms();
        let read = within(PATIENCE, self.due(now_ms)).await?;
        self.next_due = if read.is_whole {
            read.next_due
        } else if read.arrivals.iter().any(|due| !is_known(due.message.id)) {
            Some(now_ms)
        } else {
            Some(now_ms + ALL_KNOWN_PAUSE_MS)
        };
        Ok(read.arrivals)
    }

    /// Reads what waits for a retry and holds its successors: a new owner needs to know before it sends.
    pub async fn read_holding(&mut self) -> sqlx::Result<Vec<Arrival>> {
        within(PATIENCE, async {
            let mut connection = self.pool.acquire().await?;
            let now_ms = self.clock.now_ms();
            let deliveries =
                store::read_holding(&mut connection, self.lane, now_ms, HOLDING_MAX).await?;
            self.with_messages(&mut connection, deliveries).await
        })
        .await
    }

    /// Whether an operator (or a 410) has paused the lane.
    pub async fn is_paused(&self) -> sqlx::Result<bool> {
        within(PATIENCE, async {
            let mut connection = self.pool.acquire().await?;
            store::is_paused(&mut connection, self.lane).await
        })
        .await
    }

    async fn page(&self, limit: i64) -> sqlx::Result<Page> {
        let mut connection = self.pool.acquire().await?;
        let lane = (self.ccid, self.lane);
        let deliveries = store::read_forward(&mut connection, lane, self.cursor, limit).await?;
        let is_whole = i64::try_from(deliveries.len()).is_ok_and(|read| read < limit);
        let next_due = if is_whole {
            store::next_due(&mut connection, self.lane, self.clock.now_ms()).await?
        } else {
            None
        };
        Ok(Page {
            last: deliveries.last().map(|delivery| delivery.place),
            is_whole,
            next_due,
            arrivals: self.with_messages(&mut connection, deliveries).await?,
        })
    }

    async fn due(&self, now_ms: i64) -> sqlx::Result<Page> {
        let mut connection = self.pool.acquire().await?;
        let deliveries = store::read_due(&mut connection, self.lane, now_ms, PAGE).await?;
        Ok(Page {
            last: None,
            is_whole: i64::try_from(deliveries.len()).is_ok_and(|read| read < PAGE),
            next_due: store::next_due(&mut connection, self.lane, now_ms).await?,
            arrivals: self.with_messages(&mut connection, deliveries).await?,
        })
    }

    async fn with_messages(
        &self,
        connection: &mut PgConnection,
        deliveries: Vec<Delivery>,
    ) -> sqlx::Result<Vec<Arrival>> {
        if deliveries.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<MessageId> = deliveries
            .iter()
            .map(|delivery| delivery.place.id)
            .collect();
        let mut messages: HashMap<MessageId, Arc<OutboundMessage>> =
            outbound::by_ids(connection, self.ccid, &ids)
                .await?
                .into_iter()
                .map(|message| (message.id, Arc::new(message)))
                .collect();
        Ok(deliveries
            .into_iter()
            .filter_map(|delivery| {
                Some(Arrival {
                    message: messages.remove(&delivery.place.id)?,
                    delivery,
                    checked_at: None,
                })
            })
            .collect())
    }
}
