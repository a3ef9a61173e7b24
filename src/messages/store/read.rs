//! Messages as people look at them.

use sqlx::PgConnection;

use crate::messages::status::Status;
use crate::values::{Ccid, ConversationId, MessageId};

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Inbound,
    Outbound,
}

/// A message with its present state.
#[derive(Debug, Clone)]
pub struct Stored {
    pub id: MessageId,
    pub direction: Direction,
    pub channel_id: String,
    pub sender: (String, Option<String>),
    pub recipient: (String, Option<String>),
    pub external_id: Option<String>,
    pub kind: String,
    pub content: String,
    pub conversation: Option<ConversationId>,
    pub campaign_id: Option<String>,
    pub context: Option<String>,
    /// Outbound messages only: what is not stated is `Queued`.
    pub status: Status,
    pub reason: Option<i16>,
    pub provider_message_id: Option<String>,
    pub lane: Option<i64>,
    pub dead_letter: bool,
}

macro_rules! stored {
    ($row:expr) => {
        Stored {
            id: MessageId::from_i64($row.id),
            direction: if $row.direction == 0 {
                Direction::Inbound
            } else {
                Direction::Outbound
            },
            channel_id: $row.channel_id,
            sender: ($row.sender_address, $row.sender_name),
            recipient: ($row.recipient_address, $row.recipient_name),
            external_id: $row.external_id,
            kind: $row.kind,
            content: $row.content,
            conversation: $row.conversation.map(ConversationId::from_i64),
            campaign_id: $row.campaign_id,
            context: $row.context,
            status: $row
                .status
                .and_then(Status::from_rank)
                .unwrap_or(Status::Queued),
            reason: $row.reason,
            provider_message_id: $row.provider_message_id,
            lane: $row.lane,
            dead_letter: $row.dead_letter,
        }
    };
}

/// Messages of a tenant by id; those it does not have are left out.
pub async fn by_ids(
    connection: &mut PgConnection,
    ccid: Ccid,
    ids: &[MessageId],
) -> sqlx::Result<Vec<Stored>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.as_i64()).collect();
    let rows = sqlx::query!(
        r#"select m.id, m.direction, m.channel_id, m.sender_address, m.sender_name, m.recipient_address,
                  m.recipient_name, m.external_id, m.kind, m.content, m.conversation, m.campaign_id, m.context, m.lane,
                  s.status as "status?", s.reason, s.provider_message_id,
                  exists (select 1 from dead_letters d where d.ccid = m.ccid and d.id = m.id) as "dead_letter!"
           from unnest($2::bigint[]) as wanted (id)
           -- The offset keeps the planner from turning the join round, which it would while a partition is new.
           cross join lateral (select * from messages m where m.ccid = $1 and m.id = wanted.id offset 0) m
           left join message_states s on s.ccid = m.ccid and s.id = m.id
           order by m.id"#,
        ccid.as_uuid(),
        &ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| stored!(row)).collect())
}
