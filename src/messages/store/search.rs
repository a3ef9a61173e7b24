//! Looking for messages: one stretch of ids at a time, so that no statement reads more than it was told to.

use sqlx::PgConnection;

use crate::values::{Ccid, ConversationId, MessageId};

/// Which messages are wanted; `None` does not narrow it.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub channel_id: Option<String>,
    /// The consumer's, whoever wrote.
    pub address: Option<String>,
    /// As stored: 0 inbound, 1 outbound.
    pub direction: Option<i16>,
    /// Ranks, of outbound messages only.
    pub statuses: Option<Vec<i16>>,
    pub campaign_id: Option<String>,
    pub conversation: Option<ConversationId>,
    pub dead_letters_only: bool,
}

/// The messages that one statement looks at: the newest `rows_max` from `lowest` to below `below`.
#[derive(Debug, Clone, Copy)]
pub struct Stretch {
    pub lowest: MessageId,
    pub below: MessageId,
    pub rows_max: i64,
}

/// What one stretch held.
#[derive(Debug)]
pub struct Scanned {
    /// Newest first.
    pub found: Vec<MessageId>,
    /// How many were looked at; fewer than were allowed where nothing lies below.
    pub seen: i64,
    /// The oldest that was looked at.
    pub oldest: Option<MessageId>,
}

/// One statement for each way in, so that each has the plan of its own index: all messages by id, those of a consumer,
/// dead letters.
macro_rules! scan {
    ($connection:expr, $scan:expr, $candidates:literal) => {{
        let (ccid, filter, stretch, wanted): (Ccid, &Filter, Stretch, i64) = $scan;
        let row = sqlx::query!(
            "with candidates as materialized ("
                + $candidates
                + r#")
             select count(*) as "seen!", min(id) as oldest, array(
                 select c.id from candidates c
                 where ($5::text is null or c.channel_id = $5)
                   and ($6::text is null or c.consumer = $6)
                   and ($7::smallint is null or c.direction = $7)
                   and ($8::text is null or c.campaign_id = $8)
                   and ($9::bigint is null or c.conversation = $9)
                   and ($10::smallint[] is null or c.direction = 1 and coalesce(
                           (select s.status from message_states s where s.ccid = $1 and s.id = c.id), 0) = any($10))
                 order by c.id desc
                 limit $11
             ) as "found!"
             from candidates"#,
            ccid.as_uuid(),
            stretch.below.as_i64(),
            stretch.lowest.as_i64(),
            stretch.rows_max,
            filter.channel_id,
            filter.address,
            filter.direction,
            filter.campaign_id,
            filter.conversation.map(ConversationId::as_i64),
            filter.statuses.as_deref(),
            wanted,
        )
        .fetch_one($connection)
        .await?;
        Ok(Scanned {
            found: row.found.into_iter().map(MessageId::from_i64).collect(),
            seen: row.seen,
            oldest: row.oldest.map(MessageId::from_i64),
        })
    }};
}

/// Looks through one stretch for at most `wanted` messages.
pub async fn scan(
    connection: &mut PgConnection,
    ccid: Ccid,
    filter: &Filter,
    stretch: Stretch,
    wanted: i64,
) -> sqlx::Result<Scanned> {
    let scan = (ccid, filter, stretch, wanted);
    if filter.dead_letters_only {
        scan!(
            connection,
            scan,
            "select m.id, m.direction, m.channel_id, m.campaign_id, m.conversation,
                    (case m.direction when 0 then m.sender_address else m.recipient_address end) as consumer
             from dead_letters d
             join messages m on m.ccid = d.ccid and m.id = d.id
             where d.ccid = $1 and d.id < $2 and d.id >= $3
             order by d.id desc
             limit $4"
        )
    } else if filter.address.is_some() {
        scan!(
            connection,
            scan,
            "select m.id, m.direction, m.channel_id, m.campaign_id, m.conversation, $6::text as consumer
             from messages m
             where m.ccid = $1 and m.id < $2 and m.id >= $3
               and (case m.direction when 0 then m.sender_address else m.recipient_address end) = $6
             order by m.id desc
             limit $4"
        )
    } else {
        scan!(
            connection,
            scan,
            "select m.id, m.direction, m.channel_id, m.campaign_id, m.conversation, null::text as consumer
             from messages m
             where m.ccid = $1 and m.id < $2 and m.id >= $3
             order by m.id desc
             limit $4"
        )
    }
}
