//! All SQL over provider ids and parked receipts.

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use super::doubtful::Waiting;
use super::intake::Noted;
use crate::values::{Ccid, MessageId};

/// What receipts are brought to their messages for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To see whether they would be taken. Nothing changes.
    Look,
    /// To take them: applied where their message is known, else parked.
    Take,
    /// To apply those that are parked.
    Unpark,
}

/// What became of a receipt, or would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Applied,
    Parked,
    /// There is no room to park it or another one of its body.
    Refused,
}

/// Brings receipts to the messages that they name. Answers the fate of each; none for one that stays parked, or that
/// another has applied.
pub async fn apply(
    connection: &mut PgConnection,
    (purpose, parked_max, now_ms): (Purpose, i64, i64),
    receipts: &[Noted],
) -> sqlx::Result<Vec<Option<Fate>>> {
    let columns = Columns::of(receipts);
    let purpose: i32 = match purpose {
        Purpose::Look => 0,
        Purpose::Take => 1,
        Purpose::Unpark => 2,
    };
    let rows = sqlx::query_file!(
        "src/receipts/sql/apply.sql",
        purpose,
        parked_max,
        now_ms,
        &columns.numbers,
        &columns.ccids,
        &columns.keys,
        &columns.messages,
        &columns.statuses,
        &columns.reasons,
        &columns.details as _,
        &columns.events,
        &columns.channels as _,
        &columns.bodies,
        &columns.promised,
        &columns.recipients as _,
        &columns.connectors as _,
    )
    .fetch_all(connection)
    .await?;
    let mut fates = vec![None; receipts.len()];
    for row in rows {
        let place = usize::try_from(row.number).ok();
        if let Some(fate) = place.and_then(|place| fates.get_mut(place)) {
            *fate = match row.fate {
                0 => Some(Fate::Applied),
                1 => Some(Fate::Parked),
                _ => Some(Fate::Refused),
            };
        }
    }
    Ok(fates)
}

/// Receipts by column.
struct Columns<'a> {
    numbers: Vec<i32>,
    ccids: Vec<Uuid>,
    keys: Vec<Vec<u8>>,
    messages: Vec<i64>,
    statuses: Vec<i16>,
    reasons: Vec<i16>,
    details: Vec<&'a str>,
    events: Vec<i64>,
    channels: Vec<&'a str>,
    bodies: Vec<i32>,
    promised: Vec<bool>,
    recipients: Vec<&'a str>,
    connectors: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(receipts: &'a [Noted]) -> Self {
        let column = receipts.iter();
        Self {
            numbers: (0..).take(receipts.len()).collect(),
            ccids: column.clone().map(|noted| noted.ccid.as_uuid()).collect(),
            keys: column.clone().map(|noted| noted.key.to_vec()).collect(),
            messages: column.clone().map(|noted| noted.message).collect(),
            statuses: column.clone().map(|noted| noted.status).collect(),
            reasons: column.clone().map(|noted| noted.reason).collect(),
            details: column.clone().map(|noted| noted.detail.as_str()).collect(),
            events: column.clone().map(|noted| noted.event).collect(),
            channels: column
                .clone()
                .map(|noted| noted.channel_id.as_str())
                .collect(),
            bodies: column.clone().map(|noted| noted.body).collect(),
            promised: column.clone().map(|noted| noted.promised).collect(),
            recipients: column
                .clone()
                .map(|noted| noted.recipient.as_str())
                .collect(),
            connectors: column.map(|noted| noted.connector).collect(),
        }
    }
}

/// Keeps under which keys receipts may name messages, beside those that were kept when they were sent.
pub async fn keep_names(
    connection: &mut PgConnection,
    ccid: Ccid,
    names: &[([u8; 16], MessageId)],
) -> sqlx::Result<()> {
    let keys: Vec<Vec<u8>> = names.iter().map(|(key, _)| key.to_vec()).collect();
    let ids: Vec<i64> = names.iter().map(|(_, id)| id.as_i64()).collect();
    sqlx::query!(
        "insert into provider_ids (ccid, key, id)
         select $1, named.key, named.id from unnest($2::bytea[], $3::bigint[]) as named (key, id)
         order by named.key, named.id
         on conflict (ccid, key, id) do nothing",
        ccid.as_uuid(),
        &keys,
        &ids,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The messages that these keys name.
pub async fn named(
    connection: &mut PgConnection,
    ccid: Ccid,
    keys: &[[u8; 16]],
) -> sqlx::Result<HashMap<[u8; 16], MessageId>> {
    let hashes: Vec<Vec<u8>> = keys.iter().map(|key| key.to_vec()).collect();
    let rows = sqlx::query!(
        r#"select key as "key!", max(id) as "id!" from provider_ids
           where ccid = $1 and key = any($2)
           group by key"#,
        ccid.as_uuid(),
        &hashes,
    )
    .fetch_all(connection)
    .await?;
    let named = rows
        .into_iter()
        .filter_map(|row| Some((row.key.try_into().ok()?, MessageId::from_i64(row.id))));
    Ok(named.collect())
}

/// Parked receipts under any of these keys.
pub async fn parked_under(
    connection: &mut PgConnection,
    keys: &[(Ccid, [u8; 16])],
) -> sqlx::Result<Vec<Noted>> {
    let ccids: Vec<Uuid> = keys.iter().map(|(ccid, _)| ccid.as_uuid()).collect();
    let hashes: Vec<Vec<u8>> = keys.iter().map(|(_, key)| key.to_vec()).collect();
    let rows = sqlx::query_as!(
        Row,
        "select p.ccid, p.key, p.parked_id, p.message, p.status, p.reason, p.detail, p.channel_id
         from unnest($1::uuid[], $2::bytea[]) as wanted (ccid, key)
         -- The offset keeps the planner from turning the join round, which it would do where the table was empty of late.
         cross join lateral (
             select * from parked_receipts p where p.ccid = wanted.ccid and p.key = wanted.key offset 0
         ) p
         order by p.ccid, p.key, p.parked_id",
        &ccids,
        &hashes,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().filter_map(noted).collect())
}

/// Receipts that wait under no known name, and say whom their message was for, in the order in which they came.
pub async fn waiting_for(
    connection: &mut PgConnection,
    (ccid, recipient): (Ccid, &str),
    limit: i64,
) -> sqlx::Result<Vec<Waiting>> {
    let rows = sqlx::query!(
        r#"select p.key, p.parked_at, p.channel_id, p.connector, p.detail::json->>'messageId' as "provider_id!"
           from parked_receipts p
           where p.ccid = $1 and p.recipient = $2 and p.recipient <> ''
             and not exists (select 1 from provider_ids n where n.ccid = p.ccid and n.key = p.key)
           order by p.parked_id limit $3"#,
        ccid.as_uuid(),
        recipient,
        limit,
    )
    .fetch_all(connection)
    .await?;
    let waiting = rows.into_iter().filter_map(|row| {
        Some(Waiting {
            key: row.key.try_into().ok()?,
            parked_at: row.parked_at,
            channel_id: row.channel_id,
            connector: row.connector,
            provider_id: row.provider_id,
        })
    });
    Ok(waiting.collect())
}

/// Whom receipts are about that were parked since a time, the latest first.
pub async fn people_waited_for(
    connection: &mut PgConnection,
    since_ms: i64,
    limit: i64,
) -> sqlx::Result<Vec<(Ccid, String)>> {
    let rows = sqlx::query!(
        "select ccid, recipient from parked_receipts
         where recipient <> '' and parked_at >= $1
         group by ccid, recipient order by max(parked_at) desc
         limit $2",
        since_ms,
        limit,
    )
    .fetch_all(connection)
    .await?;
    let people = rows
        .into_iter()
        .map(|row| (Ccid::from_uuid(row.ccid), row.recipient));
    Ok(people.collect())
}

/// The keys of parked receipts younger than an age, for the sweep that covers a crash between two commits.
pub async fn parked_since(
    connection: &mut PgConnection,
    since_ms: i64,
    limit: i64,
) -> sqlx::Result<Vec<(Ccid, [u8; 16])>> {
    let rows = sqlx::query!(
        "select ccid, key from parked_receipts where parked_at >= $1 order by parked_at limit $2",
        since_ms,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| Some((Ccid::from_uuid(row.ccid), row.key.try_into().ok()?)))
        .collect())
}

/// Takes receipts that were parked before a time out of the parking place, at most `limit`.
pub async fn take_parked_before(
    connection: &mut PgConnection,
    before_ms: i64,
    limit: i64,
) -> sqlx::Result<Vec<Noted>> {
    let rows = sqlx::query_as!(
        Row,
        "delete from parked_receipts p
         using (
             select ccid, key, parked_id from parked_receipts where parked_at < $1 order by parked_at limit $2
             for update skip locked
         ) old
         where p.ccid = old.ccid and p.key = old.key and p.parked_id = old.parked_id
         returning p.ccid, p.key, p.parked_id, p.message, p.status, p.reason, p.detail, p.channel_id",
        before_ms,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().filter_map(noted).collect())
}

/// Parked receipts of a tenant behind an id in which a text occurs, with what they say, in the order of their ids.
pub async fn parked_with(
    connection: &mut PgConnection,
    (ccid, text): (Ccid, &str),
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<(i64, String)>> {
    let rows = sqlx::query!(
        r#"select parked_id, detail || ' ' || recipient as "detail!" from parked_receipts
         where ccid = $1 and parked_id > $3 and (strpos(detail, $2) > 0 or recipient = $2)
         order by parked_id limit $4"#,
        ccid.as_uuid(),
        text,
        after,
        limit,
    )
    .fetch_all(connection)
    .await?;
    let found = rows.into_iter().map(|row| (row.parked_id, row.detail));
    Ok(found.collect())
}

/// Takes receipts out of the parking place for good.
pub async fn erase_parked(
    connection: &mut PgConnection,
    ccid: Ccid,
    ids: &[i64],
) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from parked_receipts where ccid = $1 and parked_id = any($2)",
        ccid.as_uuid(),
        ids,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A parked receipt as it is stored.
struct Row {
    ccid: Uuid,
    key: Vec<u8>,
    parked_id: i64,
    message: i64,
    status: i16,
    reason: i16,
    detail: String,
    channel_id: String,
}

fn noted(row: Row) -> Option<Noted> {
    Some(Noted {
        ccid: Ccid::from_uuid(row.ccid),
        key: row.key.try_into().ok()?,
        message: row.message,
        status: row.status,
        reason: row.reason,
        detail: row.detail,
        event: row.parked_id,
        channel_id: row.channel_id,
        body: 0,
        promised: false,
        recipient: String::new(),
        connector: "",
    })
}

/// How many receipts are parked, counted up to `limit`.
pub async fn count_parked(connection: &mut PgConnection, limit: i64) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from (select 1 from parked_receipts limit $1) counted"#,
        limit,
    )
    .fetch_one(connection)
    .await
}
