//! Calling messages back, and seeing whether they were.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::history::model::Stream;
use crate::messages::status::Status;
use crate::values::{Ccid, MessageId};

/// A message that was called back, and whose event that makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancelled {
    pub ccid: Ccid,
    pub channel_id: String,
    pub id: MessageId,
    pub stream: Stream,
}

/// Makes those of the messages `Cancelled` of which nothing has come yet. The caller's transaction keeps anything from
/// coming of them meanwhile.
pub async fn cancel(
    connection: &mut PgConnection,
    messages: &[(Ccid, MessageId)],
) -> sqlx::Result<Vec<Cancelled>> {
    let ccids: Vec<Uuid> = messages.iter().map(|(ccid, _)| ccid.as_uuid()).collect();
    let ids: Vec<i64> = messages.iter().map(|(_, id)| id.as_i64()).collect();
    let rows = sqlx::query!(
        "with cancelled as (
             insert into message_states as state (ccid, id, status)
             select m.ccid, m.id, $3 from unnest($1::uuid[], $2::bigint[]) as wish (ccid, id)
             cross join lateral (
                 select m.ccid, m.id from messages m
                 where m.ccid = wish.ccid and m.id = wish.id and m.direction = 1
                 offset 0
             ) m
             order by m.ccid, m.id
             on conflict (ccid, id) do update set status = excluded.status where state.status = $4
             returning ccid, id
         )
         select m.ccid, m.id, m.stream, m.channel_id
         from cancelled c join messages m on m.ccid = c.ccid and m.id = c.id",
        &ccids,
        &ids,
        Status::Cancelled.rank(),
        Status::Queued.rank(),
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Cancelled {
            ccid: Ccid::from_uuid(row.ccid),
            channel_id: row.channel_id,
            id: MessageId::from_i64(row.id),
            stream: Stream::from_i16(row.stream).unwrap_or(Stream::Both),
        })
        .collect())
}

/// Of the given messages, those that were called back.
pub async fn cancelled_of(
    connection: &mut PgConnection,
    messages: &[(Ccid, MessageId)],
) -> sqlx::Result<Vec<MessageId>> {
    let ccids: Vec<Uuid> = messages.iter().map(|(ccid, _)| ccid.as_uuid()).collect();
    let ids: Vec<i64> = messages.iter().map(|(_, id)| id.as_i64()).collect();
    sqlx::query_scalar!(
        "select s.id from unnest($1::uuid[], $2::bigint[]) as asked (ccid, id)
         join message_states s on s.ccid = asked.ccid and s.id = asked.id
         where s.status = $3",
        &ccids,
        &ids,
        Status::Cancelled.rank(),
    )
    .fetch_all(connection)
    .await
    .map(|ids| ids.into_iter().map(MessageId::from_i64).collect())
}
