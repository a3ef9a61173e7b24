//! All SQL over idempotency keys.

use std::collections::HashSet;

use sqlx::PgConnection;
use uuid::Uuid;

use super::KeyedCall;
use crate::platform::vault::{KeyId, SealedRow};
use crate::values::Ccid;

/// What is known of a call that was made under a key.
#[derive(Debug)]
pub struct Stored {
    pub request: Vec<u8>,
    pub results: Option<String>,
    pub sealed_answer: Option<Vec<u8>>,
}

/// The key of a submission that is about to be stored.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    pub call: &'a KeyedCall,
    /// The id of its first message.
    pub claimant: i64,
}

/// Whether nobody else works under this lock at this moment; it is held to the end of the transaction.
pub async fn try_lock(connection: &mut PgConnection, lock: i64) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "taken!""#, lock)
        .fetch_one(connection)
        .await
}

pub async fn find(connection: &mut PgConnection, call: &KeyedCall) -> sqlx::Result<Option<Stored>> {
    sqlx::query_as!(
        Stored,
        "select request, results, sealed_answer from idempotency_keys where ccid = $1 and key = $2",
        call.ccid.as_uuid(),
        call.key.as_str(),
    )
    .fetch_optional(connection)
    .await
}

/// Keeps a call with its answer; `false` if another call has taken the key meanwhile.
pub async fn keep(
    connection: &mut PgConnection,
    call: &KeyedCall,
    sealed_answer: &[u8],
    now_ms: i64,
) -> sqlx::Result<bool> {
    let kept = sqlx::query!(
        "insert into idempotency_keys (ccid, key, request, sealed_answer, created_at) values ($1, $2, $3, $4, $5)
         on conflict (ccid, key) do nothing",
        call.ccid.as_uuid(),
        call.key.as_str(),
        call.key.request().as_slice(),
        sealed_answer,
        now_ms,
    )
    .execute(connection)
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// Puts another answer in the place of the one that is kept; the caller holds the key's lock.
pub async fn replace(
    connection: &mut PgConnection,
    call: &KeyedCall,
    sealed_answer: &[u8],
) -> sqlx::Result<()> {
    sqlx::query!(
        "update idempotency_keys set sealed_answer = $3 where ccid = $1 and key = $2",
        call.ccid.as_uuid(),
        call.key.as_str(),
        sealed_answer,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets a call that has done nothing after all.
pub async fn forget(connection: &mut PgConnection, call: &KeyedCall) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from idempotency_keys where ccid = $1 and key = $2",
        call.ccid.as_uuid(),
        call.key.as_str(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes the keys of a flush's submissions, and answers the claimants whose key another call holds.
pub async fn take(
    connection: &mut PgConnection,
    claims: &[Claim<'_>],
    now_ms: i64,
) -> sqlx::Result<HashSet<i64>> {
    if claims.is_empty() {
        return Ok(HashSet::new());
    }
    // Sorted, so that two flushes with the same keys wait for each other in one direction only.
    let mut claims = claims.to_vec();
    claims.sort_by_key(|claim| (claim.call.ccid, claim.call.key.as_str()));
    let Columns { ccids, keys } = Columns::of(claims.iter().map(|claim| claim.call));
    let requests: Vec<&[u8]> = claims
        .iter()
        .map(|claim| claim.call.key.request().as_slice())
        .collect();
    let claimants: Vec<i64> = claims.iter().map(|claim| claim.claimant).collect();
    let taken = sqlx::query!(
        "insert into idempotency_keys (ccid, key, request, claimant, created_at)
         select ccid, key, request, claimant, $5
         from unnest($1::uuid[], $2::text[], $3::bytea[], $4::bigint[]) as mine (ccid, key, request, claimant)
         on conflict (ccid, key) do nothing",
        &ccids,
        &keys as _,
        &requests as _,
        &claimants,
        now_ms,
    )
    .execute(&mut *connection)
    .await?;
    if taken.rows_affected() == claims.len() as u64 {
        return Ok(HashSet::new());
    }
    // A new statement: the insert cannot see a row that was committed while it waited.
    held_by_others(connection, &claims).await
}

/// The claimants whose key another call holds.
pub async fn held_by_others(
    connection: &mut PgConnection,
    claims: &[Claim<'_>],
) -> sqlx::Result<HashSet<i64>> {
    if claims.is_empty() {
        return Ok(HashSet::new());
    }
    let Columns { ccids, keys } = Columns::of(claims.iter().map(|claim| claim.call));
    let claimants: Vec<i64> = claims.iter().map(|claim| claim.claimant).collect();
    let held = sqlx::query_scalar!(
        r#"select mine.claimant as "claimant!"
           from unnest($1::uuid[], $2::text[], $3::bigint[]) as mine (ccid, key, claimant)
           join idempotency_keys k on k.ccid = mine.ccid and k.key = mine.key
           where k.claimant is distinct from mine.claimant"#,
        &ccids,
        &keys as _,
        &claimants,
    )
    .fetch_all(connection)
    .await?;
    Ok(held.into_iter().collect())
}

/// Writes what became of the messages of a flush's submissions beside their keys.
pub async fn put_results(
    connection: &mut PgConnection,
    results: &[(Claim<'_>, String)],
) -> sqlx::Result<()> {
    if results.is_empty() {
        return Ok(());
    }
    let Columns { ccids, keys } = Columns::of(results.iter().map(|(claim, _)| claim.call));
    let texts: Vec<&str> = results.iter().map(|(_, text)| text.as_str()).collect();
    sqlx::query!(
        "update idempotency_keys k set results = mine.results
         from unnest($1::uuid[], $2::text[], $3::text[]) as mine (ccid, key, results)
         where k.ccid = mine.ccid and k.key = mine.key",
        &ccids,
        &keys as _,
        &texts as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets calls that were made before a time, at most so many; how many it were.
pub async fn forget_before(
    connection: &mut PgConnection,
    before_ms: i64,
    rows_max: i64,
) -> sqlx::Result<u64> {
    let forgotten = sqlx::query!(
        "delete from idempotency_keys where ctid = any(array(
             select ctid from idempotency_keys where created_at < $1 order by created_at limit $2
         ))",
        before_ms,
        rows_max,
    )
    .execute(connection)
    .await?;
    Ok(forgotten.rows_affected())
}

/// Tenants that have at least so many keys.
pub async fn tenants_with(
    connection: &mut PgConnection,
    keys_max: i64,
) -> sqlx::Result<HashSet<Ccid>> {
    let tenants = sqlx::query_scalar!(
        "select ccid from idempotency_keys group by ccid having count(*) >= $1",
        keys_max,
    )
    .fetch_all(connection)
    .await?;
    Ok(tenants.into_iter().map(Ccid::from_uuid).collect())
}

/// Kept answers that another master key has sealed, from behind a place on and in the order of their places. They are
/// locked, so that nobody changes them meanwhile; those that somebody is changing are left out.
pub async fn lock_sealed_otherwise(
    connection: &mut PgConnection,
    key_id: KeyId,
    (after, limit): ((Uuid, &str), i64),
) -> sqlx::Result<Vec<SealedRow>> {
    sqlx::query_as!(
        SealedRow,
        r#"select ccid, key as "row", sealed_answer as "sealed!"
           from idempotency_keys
           where substring(sealed_answer from 2 for 8) <> $1 and (ccid, key) > ($2, $3)
           order by ccid, key
           limit $4
           for update skip locked"#,
        key_id.as_bytes().as_slice(),
        after.0,
        after.1,
        limit,
    )
    .fetch_all(connection)
    .await
}

/// How many of them there are.
pub async fn sealed_otherwise(connection: &mut PgConnection, key_id: KeyId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from idempotency_keys where substring(sealed_answer from 2 for 8) <> $1"#,
        key_id.as_bytes().as_slice(),
    )
    .fetch_one(connection)
    .await
}

/// Puts what was sealed anew into rows that are locked.
pub async fn put_sealed(connection: &mut PgConnection, rows: &[SealedRow]) -> sqlx::Result<()> {
    let ccids: Vec<Uuid> = rows.iter().map(|row| row.ccid).collect();
    let names: Vec<&str> = rows.iter().map(|row| row.row.as_str()).collect();
    let sealed: Vec<&[u8]> = rows.iter().map(|row| row.sealed.as_slice()).collect();
    sqlx::query!(
        "update idempotency_keys stored set sealed_answer = mine.sealed
         from unnest($1::uuid[], $2::text[], $3::bytea[]) as mine (ccid, key, sealed)
         where stored.ccid = mine.ccid and stored.key = mine.key",
        &ccids,
        &names as _,
        &sealed as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Primary keys, column by column.
struct Columns<'a> {
    ccids: Vec<Uuid>,
    keys: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(calls: impl Iterator<Item = &'a KeyedCall>) -> Self {
        let (ccids, keys) = calls
            .map(|call| (call.ccid.as_uuid(), call.key.as_str()))
            .unzip();
        Self { ccids, keys }
    }
}
