//! The sealed key of opt-out proofs, for whoever seals it anew under another master key.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::platform::vault::{KeyId, SealedRow};
use crate::suppressions::proof;

/// The key, if another master key has sealed it; its row is locked.
pub async fn lock_sealed_otherwise(
    connection: &mut PgConnection,
    key_id: KeyId,
    (after, _limit): ((Uuid, &str), i64),
) -> sqlx::Result<Vec<SealedRow>> {
    let sealed = sqlx::query_scalar!(
        "select sealed from suppression_key
         where substring(sealed from 2 for 8) <> $1 and $2 = ''
         for update skip locked",
        key_id.as_bytes().as_slice(),
        after.1,
    )
    .fetch_all(connection)
    .await?;
    let rows = sealed.into_iter().map(|sealed| SealedRow {
        ccid: Uuid::nil(),
        row: proof::SEALED_ROW.to_owned(),
        sealed,
    });
    Ok(rows.collect())
}

/// Whether there is such a key: one or none.
pub async fn sealed_otherwise(connection: &mut PgConnection, key_id: KeyId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from suppression_key where substring(sealed from 2 for 8) <> $1"#,
        key_id.as_bytes().as_slice(),
    )
    .fetch_one(connection)
    .await
}

/// Puts the key that was sealed anew into its row, which is locked.
pub async fn put_sealed(connection: &mut PgConnection, rows: &[SealedRow]) -> sqlx::Result<()> {
    for row in rows {
        sqlx::query!("update suppression_key set sealed = $1", row.sealed)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
