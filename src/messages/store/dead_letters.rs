//! Dead letters: found in the order in which they were accepted, and brought back to life.

use sqlx::PgConnection;

use super::search::Filter;
use crate::lanes::LaneId;
use crate::lanes::store::Waiting;
use crate::messages::status::Status;
use crate::values::{Ccid, MessageId, Priority};

/// Which part of a tenant's dead letters one statement looks at.
#[derive(Debug, Clone, Copy)]
pub struct Walk {
    /// Only ids above this one and below the other.
    pub after: MessageId,
    pub below: MessageId,
    /// Only what died up to this time, Unix milliseconds.
    pub died_by: i64,
    /// Dead letters that it looks at.
    pub rows_max: i64,
    /// Dead letters that it answers.
    pub wanted: i64,
}

/// A dead letter that a filter lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub id: MessageId,
    pub lane: LaneId,
    pub channel_id: String,
    pub recipient: String,
    /// A receipt may have said later that it arrived after all.
    pub status: Status,
}

/// What a walk met.
#[derive(Debug)]
pub struct Walked {
    /// Oldest first.
    pub found: Vec<DeadLetter>,
    /// Behind which id the next walk begins; `None` where nothing is left.
    pub next: Option<MessageId>,
}

/// Walks over a tenant's dead letters, oldest first.
pub async fn walk(
    connection: &mut PgConnection,
    ccid: Ccid,
    filter: &Filter,
    walk: Walk,
) -> sqlx::Result<Walked> {
    let row = sqlx::query!(
        r#"with candidates as materialized (
               select id, lane, died_at from dead_letters
               where ccid = $1 and id > $2 and id < $3
               order by id
               limit $4
           ),
           found as materialized (
               select c.id, c.lane, m.channel_id, m.recipient_address, coalesce(s.status, 0::smallint) as status
               from candidates c
               join messages m on m.ccid = $1 and m.id = c.id
               left join message_states s on s.ccid = $1 and s.id = c.id
               where c.died_at <= $5
                 and ($6::text is null or m.channel_id = $6)
                 and ($7::text is null or m.recipient_address = $7)
                 and ($8::smallint is null or m.direction = $8)
                 and ($9::text is null or m.campaign_id = $9)
                 and ($10::smallint[] is null or coalesce(s.status, 0) = any($10))
               order by c.id
               limit $11
           )
           select (select count(*) from candidates) as "seen!", (select max(id) from candidates) as last,
                  array(select id from found order by id) as "ids!",
                  array(select lane from found order by id) as "lanes!",
                  array(select channel_id from found order by id) as "channels!",
                  array(select recipient_address from found order by id) as "recipients!",
                  array(select status from found order by id) as "statuses!""#,
        ccid.as_uuid(),
        walk.after.as_i64(),
        walk.below.as_i64(),
        walk.rows_max,
        walk.died_by,
        filter.channel_id,
        filter.address,
        filter.direction,
        filter.campaign_id,
        filter.statuses.as_deref(),
        walk.wanted,
    )
    .fetch_one(connection)
    .await?;
    let routes = row.channels.into_iter().zip(row.recipients);
    let places = row.ids.into_iter().zip(row.lanes).zip(row.statuses);
    let found: Vec<DeadLetter> = places
        .zip(routes)
        .map(
            |(((id, lane), status), (channel_id, recipient))| DeadLetter {
                id: MessageId::from_i64(id),
                lane: LaneId(lane),
                channel_id,
                recipient,
                status: Status::from_rank(status).unwrap_or(Status::Queued),
            },
        )
        .collect();
    Ok(walk.met(found, (row.seen, row.last)))
}

impl Walk {
    /// What is answered, where so many dead letters were looked at, up to the last one.
    fn met(self, found: Vec<DeadLetter>, (seen, last_seen): (i64, Option<i64>)) -> Walked {
        let is_full = i64::try_from(found.len()).unwrap_or(i64::MAX) >= self.wanted;
        let next = match found.last() {
            Some(last) if is_full => Some(last.id),
            _ if seen >= self.rows_max => last_seen.map(MessageId::from_i64),
            _ => None,
        };
        Walked { found, next }
    }
}

/// A dead letter that is dead no longer.
#[derive(Debug)]
pub struct Revived {
    pub waiting: Waiting,
    pub channel_id: String,
}

/// Ends the death of a tenant's dead letters: they are `Queued` anew, as nothing has come of them. Answers those that
/// were dead, in the order of their ids, as they are to be sent.
pub async fn revive(
    connection: &mut PgConnection,
    ccid: Ccid,
    ids: &[MessageId],
) -> sqlx::Result<Vec<Revived>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.as_i64()).collect();
    let rows = sqlx::query!(
        "with dead as materialized (
             select id from dead_letters where ccid = $1 and id = any($2) order by id for update
         ),
         states as materialized (
             select id from message_states where ccid = $1 and id in (select id from dead) order by id for update
         ),
         forgotten as (
             delete from message_states where ccid = $1 and id in (select id from states)
         ),
         revived as (
             delete from dead_letters where ccid = $1 and id in (select id from dead) returning id, lane
         )
         select r.id, r.lane, m.priority, m.channel_id
         from revived r join messages m on m.ccid = $1 and m.id = r.id
         order by r.id",
        ccid.as_uuid(),
        &ids,
    )
    .fetch_all(connection)
    .await?;
    let revived = rows.into_iter().map(|row| Revived {
        waiting: Waiting {
            id: MessageId::from_i64(row.id),
            lane: LaneId(row.lane),
            priority: Priority::from_i16(row.priority).unwrap_or(Priority::Normal),
        },
        channel_id: row.channel_id,
    });
    Ok(revived.collect())
}
