//! Messages of which a restore leaves open whether they were sent.

use sqlx::PgConnection;
use uuid::Uuid;

use super::super::status::Status;
use crate::history::model::Stream;
use crate::values::{Ccid, MessageId};

/// What history says of them beside their status.
pub const DETAIL: &str = r#"{"source":"restore"}"#;

/// A message that has become `Unknown`, and whose event that makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    pub ccid: Ccid,
    pub id: MessageId,
    pub stream: Stream,
}

/// Makes those of the messages `Unknown` of which no more is known.
pub async fn make_unknown(
    connection: &mut PgConnection,
    messages: &[(Ccid, MessageId)],
) -> sqlx::Result<Vec<Restored>> {
    let ccids: Vec<Uuid> = messages.iter().map(|(ccid, _)| ccid.as_uuid()).collect();
    let ids: Vec<i64> = messages.iter().map(|(_, id)| id.as_i64()).collect();
    let rows = sqlx::query!(
        "with unknown as (
             insert into message_states as state (ccid, id, status)
             select ccid, id, $3 from unnest($1::uuid[], $2::bigint[]) as restored (ccid, id)
             order by ccid, id
             on conflict (ccid, id) do update set status = excluded.status where state.status < excluded.status
             returning ccid, id
         )
         select m.ccid, m.id, m.stream
         from unknown u join messages m on m.ccid = u.ccid and m.id = u.id",
        &ccids,
        &ids,
        Status::Unknown.rank(),
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Restored {
            ccid: Ccid::from_uuid(row.ccid),
            id: MessageId::from_i64(row.id),
            stream: Stream::from_i16(row.stream).unwrap_or(Stream::Both),
        })
        .collect())
}
