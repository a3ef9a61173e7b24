//! What an owner writes itself, beside the results of attempts.

use sqlx::PgConnection;

use crate::lanes::model::{LaneId, Life};

/// Whether a life still stands; it goes on standing until the caller's transaction ends.
pub async fn stands(connection: &mut PgConnection, life: Life) -> sqlx::Result<bool> {
    let found = sqlx::query_scalar!(
        r#"select 1 as "one!" from lives where number = $1 and life = $2 and ended_at is null for share"#,
        life.number,
        life.life,
    )
    .fetch_optional(connection)
    .await?;
    Ok(found.is_some())
}

/// What an owner has found out about its endpoint. Times are Unix milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct RowChange<'a> {
    pub parked_until: Option<i64>,
    pub failures_in_a_row: i32,
    pub failing_since: Option<i64>,
    pub pause: bool,
    pub last_error: Option<&'a str>,
}

/// Writes it into the lane's row, within a transaction in which the owner's life stands.
pub async fn change_row(
    connection: &mut PgConnection,
    lane: LaneId,
    change: &RowChange<'_>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update lanes set parked_until = $2, failures_in_a_row = $3, failing_since = $4, paused = paused or $5,
                last_error = $6
         where lane = $1",
        lane.0,
        change.parked_until,
        change.failures_in_a_row,
        change.failing_since,
        change.pause,
        change.last_error,
    )
    .execute(connection)
    .await?;
    Ok(())
}
