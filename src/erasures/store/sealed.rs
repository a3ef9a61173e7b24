//! The sealed addresses of running erasures, for whoever seals them anew under another master key.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::platform::vault::{KeyId, SealedRow};
use crate::values::ErasureId;

/// Addresses that another master key has sealed, from behind a place on and in the order of their places. Their rows are
/// locked, so that nobody changes them meanwhile; those that somebody is changing are left out.
pub async fn lock_sealed_otherwise(
    connection: &mut PgConnection,
    key_id: KeyId,
    (after, limit): ((Uuid, &str), i64),
) -> sqlx::Result<Vec<SealedRow>> {
    let after_id = after.1.parse().map_or(i64::MIN, ErasureId::as_i64);
    let rows = sqlx::query!(
        r#"select ccid, id, sealed_address as "sealed!"
           from erasures
           where substring(sealed_address from 2 for 8) <> $1 and (ccid, id) > ($2, $3)
           order by ccid, id
           limit $4
           for update skip locked"#,
        key_id.as_bytes().as_slice(),
        after.0,
        after_id,
        limit,
    )
    .fetch_all(connection)
    .await?;
    let rows = rows.into_iter().map(|row| SealedRow {
        ccid: row.ccid,
        row: ErasureId::from_i64(row.id).to_string(),
        sealed: row.sealed,
    });
    Ok(rows.collect())
}

/// How many of them there are.
pub async fn sealed_otherwise(connection: &mut PgConnection, key_id: KeyId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from erasures where substring(sealed_address from 2 for 8) <> $1"#,
        key_id.as_bytes().as_slice(),
    )
    .fetch_one(connection)
    .await
}

/// Puts what was sealed anew into rows that are locked.
pub async fn put_sealed(connection: &mut PgConnection, rows: &[SealedRow]) -> sqlx::Result<()> {
    let ccids: Vec<Uuid> = rows.iter().map(|row| row.ccid).collect();
    let ids: Vec<i64> = rows
        .iter()
        .map(|row| row.row.parse().map_or(0, ErasureId::as_i64))
        .collect();
    let sealed: Vec<&[u8]> = rows.iter().map(|row| row.sealed.as_slice()).collect();
    sqlx::query!(
        "update erasures stored set sealed_address = mine.sealed
         from unnest($1::uuid[], $2::bigint[], $3::bytea[]) as mine (ccid, id, sealed)
         where stored.ccid = mine.ccid and stored.id = mine.id and stored.sealed_address is not null",
        &ccids,
        &ids,
        &sealed as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}
