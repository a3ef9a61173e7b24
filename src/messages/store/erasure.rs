//! Messages of one person, as they are taken away for good.

use sqlx::PgConnection;

use crate::content::members::from_stored;
use crate::lanes::LaneId;
use crate::messages::status::Status;
use crate::values::{Address, Ccid, MediaId, MessageId};

/// A message to or from the person.
#[derive(Debug)]
pub struct Personal {
    pub id: MessageId,
    /// Where it is sent from; `None` for one that was received.
    pub lane: Option<LaneId>,
    pub status: Status,
    /// Stored files that it refers to.
    pub files: Vec<MediaId>,
}

/// Messages of a consumer in both directions between two ids, in the order of their ids.
pub async fn of_consumer(
    connection: &mut PgConnection,
    (ccid, consumer): (Ccid, &Address),
    (after, below): (MessageId, MessageId),
    limit: i64,
) -> sqlx::Result<Vec<Personal>> {
    let rows = sqlx::query!(
        r#"select m.id, m.lane, m.kind, m.content,
                  (select s.status from message_states s where s.ccid = m.ccid and s.id = m.id) as status
           from messages m
           where m.ccid = $1 and m.id > $3 and m.id < $4
             and (case m.direction when 0 then m.sender_address else m.recipient_address end) = $2
           order by m.id
           limit $5"#,
        ccid.as_uuid(),
        consumer.as_str(),
        after.as_i64(),
        below.as_i64(),
        limit,
    )
    .fetch_all(connection)
    .await?;
    let messages = rows.into_iter().map(|row| Personal {
        id: MessageId::from_i64(row.id),
        lane: row.lane.map(LaneId),
        status: row
            .status
            .and_then(Status::from_rank)
            .unwrap_or(Status::Queued),
        files: files(&row.kind, row.content),
    });
    Ok(messages.collect())
}

/// Takes the messages out of the dead letters: from here to the end of the transaction none of them begins anew, and of
/// one that did the delivery is there to see.
pub async fn forget_dead_letters(
    connection: &mut PgConnection,
    ccid: Ccid,
    ids: &[MessageId],
) -> sqlx::Result<()> {
    let ids: Vec<i64> = ids.iter().map(|id| id.as_i64()).collect();
    sqlx::query!(
        "delete from dead_letters where ccid = $1 and id = any($2)",
        ccid.as_uuid(),
        &ids,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes messages away with where they stand.
pub async fn erase(
    connection: &mut PgConnection,
    ccid: Ccid,
    ids: &[MessageId],
) -> sqlx::Result<()> {
    let numbers: Vec<i64> = ids.iter().map(|id| id.as_i64()).collect();
    sqlx::query!(
        "delete from messages where ccid = $1 and id = any($2)",
        ccid.as_uuid(),
        &numbers,
    )
    .execute(&mut *connection)
    .await?;
    erase_states(connection, ccid, &numbers).await
}

/// Takes away where messages stand, by the numbers of their ids.
pub async fn erase_states(
    connection: &mut PgConnection,
    ccid: Ccid,
    ids: &[i64],
) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from message_states where ccid = $1 and id = any($2)",
        ccid.as_uuid(),
        ids,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What one stretch of a tenant's messages refers to.
#[derive(Debug)]
pub struct Referred {
    pub files: Vec<MediaId>,
    /// The last message that was looked at; `None` where nothing lies behind.
    pub last: Option<MessageId>,
}

/// Looks through so many messages of a tenant behind an id for references to stored files.
pub async fn references(
    connection: &mut PgConnection,
    ccid: Ccid,
    after: MessageId,
    rows_max: i64,
) -> sqlx::Result<Referred> {
    let row = sqlx::query!(
        r#"with looked as materialized (
               select id, kind, content from messages where ccid = $1 and id > $2 order by id limit $3
           ),
           referring as (
               select kind, content from looked where kind <> 'Text' and strpos(content, 'genesys://nexus/') > 0
           )
           select (select count(*) from looked) as "seen!", (select max(id) from looked) as last,
                  array(select kind from referring) as "kinds!", array(select content from referring) as "contents!""#,
        ccid.as_uuid(),
        after.as_i64(),
        rows_max,
    )
    .fetch_one(connection)
    .await?;
    let contents = row.kinds.into_iter().zip(row.contents);
    Ok(Referred {
        files: contents
            .flat_map(|(kind, content)| files(&kind, content))
            .collect(),
        last: row
            .last
            .filter(|_| row.seen >= rows_max)
            .map(MessageId::from_i64),
    })
}

fn files(kind: &str, content: String) -> Vec<MediaId> {
    let content = from_stored(kind, content);
    let files = content
        .iter()
        .flat_map(|content| content.uploaded_media().map(|(_, id)| id));
    files.collect()
}
