//! Reading a lane's table: the answers to what its `lane_core` asks.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgConnection;

use super::cursor::Page;
use super::due::DuePlace;
use super::lane_core::{Answer, BehindDue, FirstDue, Question};
use crate::lanes::model::{Arrival, Delivery, LaneId, OutboundMessage, Place};
use crate::lanes::store;
use crate::messages::store::outbound;
use crate::platform::clock::Clock;
use crate::platform::database::{Pool, within};
use crate::values::{Ccid, MessageId};

/// Rows that wait for a retry and hold their successors, read when a lane is taken over.
const HOLDING_MAX: i64 = 10_000;
/// How long one reading may take before it is given up and begun anew.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many of the next rows to fall due are looked at for one that is not in memory.
const NEXT_DUE: i64 = 64;

/// Reads one lane's table.
#[derive(Debug)]
pub struct Rows {
    ccid: Ccid,
    lane: LaneId,
    pool: Pool,
    clock: Clock,
}

impl Rows {
    pub fn new((ccid, lane): (Ccid, LaneId), pool: Pool, clock: Clock) -> Self {
        Self {
            ccid,
            lane,
            pool,
            clock,
        }
    }

    /// Answers one question of the lane.
    pub async fn ask(&self, question: Question) -> sqlx::Result<Answer> {
        let _turn = self.pool.turn().await;
        within(PATIENCE, async {
            let mut connection = self.pool.acquire().await?;
            match question {
                Question::Brakes => store::brakes(&mut connection, self.lane)
                    .await
                    .map(Answer::Brakes),
                Question::Holding => self.holding(&mut connection).await.map(Answer::Holding),
                Question::Due {
                    after,
                    until,
                    limit,
                } => self.due(&mut connection, (after, until), limit).await,
                Question::Page {
                    after,
                    due_from,
                    limit,
                } => self.page(&mut connection, (after, due_from), limit).await,
            }
        })
        .await
    }

    async fn holding(&self, connection: &mut PgConnection) -> sqlx::Result<Vec<Arrival>> {
        let now_ms = self.clock.now_ms();
        let deliveries = store::read_holding(connection, self.lane, now_ms, HOLDING_MAX).await?;
        self.with_messages(connection, deliveries).await
    }

    async fn page(
        &self,
        connection: &mut PgConnection,
        (after, due_from): (Place, i64),
        limit: i64,
    ) -> sqlx::Result<Answer> {
        let lane = (self.ccid, self.lane);
        let deliveries = store::read_forward(connection, lane, after, limit).await?;
        let is_whole = i64::try_from(deliveries.len()).is_ok_and(|read| read < limit);
        let first_due = if is_whole {
            Some(self.first_due(connection, due_from).await?)
        } else {
            None
        };
        let page = Page {
            last: deliveries.last().map(|delivery| delivery.place),
            is_whole,
            arrivals: self.with_messages(connection, deliveries).await?,
        };
        Ok(Answer::Page { page, first_due })
    }

    async fn due(
        &self,
        connection: &mut PgConnection,
        (after, until): (DuePlace, i64),
        limit: i64,
    ) -> sqlx::Result<Answer> {
        let range = ((after.due_at, after.id), until);
        let deliveries = store::read_due(connection, self.lane, range, limit).await?;
        let is_full = i64::try_from(deliveries.len()).is_ok_and(|read| read == limit);
        let last = deliveries.last().filter(|_| is_full).map(|last| DuePlace {
            due_at: last.due_at.unwrap_or(until),
            id: last.place.id,
        });
        let behind = match last {
            Some(last) => BehindDue::More(last),
            None => BehindDue::Next(self.first_due(connection, until).await?),
        };
        Ok(Answer::Due {
            arrivals: self.with_messages(connection, deliveries).await?,
            behind,
            until,
        })
    }

    async fn first_due(
        &self,
        connection: &mut PgConnection,
        after_ms: i64,
    ) -> sqlx::Result<FirstDue> {
        let rows = store::next_due(connection, self.lane, after_ms, NEXT_DUE).await?;
        Ok(FirstDue {
            is_whole: i64::try_from(rows.len()).is_ok_and(|count| count < NEXT_DUE),
            rows,
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
