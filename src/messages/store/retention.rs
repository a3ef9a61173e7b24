//! What outlives its partition and has to be dropped by itself.

use sqlx::PgConnection;

/// Forgets dead letters whose messages are older than an id, at most `limit`; answers how many went.
pub async fn forget_dead_letters_before(
    connection: &mut PgConnection,
    id: i64,
    limit: i64,
) -> sqlx::Result<u64> {
    let gone = sqlx::query!(
        "delete from dead_letters d
         using (select ccid, id from dead_letters where id < $1 limit $2) old
         where d.ccid = old.ccid and d.id = old.id",
        id,
        limit,
    )
    .execute(connection)
    .await?;
    Ok(gone.rows_affected())
}
