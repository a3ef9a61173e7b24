//! All SQL over the register of master keys.

use sqlx::PgConnection;

use super::KeyId;

/// A master key that has sealed something in this database.
#[derive(Debug)]
pub struct Registered {
    pub key_id: Vec<u8>,
    /// What other keys are derived from, sealed.
    pub derivation: Vec<u8>,
    /// When its successor took over, in Unix milliseconds.
    pub replaced_at: Option<i64>,
}

/// Keeps others from changing the register until the transaction ends.
pub async fn lock(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("lock table master_keys in share row exclusive mode")
        .execute(connection)
        .await?;
    Ok(())
}

pub async fn all(connection: &mut PgConnection) -> sqlx::Result<Vec<Registered>> {
    sqlx::query_as!(
        Registered,
        "select key_id, derivation, replaced_at from master_keys order by key_id"
    )
    .fetch_all(connection)
    .await
}

/// Registers a key unless it is.
pub async fn add(
    connection: &mut PgConnection,
    key_id: KeyId,
    derivation: &[u8],
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into master_keys (key_id, derivation) values ($1, $2) on conflict (key_id) do nothing",
        key_id.as_bytes().as_slice(),
        derivation,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that a key was replaced.
pub async fn replace(
    connection: &mut PgConnection,
    key_id: KeyId,
    (derivation, now_ms): (&[u8], i64),
) -> sqlx::Result<()> {
    sqlx::query!(
        "update master_keys set derivation = $2, replaced_at = coalesce(replaced_at, $3) where key_id = $1",
        key_id.as_bytes().as_slice(),
        derivation,
        now_ms,
    )
    .execute(connection)
    .await?;
    Ok(())
}
