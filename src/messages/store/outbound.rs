//! Messages as attempts need them.

use sqlx::PgConnection;

use super::context::Context;
use crate::content::members::from_stored;
use crate::history::model::Stream;
use crate::lanes::model::OutboundMessage;
use crate::messages::status::Status;
use crate::values::{Ccid, ConversationId, MessageId, Party, Priority};

/// Where a message stands; `None` where nothing has come of it yet.
pub async fn status(
    connection: &mut PgConnection,
    ccid: Ccid,
    id: MessageId,
) -> sqlx::Result<Option<Status>> {
    let rank = sqlx::query_scalar!(
        "select status from message_states where ccid = $1 and id = $2",
        ccid.as_uuid(),
        id.as_i64(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(rank.and_then(Status::from_rank))
}

/// The given messages of a tenant; one that this release cannot read is left out.
pub async fn by_ids(
    connection: &mut PgConnection,
    ccid: Ccid,
    ids: &[MessageId],
) -> sqlx::Result<Vec<OutboundMessage>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.as_i64()).collect();
    let rows = sqlx::query!(
        r#"select m.id, m.channel_id, m.sender_address, m.sender_name, m.recipient_address, m.recipient_name,
                  m.kind, m.content, m.conversation, m.context, m.stream, m.priority,
                  exists (select 1 from message_states s
                          where s.ccid = m.ccid and s.id = m.id and s.status = $3) as "cancelled!"
           from unnest($2::bigint[]) as wanted (id)
           -- The offset keeps the planner from turning the join round, which it would while a partition is new.
           cross join lateral (select * from messages m where m.ccid = $1 and m.id = wanted.id offset 0) m"#,
        ccid.as_uuid(),
        &ids,
        Status::Cancelled.rank(),
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let context = Context::parse(row.context.as_deref());
            Some(OutboundMessage {
                id: MessageId::from_i64(row.id),
                ccid,
                channel_id: row.channel_id.parse().ok()?,
                from: Party {
                    address: row.sender_address.parse().ok()?,
                    name: row.sender_name,
                },
                to: Party {
                    address: row.recipient_address.parse().ok()?,
                    name: row.recipient_name,
                },
                reply_to: context.reply_to(),
                content: from_stored(&row.kind, row.content)?,
                trace: context.trace(),
                conversation: row.conversation.map(ConversationId::from_i64),
                priority: Priority::from_i16(row.priority)?,
                stream: Stream::from_i16(row.stream)?,
                cancelled: row.cancelled,
            })
        })
        .collect())
}
