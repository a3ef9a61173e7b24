//! All SQL over history, but for the three shared statements.

use std::collections::HashSet;

mod followers;

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

pub use followers::{begin_following, move_follower, place_of_follower};

use super::model::{Entry, Horizon, Kind, Recorded, Stream};
use crate::values::Ccid;

/// Where replicas are told whose feed has grown; the payload is a list of tenants.
pub const GROWTH_CHANNEL: &str = "nexus_gateway_feed";

/// Appends entries within the caller's transaction; when that has ended, whoever follows the feed is told on every
/// replica. Not for what comes by the thousand: being told takes a lock of the whole cluster at commit.
pub async fn append(connection: &mut PgConnection, entries: &[Entry]) -> sqlx::Result<()> {
    append_untold(connection, entries).await?;
    let mut tenants: Vec<String> = entries.iter().map(|entry| entry.ccid.to_string()).collect();
    tenants.sort_unstable();
    tenants.dedup();
    for tenant in tenants {
        sqlx::query!("select pg_notify($1, $2)", GROWTH_CHANNEL, tenant)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Appends entries within the caller's transaction, who tells of them.
pub async fn append_untold(connection: &mut PgConnection, entries: &[Entry]) -> sqlx::Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let ccids: Vec<Uuid> = entries.iter().map(|entry| entry.ccid.as_uuid()).collect();
    let ids: Vec<i64> = entries.iter().map(|entry| entry.id).collect();
    let subjects: Vec<i64> = entries.iter().map(|entry| entry.subject).collect();
    let kinds: Vec<i16> = entries.iter().map(|entry| entry.kind.as_i16()).collect();
    let streams: Vec<i16> = entries
        .iter()
        .map(|entry| entry.stream.map_or(0, Stream::as_i16))
        .collect();
    let statuses: Vec<Option<i16>> = entries.iter().map(|entry| entry.status).collect();
    let details: Vec<Option<&str>> = entries
        .iter()
        .map(|entry| entry.detail.as_deref())
        .collect();
    sqlx::query!(
        "insert into history (ccid, id, subject, kind, stream, status, detail)
         select * from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::smallint[], $5::smallint[], $6::smallint[], $7::text[])",
        &ccids,
        &ids,
        &subjects,
        &kinds,
        &streams,
        &statuses as _,
        &details as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Everything that happened to one message, in the order of the entries' ids.
pub async fn of_subject(
    connection: &mut PgConnection,
    ccid: Ccid,
    subject: i64,
    limit: i64,
) -> sqlx::Result<Vec<Recorded>> {
    let rows = sqlx::query!(
        r#"select id, subject as "subject!", kind, stream, status, detail, transaction::text as "transaction!"
           from history where ccid = $1 and subject = $2
           order by id limit $3"#,
        ccid.as_uuid(),
        subject,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            recorded(
                (row.id, row.subject),
                (row.kind, row.stream),
                row.status,
                row.detail,
                &row.transaction,
            )
        })
        .collect())
}

/// Where a reader of the feed stands: after this transaction and entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub transaction: i64,
    pub id: i64,
}

impl Position {
    /// Before everything.
    pub const START: Self = Self {
        transaction: 0,
        id: 0,
    };
}

/// A reading of the feed.
#[derive(Debug)]
pub struct FeedRead {
    /// Which incarnation of the data positions in it speak of.
    pub generation: i32,
    pub horizon: Horizon,
    pub entries: Vec<Recorded>,
    /// Of the last entry, also where this release does not know its kind.
    pub last: Option<Position>,
    /// Whether as many were found as were asked for.
    pub is_full: bool,
}

/// Reads a tenant's events after a position, below the oldest transaction that is still open; from the beginning of
/// what is kept where the position is of another incarnation of the data.
pub async fn read_feed(
    connection: &mut PgConnection,
    ccid: Ccid,
    (generation, after): (i32, Position),
    stream: Option<Stream>,
    limit: i64,
) -> sqlx::Result<FeedRead> {
    let rows = sqlx::query!(
        r#"select feed.generation as "generation!", pg_snapshot_xmin(pg_current_snapshot())::text as "oldest_open!",
                  pg_snapshot_xmax(pg_current_snapshot())::text as "next!", entry.id as "id?",
                  coalesce(entry.subject, 0) as "subject!", entry.kind as "kind?", entry.stream as "stream?",
                  entry.status as "status?", entry.detail as "detail?", entry.transaction::text as "transaction?"
           from feed left join lateral (
               select id, subject, kind, stream, status, detail, transaction
               from history
               where ccid = $1 and stream > 0
                 and (transaction, id) > (case when feed.generation = $6 then $2::text::xid8 else '0' end,
                                          case when feed.generation = $6 then $3::bigint else 0 end)
                 and transaction < pg_snapshot_xmin(pg_current_snapshot())
                 and ($4::smallint = 0 or stream in ($4, 3))
               order by transaction, id
               limit $5
           ) entry on true
           order by entry.transaction, entry.id"#,
        ccid.as_uuid(),
        after.transaction.to_string(),
        after.id,
        stream.map_or(0, Stream::as_i16),
        limit,
        generation,
    )
    .fetch_all(connection)
    .await?;
    let first = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    let last = rows.last().and_then(|row| {
        let transaction = row.transaction.as_deref()?.parse().ok()?;
        row.id.map(|id| Position { transaction, id })
    });
    Ok(FeedRead {
        last,
        is_full: last.is_some() && i64::try_from(rows.len()).is_ok_and(|count| count >= limit),
        generation: first.generation,
        horizon: Horizon {
            oldest_open: first.oldest_open.parse().unwrap_or(0),
            next: first.next.parse().unwrap_or(0),
        },
        entries: rows
            .into_iter()
            .filter_map(|row| {
                recorded(
                    (row.id?, row.subject),
                    (row.kind?, row.stream?),
                    row.status,
                    row.detail,
                    &row.transaction?,
                )
            })
            .collect(),
    })
}

/// Whoever has a transaction open, as far as this role may see it.
pub async fn transaction_holder(
    connection: &mut PgConnection,
    transaction: i64,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        r#"select format('process %s (%s) on database %s', pid, coalesce(nullif(application_name, ''), 'nameless'), datname)
                  as "holder!"
           from pg_stat_activity
           -- It shows the lower half of the number.
           where backend_xid::text::bigint = $1 % 4294967296
           limit 1"#,
        transaction,
    )
    .fetch_optional(connection)
    .await
}

/// Begins a new incarnation if the data has been restored into another cluster, where transaction numbers start anew:
/// what was written before comes first, by time, and cursors of before begin there. `false` where nothing has changed.
pub async fn note_cluster(connection: &mut PgConnection) -> sqlx::Result<bool> {
    let mut transaction = connection.begin().await?;
    let changed = sqlx::query!(
        "update feed set generation = generation + 1, system_identifier = here.system_identifier
         from pg_control_system() here
         where feed.system_identifier <> here.system_identifier"
    )
    .execute(&mut *transaction)
    .await?;
    if changed.rows_affected() > 0 {
        sqlx::query!("update history set transaction = '0' where transaction <> '0'")
            .execute(&mut *transaction)
            .await?;
        // Their places are part of the data, and stay what they were.
        sqlx::query!("update followers set generation = generation + 1, transaction = '0'")
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(changed.rows_affected() > 0)
}

/// Begins a new incarnation: readers of the feed begin anew, since what they have read may not be in it any more.
pub async fn begin_generation(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!(
        "with begun as (update feed set generation = generation + 1)
         update followers set generation = generation + 1"
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes away everything that happened to messages and conversations.
pub async fn erase_of(
    connection: &mut PgConnection,
    ccid: Ccid,
    subjects: &[i64],
) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from history where ccid = $1 and subject = any($2)",
        ccid.as_uuid(),
        subjects,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Changes of suppressions by hand that name an address.
#[derive(Debug)]
pub struct Named {
    pub entries: Vec<i64>,
    /// The last entry that was looked at; `None` where nothing lies behind.
    pub last: Option<i64>,
}

/// Looks through so many changes of suppressions behind an id for those that name an address.
pub async fn suppressions_naming(
    connection: &mut PgConnection,
    (ccid, address): (Ccid, &str),
    after: i64,
    rows_max: i64,
) -> sqlx::Result<Named> {
    let row = sqlx::query!(
        r#"with looked as materialized (
               select id, detail from history
               where ccid = $1 and kind in (5, 6) and detail is not null and id > $3
               order by id limit $4
           )
           select count(*) as "seen!", max(id) as last,
                  array(select id from looked where detail::json->>'address' = $2) as "entries!"
           from looked"#,
        ccid.as_uuid(),
        address,
        after,
        rows_max,
    )
    .fetch_one(connection)
    .await?;
    Ok(Named {
        entries: row.entries,
        last: row.last.filter(|_| row.seen >= rows_max),
    })
}

/// Which of these messages have led to suppressions, and by whom, where their events say it.
pub async fn suppressions_by(
    connection: &mut PgConnection,
    ccid: Ccid,
    messages: &[i64],
) -> sqlx::Result<HashSet<(i64, String)>> {
    if messages.is_empty() {
        return Ok(HashSet::new());
    }
    let rows = sqlx::query!(
        r#"select subject as "subject!", detail::json->>'source' as "source!"
           from history
           where ccid = $1 and subject = any($2) and kind = $3 and detail is not null"#,
        ccid.as_uuid(),
        messages,
        Kind::SuppressionAdded.as_i16(),
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.subject, row.source))
        .collect())
}

/// Those of these messages of which an attempt has come to this status.
pub async fn attempted_with(
    connection: &mut PgConnection,
    (ccid, messages): (Ccid, &[i64]),
    status: i16,
) -> sqlx::Result<HashSet<i64>> {
    if messages.is_empty() {
        return Ok(HashSet::new());
    }
    let found = sqlx::query_scalar!(
        r#"select distinct subject as "subject!" from history
           where ccid = $1 and subject = any($2) and kind = $3 and status = $4"#,
        ccid.as_uuid(),
        messages,
        Kind::Attempt.as_i16(),
        status,
    )
    .fetch_all(connection)
    .await?;
    Ok(found.into_iter().collect())
}

/// Takes single entries away.
pub async fn erase(connection: &mut PgConnection, ccid: Ccid, entries: &[i64]) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from history where ccid = $1 and id = any($2)",
        ccid.as_uuid(),
        entries,
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn recorded(
    (id, subject): (i64, i64),
    (kind, stream): (i16, i16),
    status: Option<i16>,
    detail: Option<String>,
    transaction: &str,
) -> Option<Recorded> {
    Some(Recorded {
        id,
        subject,
        kind: Kind::from_i16(kind)?,
        stream: Stream::from_i16(stream),
        status,
        detail,
        transaction: transaction.parse().ok()?,
    })
}
