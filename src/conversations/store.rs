//! All SQL over conversations.

use std::collections::{BTreeMap, HashMap};

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::model::{Consumer, Conversation};
use crate::history::model::{Entry, Kind, Stream};
use crate::history::{self};
use crate::values::{Ccid, ConversationId};

/// Finds the open conversation of each consumer, or opens one. Answers their ids beside the given consumers.
pub async fn find_or_open(
    connection: &mut PgConnection,
    consumers: &[Option<Consumer<'_>>],
    now_ms: i64,
    next_id: impl Fn() -> i64,
) -> sqlx::Result<Vec<Option<i64>>> {
    // Sorted, so that two flushes never wait for each other in a circle.
    let mut wanted: BTreeMap<Key<'_>, Option<&str>> = BTreeMap::new();
    for consumer in consumers.iter().flatten() {
        wanted.entry(key(consumer)).or_insert(consumer.name);
    }
    let mut known = HashMap::new();
    // A conversation that somebody else opened meanwhile is seen by the next statement; one round more is rare.
    while wanted.keys().any(|key| !known.contains_key(key)) {
        wanted.retain(|key, _| !known.contains_key(key));
        let rows = find_or_open_once(connection, &wanted, now_ms, &next_id).await?;
        for key in wanted.keys() {
            if let Some(row) = rows
                .iter()
                .find(|row| (row.0, row.1.as_str(), row.2.as_str()) == *key)
            {
                known.insert(*key, row.3);
            }
        }
    }
    Ok(consumers
        .iter()
        .map(|consumer| known.get(&key(consumer.as_ref()?)).copied())
        .collect())
}

type Key<'a> = (Uuid, &'a str, &'a str);

fn key<'a>(consumer: &Consumer<'a>) -> Key<'a> {
    (
        consumer.ccid.as_uuid(),
        consumer.channel_id.as_str(),
        consumer.address.as_str(),
    )
}

async fn find_or_open_once(
    connection: &mut PgConnection,
    wanted: &BTreeMap<Key<'_>, Option<&str>>,
    now_ms: i64,
    next_id: impl Fn() -> i64,
) -> sqlx::Result<Vec<(Uuid, String, String, i64)>> {
    let ccids: Vec<Uuid> = wanted.keys().map(|key| key.0).collect();
    let channels: Vec<&str> = wanted.keys().map(|key| key.1).collect();
    let addresses: Vec<&str> = wanted.keys().map(|key| key.2).collect();
    let names: Vec<Option<&str>> = wanted.values().copied().collect();
    let ids: Vec<i64> = wanted.keys().map(|_| next_id()).collect();
    let rows = sqlx::query!(
        r#"with wanted as materialized (
               select wanted.*, (
                   select c.id from conversations c
                   where c.ccid = wanted.ccid and c.channel_id = wanted.channel_id and c.consumer = wanted.consumer
                     and c.closed_at is null
               ) as found
               from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[])
                    as wanted (ccid, channel_id, consumer, consumer_name, id)
           ),
           opened as (
               insert into conversations (ccid, id, channel_id, consumer, consumer_name, opened_at)
               select ccid, id, channel_id, consumer, consumer_name, $6 from wanted where found is null
               on conflict (ccid, channel_id, consumer) where closed_at is null do nothing
               returning ccid, id, channel_id, consumer
           )
           select ccid as "ccid!", channel_id as "channel_id!", consumer as "consumer!", found as "id!", false as "opened!"
           from wanted where found is not null
           union all
           select ccid, channel_id, consumer, id, true from opened"#,
        &ccids,
        &channels as _,
        &addresses as _,
        &names as _,
        &ids,
        now_ms,
    )
    .fetch_all(&mut *connection)
    .await?;
    let started: Vec<Entry> = rows
        .iter()
        .filter(|row| row.opened)
        .map(|row| {
            Entry::event(
                Ccid::from_uuid(row.ccid),
                next_id(),
                row.id,
                Kind::ConversationStarted,
                Stream::Chat,
            )
        })
        .collect();
    history::store::append_untold(connection, &started).await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.ccid, row.channel_id, row.consumer, row.id))
        .collect())
}

/// One conversation of a tenant.
pub async fn find(
    connection: &mut PgConnection,
    ccid: Ccid,
    id: ConversationId,
) -> sqlx::Result<Option<Conversation>> {
    let row = sqlx::query!(
        "select id, channel_id, consumer, consumer_name, opened_at, closed_at
         from conversations where ccid = $1 and id = $2",
        ccid.as_uuid(),
        id.as_i64(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.and_then(|row| {
        conversation(
            row.id,
            &row.channel_id,
            &row.consumer,
            row.consumer_name,
            (row.opened_at, row.closed_at),
        )
    }))
}

/// Conversations of a tenant, newest first, below an id.
pub async fn list(
    connection: &mut PgConnection,
    ccid: Ccid,
    before: Option<ConversationId>,
    limit: i64,
) -> sqlx::Result<Vec<Conversation>> {
    let rows = sqlx::query!(
        "select id, channel_id, consumer, consumer_name, opened_at, closed_at
         from conversations where ccid = $1 and id < $2
         order by id desc limit $3",
        ccid.as_uuid(),
        before.map_or(i64::MAX, ConversationId::as_i64),
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            conversation(
                row.id,
                &row.channel_id,
                &row.consumer,
                row.consumer_name,
                (row.opened_at, row.closed_at),
            )
        })
        .collect())
}

/// Closes an open conversation and notes it for the feed; `false` if it was closed before.
pub async fn close(
    connection: &mut PgConnection,
    ccid: Ccid,
    id: ConversationId,
    now_ms: i64,
    event: i64,
) -> sqlx::Result<bool> {
    let mut transaction = connection.begin().await?;
    let closed = sqlx::query!(
        "update conversations set closed_at = $3 where ccid = $1 and id = $2 and closed_at is null",
        ccid.as_uuid(),
        id.as_i64(),
        now_ms,
    )
    .execute(&mut *transaction)
    .await?;
    if closed.rows_affected() == 0 {
        return Ok(false);
    }
    let finished = Entry::event(
        ccid,
        event,
        id.as_i64(),
        Kind::ConversationFinished,
        Stream::Chat,
    );
    history::store::append(&mut transaction, &[finished]).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Forgets conversations that were closed before a time, at most `limit`; answers how many went.
pub async fn forget_closed_before(
    connection: &mut PgConnection,
    before_ms: i64,
    limit: i64,
) -> sqlx::Result<u64> {
    let gone = sqlx::query!(
        "delete from conversations c
         using (select ccid, id from conversations where closed_at < $1 order by closed_at limit $2) old
         where c.ccid = old.ccid and c.id = old.id",
        before_ms,
        limit,
    )
    .execute(connection)
    .await?;
    Ok(gone.rows_affected())
}

/// Conversations of one consumer.
#[derive(Debug)]
pub struct Theirs {
    pub ids: Vec<i64>,
    /// The last conversation that was looked at; `None` where nothing lies behind.
    pub last: Option<i64>,
}

/// Looks through so many conversations of a tenant behind an id for those of a consumer.
pub async fn of_consumer(
    connection: &mut PgConnection,
    (ccid, consumer): (Ccid, &str),
    after: i64,
    rows_max: i64,
) -> sqlx::Result<Theirs> {
    let row = sqlx::query!(
        r#"with looked as materialized (
               select id, consumer from conversations where ccid = $1 and id > $3 order by id limit $4
           )
           select count(*) as "seen!", max(id) as last,
                  array(select id from looked where consumer = $2) as "ids!"
           from looked"#,
        ccid.as_uuid(),
        consumer,
        after,
        rows_max,
    )
    .fetch_one(connection)
    .await?;
    Ok(Theirs {
        ids: row.ids,
        last: row.last.filter(|_| row.seen >= rows_max),
    })
}

/// Takes conversations away.
pub async fn erase(connection: &mut PgConnection, ccid: Ccid, ids: &[i64]) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from conversations where ccid = $1 and id = any($2)",
        ccid.as_uuid(),
        ids,
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn conversation(
    id: i64,
    channel_id: &str,
    consumer: &str,
    consumer_name: Option<String>,
    (opened_at, closed_at): (i64, Option<i64>),
) -> Option<Conversation> {
    Some(Conversation {
        id: ConversationId::from_i64(id),
        channel_id: channel_id.parse().ok()?,
        consumer: consumer.parse().ok()?,
        consumer_name,
        opened_at,
        closed_at,
    })
}
