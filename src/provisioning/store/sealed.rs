//! The sealed columns of services, for whoever seals them anew under another master key.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::platform::vault::{KeyId, SealedRow};

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealedColumn {
    Secret,
    CallbackTokens,
}

impl SealedColumn {
    fn is_tokens(self) -> bool {
        self == Self::CallbackTokens
    }
}

/// Values that another master key has sealed, from behind a place on and in the order of their places. Their rows are
/// locked, so that nobody changes them meanwhile; those that somebody is changing are left out.
pub async fn lock_sealed_otherwise(
    connection: &mut PgConnection,
    column: SealedColumn,
    key_id: KeyId,
    (after, limit): ((Uuid, &str), i64),
) -> sqlx::Result<Vec<SealedRow>> {
    sqlx::query_as!(
        SealedRow,
        r#"select ccid, name as "row", case when $5 then callback_tokens else secret end as "sealed!"
           from services
           where substring(case when $5 then callback_tokens else secret end from 2 for 8) <> $1
             and (ccid, name) > ($2, $3)
           order by ccid, name
           limit $4
           for update skip locked"#,
        key_id.as_bytes().as_slice(),
        after.0,
        after.1,
        limit,
        column.is_tokens(),
    )
    .fetch_all(connection)
    .await
}

/// How many of them there are.
pub async fn sealed_otherwise(
    connection: &mut PgConnection,
    column: SealedColumn,
    key_id: KeyId,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from services
           where substring(case when $2 then callback_tokens else secret end from 2 for 8) <> $1"#,
        key_id.as_bytes().as_slice(),
        column.is_tokens(),
    )
    .fetch_one(connection)
    .await
}

/// Puts what was sealed anew into rows that are locked.
pub async fn put_sealed(
    connection: &mut PgConnection,
    column: SealedColumn,
    rows: &[SealedRow],
) -> sqlx::Result<()> {
    let ccids: Vec<Uuid> = rows.iter().map(|row| row.ccid).collect();
    let names: Vec<&str> = rows.iter().map(|row| row.row.as_str()).collect();
    let sealed: Vec<&[u8]> = rows.iter().map(|row| row.sealed.as_slice()).collect();
    sqlx::query!(
        "update services stored
         set secret = case when $4 then stored.secret else mine.sealed end,
             callback_tokens = case when $4 then mine.sealed else stored.callback_tokens end
         from unnest($1::uuid[], $2::text[], $3::bytea[]) as mine (ccid, name, sealed)
         where stored.ccid = mine.ccid and stored.name = mine.name",
        &ccids,
        &names as _,
        &sealed as _,
        column.is_tokens(),
    )
    .execute(connection)
    .await?;
    Ok(())
}
