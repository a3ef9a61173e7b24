use sqlx::PgConnection;
use uuid::Uuid;

use crate::lanes::model::{LaneId, Life};
use crate::values::{Ccid, MessageId};

/// The channel on which owners are told that somebody wants a message called back.
pub const CANCELLATIONS_CHANNEL: &str = "nexus_gateway_cancellations";
/// Wishes that are looked at together.
const WISHES_MAX: i64 = 1_000;

/// A message that is to be called back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancellation {
    pub ccid: Ccid,
    pub id: MessageId,
    pub lane: LaneId,
}

/// Asks the owner of the lane, whoever it is, to call a message back.
pub async fn ask_to_cancel(connection: &mut PgConnection, wish: Cancellation) -> sqlx::Result<()> {
    sqlx::query!(
        "with asked as (
             insert into cancellations (ccid, id, lane) values ($1, $2, $3) on conflict (ccid, id) do nothing
         )
         select pg_notify($4, '')",
        wish.ccid.as_uuid(),
        wish.id.as_i64(),
        wish.lane.0,
        CANCELLATIONS_CHANNEL,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes the wish back; `false` where it was decided before.
pub async fn withdraw_wish(
    connection: &mut PgConnection,
    ccid: Ccid,
    id: MessageId,
) -> sqlx::Result<bool> {
    let gone = sqlx::query!(
        "delete from cancellations where ccid = $1 and id = $2",
        ccid.as_uuid(),
        id.as_i64(),
    )
    .execute(connection)
    .await?;
    Ok(gone.rows_affected() > 0)
}

/// What is to be called back anywhere.
pub async fn wished_cancellations(
    connection: &mut PgConnection,
) -> sqlx::Result<Vec<Cancellation>> {
    let rows = sqlx::query!(
        "select ccid, id, lane from cancellations order by ccid, id limit $1",
        WISHES_MAX
    )
    .fetch_all(connection)
    .await?;
    let wish = |(ccid, id, lane)| Cancellation {
        ccid: Ccid::from_uuid(ccid),
        id: MessageId::from_i64(id),
        lane: LaneId(lane),
    };
    Ok(rows
        .into_iter()
        .map(|row| wish((row.ccid, row.id, row.lane)))
        .collect())
}

/// Takes wishes to decide them within the caller's transaction: those that still stand and whose lanes the life owns.
/// Neither can the wish be taken back until then, nor the lane pass on.
pub async fn take_wishes(
    connection: &mut PgConnection,
    life: Life,
    wishes: &[Cancellation],
) -> sqlx::Result<Vec<(Ccid, MessageId)>> {
    let ccids: Vec<Uuid> = wishes.iter().map(|wish| wish.ccid.as_uuid()).collect();
    let ids: Vec<i64> = wishes.iter().map(|wish| wish.id.as_i64()).collect();
    let rows = sqlx::query!(
        "with me as materialized (
             select 1 from lives where number = $1 and life = $2 and ended_at is null for share
         ),
         mine as materialized (
             select l.lane from lanes l
             where l.owner_number = $1 and l.owner_life = $2 and exists (select 1 from me)
               and l.lane in (select c.lane from unnest($3::uuid[], $4::bigint[]) as wish (ccid, id)
                              join cancellations c on c.ccid = wish.ccid and c.id = wish.id)
             order by l.lane
             for share
         )
         delete from cancellations c
         using unnest($3::uuid[], $4::bigint[]) as wish (ccid, id)
         where c.ccid = wish.ccid and c.id = wish.id and c.lane in (select lane from mine)
         returning c.ccid, c.id",
        life.number,
        life.life,
        &ccids,
        &ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (Ccid::from_uuid(row.ccid), MessageId::from_i64(row.id)))
        .collect())
}
