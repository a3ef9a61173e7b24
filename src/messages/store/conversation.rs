//! What a reply has to know about its conversation.

use sqlx::PgConnection;

use crate::content::members::from_stored;
use crate::values::{Address, Ccid, Content, ConversationId};

/// The last message that the consumer wrote.
#[derive(Debug)]
pub struct LastReceived {
    /// Whom it was written to.
    pub recipient: Address,
    pub content: Content,
}

/// The conversation in which a consumer wrote or was written to last, on one of these channels.
pub async fn latest(
    connection: &mut PgConnection,
    (ccid, consumer): (Ccid, &Address),
    channels: &[&str],
) -> sqlx::Result<Option<ConversationId>> {
    let id = sqlx::query_scalar!(
        r#"select m.conversation as "conversation!"
           from messages m
           where m.ccid = $1
             -- As the index has it.
             and (case m.direction when 0 then m.sender_address else m.recipient_address end) = $2
             and m.channel_id = any($3) and m.conversation is not null
           order by m.id desc
           limit 1"#,
        ccid.as_uuid(),
        consumer.as_str(),
        channels as _,
    )
    .fetch_optional(connection)
    .await?;
    Ok(id.map(ConversationId::from_i64))
}

/// The consumer's last message in a conversation; `None` where there is none, or none that this release can read.
pub async fn last_received(
    connection: &mut PgConnection,
    ccid: Ccid,
    consumer: &Address,
    conversation: ConversationId,
) -> sqlx::Result<Option<LastReceived>> {
    let row = sqlx::query!(
        r#"select m.recipient_address, m.kind, m.content
           from messages m
           where m.ccid = $1
             -- As the index has it.
             and (case m.direction when 0 then m.sender_address else m.recipient_address end) = $2
             and m.direction = 0 and m.conversation = $3
           order by m.id desc
           limit 1"#,
        ccid.as_uuid(),
        consumer.as_str(),
        conversation.as_i64(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.and_then(|row| {
        Some(LastReceived {
            recipient: row.recipient_address.parse().ok()?,
            content: from_stored(&row.kind, row.content)?,
        })
    }))
}
