use sqlx::PgConnection;

use crate::lanes::model::LaneId;
use crate::values::{Ccid, MessageId};

/// Which of these messages are still in one of these lanes. A look through all that waits in them.
pub async fn waiting_among(
    connection: &mut PgConnection,
    ccid: Ccid,
    lanes: &[LaneId],
    ids: &[MessageId],
) -> sqlx::Result<Vec<MessageId>> {
    if lanes.is_empty() || ids.is_empty() {
        return Ok(Vec::new());
    }
    let (lanes, ids) = numbers(lanes, ids);
    let found = sqlx::query_scalar!(
        "select id from deliveries where ccid = $1 and lane = any($2) and id = any($3)",
        ccid.as_uuid(),
        &lanes,
        &ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(found.into_iter().map(MessageId::from_i64).collect())
}

/// Takes the deliveries of messages that were called back out of their lanes before their owner meets them.
pub async fn drop_deliveries(
    connection: &mut PgConnection,
    ccid: Ccid,
    lanes: &[LaneId],
    ids: &[MessageId],
) -> sqlx::Result<()> {
    if lanes.is_empty() || ids.is_empty() {
        return Ok(());
    }
    let (lanes, ids) = numbers(lanes, ids);
    sqlx::query!(
        "delete from deliveries where ccid = $1 and lane = any($2) and id = any($3)",
        ccid.as_uuid(),
        &lanes,
        &ids,
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn numbers(lanes: &[LaneId], ids: &[MessageId]) -> (Vec<i64>, Vec<i64>) {
    (
        lanes.iter().map(|lane| lane.0).collect(),
        ids.iter().map(|id| id.as_i64()).collect(),
    )
}
