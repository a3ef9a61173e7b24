//! Messages that were sent, or may have been, and whose provider's id is not known.

use sqlx::PgConnection;

use crate::messages::status::Status;
use crate::values::{Ccid, MessageId};

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nameless {
    pub id: MessageId,
    pub channel_id: String,
    pub lane: i64,
    pub status: Status,
}

/// Those to one person, newest first; one that was called back is none.
pub async fn sent_to(
    connection: &mut PgConnection,
    (ccid, recipient): (Ccid, &str),
    limit: i64,
) -> sqlx::Result<Vec<Nameless>> {
    let rows = sqlx::query!(
        r#"select m.id, m.channel_id, m.lane as "lane!", coalesce(s.status, 0::smallint) as "status!"
           from messages m
           left join message_states s on s.ccid = m.ccid and s.id = m.id
           where m.ccid = $1 and m.direction = 1 and m.lane is not null
             and (case m.direction when 0 then m.sender_address else m.recipient_address end) = $2
             and s.provider_message_id is null and coalesce(s.status, 0::smallint) <> $3
           order by m.id desc limit $4"#,
        ccid.as_uuid(),
        recipient,
        Status::Cancelled.rank(),
        limit,
    )
    .fetch_all(connection)
    .await?;
    let nameless = rows.into_iter().filter_map(|row| {
        Some(Nameless {
            id: MessageId::from_i64(row.id),
            channel_id: row.channel_id,
            lane: row.lane,
            status: Status::from_rank(row.status)?,
        })
    });
    Ok(nameless.collect())
}

/// Gives a message its provider's id, if it is unknown and has none yet; whether it has that one now.
pub async fn name(
    connection: &mut PgConnection,
    (ccid, id): (Ccid, MessageId),
    provider_id: &str,
) -> sqlx::Result<bool> {
    let named = sqlx::query!(
        "update message_states set provider_message_id = $4
         where ccid = $1 and id = $2 and status = $3 and provider_message_id is null",
        ccid.as_uuid(),
        id.as_i64(),
        Status::Unknown.rank(),
        provider_id,
    )
    .execute(connection)
    .await?;
    Ok(named.rows_affected() > 0)
}
