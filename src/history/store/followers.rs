//! Up to where followers of the feed have done their work.

use sqlx::PgConnection;

use super::Position;
use crate::values::Ccid;

/// Gives a follower its first place in the feed: behind everything that is there. One that has a place keeps it.
pub async fn begin_following(
    connection: &mut PgConnection,
    ccid: Ccid,
    lane: i64,
) -> sqlx::Result<()> {
    sqlx::query!(
        // What this very transaction writes, and whatever is open beside it, comes after. The id is as of now, for the
        // day when the data is in another cluster and places go by ids alone.
        "insert into followers (ccid, lane, generation, transaction, id)
         select $1, $2, generation, (pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1)::text::xid8,
                ((extract(epoch from clock_timestamp()) * 1000)::bigint - 1577836800000) << 22
         from feed
         on conflict (ccid, lane) do nothing",
        ccid.as_uuid(),
        lane,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Up to where a follower has done its work, with the incarnation of the data that this speaks of.
pub async fn place_of_follower(
    connection: &mut PgConnection,
    ccid: Ccid,
    lane: i64,
) -> sqlx::Result<Option<(i32, Position)>> {
    let row = sqlx::query!(
        r#"select generation, transaction::text as "transaction!", id from followers where ccid = $1 and lane = $2"#,
        ccid.as_uuid(),
        lane,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| {
        let transaction = row.transaction.parse().unwrap_or(0);
        (
            row.generation,
            Position {
                transaction,
                id: row.id,
            },
        )
    }))
}

/// Writes down up to where a follower has done its work.
pub async fn move_follower(
    connection: &mut PgConnection,
    (ccid, lane): (Ccid, i64),
    (generation, place): (i32, Position),
) -> sqlx::Result<()> {
    sqlx::query!(
        "update followers set generation = $3, transaction = $4::text::xid8, id = $5 where ccid = $1 and lane = $2",
        ccid.as_uuid(),
        lane,
        generation,
        place.transaction.to_string(),
        place.id,
    )
    .execute(connection)
    .await?;
    Ok(())
}
