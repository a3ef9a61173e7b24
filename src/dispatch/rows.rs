//! Reading a lane's rows: what may be sent at once beyond the `cursor`, and what waits for a time as it falls due.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgConnection;

use super::cursor::{Cursor, Page};
use super::due::{DuePlace, DueRows};
use crate::lanes::model::{Arrival, Delivery, LaneId, OutboundMessage, Place};
use crate::lanes::store::{self, RowBrakes};
use crate::messages::store::outbound;
use crate::platform::clock::Clock;
use crate::platform::database::{Pool, within};
use crate::values::{Ccid, MessageId};

/// Rows read by one statement.
const PAGE: i64 = 500;
/// Rows that wait for a retry and hold their successors, read when a lane is taken over.
const HOLDING_MAX: i64 = 10_000;
/// How long one reading may take before it is given up and begun anew.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many of the next rows to fall due are looked at for one that is not in memory.
const NEXT_DUE: i64 = 64;

/// What is behind a page of due rows.
enum Found {
    /// More that are due, after this one.
    More(DuePlace),
    /// None. These fall due next.
    Next(Vec<(Place, i64)>),
}

/// What one lane has read of its table.
#[derive(Debug)]
pub struct Rows {
    ccid: Ccid,
    lane: LaneId,
    pool: Pool,
    clock: Clock,
    pub cursor: Cursor,
    pub due: DueRows,
}

impl Rows {
    /// A lane of which nothing is known yet.
    pub fn new((ccid, lane): (Ccid, LaneId), pool: Pool, clock: Clock) -> Self {
        Self {
            ccid,
            lane,
            pool,
            clock,
            cursor: Cursor::default(),
            due: DueRows::default(),
        }
    }

    /// Begins again from the start of the lane: something may have been missed, or fallen due while nobody looked.
    pub fn read_again(&mut self) {
        self.cursor.read_again();
        self.due.read_again(self.clock.now_ms());
    }

    /// Reads the next page beyond the cursor, which is to be told of it.
    pub async fn read_on(
        &mut self,
        room: usize,
        is_known: impl Fn(Place) -> bool,
    ) -> sqlx::Result<Page> {
        let (page, first) = within(PATIENCE, self.page(limit(room))).await?;
        if let Some(first) = first {
            self.due.note_first(&first, is_whole(&first), is_known);
        }
        Ok(page)
    }

    /// Reads the next page of what has fallen due of that which is not in memory.
    pub async fn read_due(
        &mut self,
        room: usize,
        is_known: impl Fn(Place) -> bool,
    ) -> sqlx::Result<Vec<Arrival>> {
        let now_ms = self.clock.now_ms();
        let (arrivals, found) = within(PATIENCE, self.due_page(limit(room), now_ms)).await?;
        match found {
            Found::More(last) => self.due.page_read(Some(last), now_ms),
            Found::Next(first) => {
                self.due.page_read(None, now_ms);
                self.due.note_first(&first, is_whole(&first), is_known);
            }
        }
        Ok(arrivals)
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

    /// Whether somebody has paused the lane, or resumed it.
    pub async fn brakes(&self) -> sqlx::Result<RowBrakes> {
        within(PATIENCE, async {
            let mut connection = self.pool.acquire().await?;
            store::brakes(&mut connection, self.lane).await
        })
        .await
    }

    /// The next page. At the end of the lane also what falls due next, of that which may not be known.
    async fn page(&self, limit: i64) -> sqlx::Result<(Page, Option<Vec<(Place, i64)>>)> {
        let mut connection = self.pool.acquire().await?;
        let (lane, after) = ((self.ccid, self.lane), self.cursor.place());
        let deliveries = store::read_forward(&mut connection, lane, after, limit).await?;
        let is_whole = i64::try_from(deliveries.len()).is_ok_and(|read| read < limit);
        let first = if is_whole {
            let from = self.due.unknown_from();
            Some(store::next_due(&mut connection, self.lane, from, NEXT_DUE).await?)
        } else {
            None
        };
        let page = Page {
            last: deliveries.last().map(|delivery| delivery.place),
            is_whole,
            arrivals: self.with_messages(&mut connection, deliveries).await?,
        };
        Ok((page, first))
    }

    async fn due_page(&self, limit: i64, now_ms: i64) -> sqlx::Result<(Vec<Arrival>, Found)> {
        let mut connection = self.pool.acquire().await?;
        let after = self.due.after();
        let deliveries = store::read_due(
            &mut connection,
            self.lane,
            ((after.due_at, after.id), now_ms),
            limit,
        )
        .await?;
        let is_full = i64::try_from(deliveries.len()).is_ok_and(|read| read == limit);
        let last = deliveries.last().filter(|_| is_full).map(|last| DuePlace {
            due_at: last.due_at.unwrap_or(now_ms),
            id: last.place.id,
        });
        let found = match last {
            Some(last) => Found::More(last),
            None => {
                Found::Next(store::next_due(&mut connection, self.lane, now_ms, NEXT_DUE).await?)
            }
        };
        Ok((
            self.with_messages(&mut connection, deliveries).await?,
            found,
        ))
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

fn limit(room: usize) -> i64 {
    i64::try_from(room).unwrap_or(PAGE).clamp(1, PAGE)
}

fn is_whole(first: &[(Place, i64)]) -> bool {
    i64::try_from(first.len()).is_ok_and(|count| count < NEXT_DUE)
}
