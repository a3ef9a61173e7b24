//! Messages that were sent, for who is told something about them later.

use std::collections::HashMap;

use sqlx::PgConnection;

use crate::values::{Address, Ccid, ChannelId, MessageId};

/// From where a message was sent, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub channel_id: ChannelId,
    pub recipient: Address,
}

/// Those of these messages that a tenant has sent.
pub async fn by_ids(
    connection: &mut PgConnection,
    ccid: Ccid,
    ids: &[MessageId],
) -> sqlx::Result<HashMap<MessageId, Sent>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.as_i64()).collect();
    let rows = sqlx::query!(
        "select m.id, m.channel_id, m.recipient_address
         from unnest($2::bigint[]) as wanted (id)
         -- The offset keeps the planner from turning the join round, which it would while a partition is new.
         cross join lateral (
             select * from messages m where m.ccid = $1 and m.id = wanted.id and m.direction = 1 offset 0
         ) m",
        ccid.as_uuid(),
        &ids,
    )
    .fetch_all(connection)
    .await?;
    let sent = rows.into_iter().filter_map(|row| {
        let sent = sent(&row.channel_id, &row.recipient_address)?;
        Some((MessageId::from_i64(row.id), sent))
    });
    Ok(sent.collect())
}

/// The channels through which a tenant has sent to any of these addresses behind an id, with the address as it was sent
/// to. Of one who got more than `messages_max` not all may be seen.
pub async fn to_addresses(
    connection: &mut PgConnection,
    (ccid, addresses): (Ccid, &[&str]),
    after: MessageId,
    messages_max: i64,
) -> sqlx::Result<Vec<Sent>> {
    let rows = sqlx::query!(
        "select distinct channel_id, recipient_address from (
             select m.channel_id, m.recipient_address from messages m
             where m.ccid = $1 and m.id > $3 and m.direction = 1
               and (case m.direction when 0 then m.sender_address else m.recipient_address end) = any($2)
             order by m.id desc limit $4
         ) latest",
        ccid.as_uuid(),
        addresses as _,
        after.as_i64(),
        messages_max,
    )
    .fetch_all(connection)
    .await?;
    let sent = rows
        .iter()
        .filter_map(|row| sent(&row.channel_id, &row.recipient_address));
    Ok(sent.collect())
}

fn sent(channel_id: &str, recipient: &str) -> Option<Sent> {
    Some(Sent {
        channel_id: channel_id.parse().ok()?,
        recipient: recipient.parse().ok()?,
    })
}
