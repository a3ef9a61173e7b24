//! All SQL over provider ids and parked receipts.

use std::collections::HashSet;

use sqlx::PgConnection;
use uuid::Uuid;

use super::intake::Noted;
use crate::values::Ccid;

/// Whether receipts are fresh or come out of the parking place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    Caller,
    ParkingPlace,
}

/// Applies what names a known message; answers the indexes of those that did.
pub async fn apply(
    connection: &mut PgConnection,
    from: From,
    receipts: &[Noted],
) -> sqlx::Result<HashSet<usize>> {
    let numbers: Vec<i32> = (0..).take(receipts.len()).collect();
    let ccids: Vec<Uuid> = receipts
        .iter()
        .map(|receipt| receipt.ccid.as_uuid())
        .collect();
    let keys: Vec<Vec<u8>> = receipts
        .iter()
        .map(|receipt| receipt.key.to_vec())
        .collect();
    let messages: Vec<i64> = receipts.iter().map(|receipt| receipt.message).collect();
    let statuses: Vec<i16> = receipts.iter().map(|receipt| receipt.status).collect();
    let reasons: Vec<i16> = receipts.iter().map(|receipt| receipt.reason).collect();
    let details: Vec<&str> = receipts
        .iter()
        .map(|receipt| receipt.detail.as_str())
        .collect();
    let events: Vec<i64> = receipts.iter().map(|receipt| receipt.event).collect();
    let channels: Vec<&str> = receipts
        .iter()
        .map(|receipt| receipt.channel_id.as_str())
        .collect();
    let applied = sqlx::query_file_scalar!(
        "src/receipts/sql/apply.sql",
        from == From::ParkingPlace,
        &numbers,
        &ccids,
        &keys,
        &messages,
        &statuses,
        &reasons,
        &details as _,
        &events,
        &channels as _,
    )
    .fetch_all(connection)
    .await?;
    Ok(applied
        .into_iter()
        .filter_map(|number| usize::try_from(number).ok())
        .collect())
}

/// Keeps receipts until their message is known. Answers the indexes of those that found no room under the tenant's limit.
pub async fn park(
    connection: &mut PgConnection,
    receipts: &[Noted],
    now_ms: i64,
    parked_max: i64,
) -> sqlx::Result<HashSet<i64>> {
    let ccids: Vec<Uuid> = receipts
        .iter()
        .map(|receipt| receipt.ccid.as_uuid())
        .collect();
    let keys: Vec<Vec<u8>> = receipts
        .iter()
        .map(|receipt| receipt.key.to_vec())
        .collect();
    let messages: Vec<i64> = receipts.iter().map(|receipt| receipt.message).collect();
    let statuses: Vec<i16> = receipts.iter().map(|receipt| receipt.status).collect();
    let reasons: Vec<i16> = receipts.iter().map(|receipt| receipt.reason).collect();
    let details: Vec<&str> = receipts
        .iter()
        .map(|receipt| receipt.detail.as_str())
        .collect();
    let events: Vec<i64> = receipts.iter().map(|receipt| receipt.event).collect();
    let channels: Vec<&str> = receipts
        .iter()
        .map(|receipt| receipt.channel_id.as_str())
        .collect();
    let parked = sqlx::query_scalar!(
        r#"with room as materialized (
               -- Counting stops at the limit, so a full parking place costs no more than an empty one can.
               select tenant.ccid, (
                   select count(*) from (select 1 from parked_receipts p where p.ccid = tenant.ccid limit $10) counted
               ) as parked
               from (select distinct ccid from unnest($1::uuid[]) as given (ccid)) tenant
           )
           insert into parked_receipts (ccid, key, parked_id, message, status, reason, detail, parked_at, channel_id)
           select given.ccid, given.key, given.event, given.message, given.status, given.reason, given.detail, $9, given.channel_id
           from unnest($1::uuid[], $2::bytea[], $3::bigint[], $4::smallint[], $5::smallint[], $6::text[], $7::bigint[], $8::text[])
                as given (ccid, key, message, status, reason, detail, event, channel_id)
           join room on room.ccid = given.ccid
           where room.parked < $10
           -- The same receipt again is this flush, repeated after a lost answer.
           on conflict (ccid, key, parked_id) do update set parked_at = excluded.parked_at
           returning parked_id"#,
        &ccids,
        &keys,
        &messages,
        &statuses,
        &reasons,
        &details as _,
        &events,
        &channels as _,
        now_ms,
        parked_max,
    )
    .fetch_all(connection)
    .await?;
    Ok(parked.into_iter().collect())
}

/// Parked receipts under any of these keys.
pub async fn parked_under(
    connection: &mut PgConnection,
    keys: &[(Ccid, [u8; 16])],
) -> sqlx::Result<Vec<Noted>> {
    let ccids: Vec<Uuid> = keys.iter().map(|(ccid, _)| ccid.as_uuid()).collect();
    let hashes: Vec<Vec<u8>> = keys.iter().map(|(_, key)| key.to_vec()).collect();
    let rows = sqlx::query!(
        "select p.ccid, p.key, p.parked_id, p.message, p.status, p.reason, p.detail, p.channel_id
         from unnest($1::uuid[], $2::bytea[]) as wanted (ccid, key)
         join parked_receipts p on p.ccid = wanted.ccid and p.key = wanted.key
         order by p.ccid, p.key, p.parked_id",
        &ccids,
        &hashes,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            Some(Noted {
                ccid: Ccid::from_uuid(row.ccid),
                key: row.key.try_into().ok()?,
                message: row.message,
                status: row.status,
                reason: row.reason,
                detail: row.detail,
                event: row.parked_id,
                channel_id: row.channel_id,
            })
        })
        .collect())
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

/// Drops parked receipts of before a time, at most `limit`; answers how many went.
pub async fn drop_parked_before(
    connection: &mut PgConnection,
    before_ms: i64,
    limit: i64,
) -> sqlx::Result<u64> {
    let dropped = sqlx::query!(
        "delete from parked_receipts p
         using (select ccid, key, parked_id from parked_receipts where parked_at < $1 order by parked_at limit $2) old
         where p.ccid = old.ccid and p.key = old.key and p.parked_id = old.parked_id",
        before_ms,
        limit,
    )
    .execute(connection)
    .await?;
    Ok(dropped.rows_affected())
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
