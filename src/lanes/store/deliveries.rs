use sqlx::PgConnection;
use uuid::Uuid;

use crate::lanes::model::{Delivery, LaneId, Life, Place};
use crate::values::{Ccid, MessageId, Priority};

macro_rules! delivery {
    ($row:expr) => {
        Delivery {
            ccid: Ccid::from_uuid($row.ccid),
            lane: LaneId($row.lane),
            place: Place {
                stamp: $row.stamp,
                own: $row.own,
                id: MessageId::from_i64($row.id),
            },
            priority: Priority::from_i16($row.priority).unwrap_or(Priority::Normal),
            attempt: $row.attempt,
            due_at: $row.due_at,
            expires_at: $row.expires_at,
            holds_until: $row.holds_until,
            announced_at: $row.announced_at,
        }
    };
}

/// Reads what may be sent at once, in the lane's order, beginning after a place.
pub async fn read_forward(
    connection: &mut PgConnection,
    (ccid, lane): (Ccid, LaneId),
    after: Place,
    limit: i64,
) -> sqlx::Result<Vec<Delivery>> {
    let rows = sqlx::query!(
        "select ccid, lane, stamp, own, id, priority, attempt, due_at, expires_at, holds_until, announced_at
         from deliveries
         where ccid = $1 and lane = $2 and (stamp, own, id) > ($3, $4, $5) and due_at is null
         order by stamp, own, id
         limit $6",
        ccid.as_uuid(),
        lane.0,
        after.stamp,
        after.own,
        after.id.as_i64(),
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| delivery!(row)).collect())
}

/// Reads what waits for a time up to `until_ms`, in the order (due time, id), beginning after such a place.
pub async fn read_due(
    connection: &mut PgConnection,
    lane: LaneId,
    ((after_ms, after_id), until_ms): ((i64, MessageId), i64),
    limit: i64,
) -> sqlx::Result<Vec<Delivery>> {
    let rows = sqlx::query!(
        "select ccid, lane, stamp, own, id, priority, attempt, due_at, expires_at, holds_until, announced_at
         from deliveries
         where lane = $1 and (due_at, id) > ($2, $3) and due_at <= $4
         order by due_at, id
         limit $5",
        lane.0,
        after_ms,
        after_id.as_i64(),
        until_ms,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| delivery!(row)).collect())
}

/// Reads what waits for a retry and still holds its successors.
pub async fn read_holding(
    connection: &mut PgConnection,
    lane: LaneId,
    now_ms: i64,
    limit: i64,
) -> sqlx::Result<Vec<Delivery>> {
    let rows = sqlx::query!(
        "select ccid, lane, stamp, own, id, priority, attempt, due_at, expires_at, holds_until, announced_at
         from deliveries
         where lane = $1 and due_at is not null and holds_until > $2
         order by due_at
         limit $3",
        lane.0,
        now_ms,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| delivery!(row)).collect())
}

/// The deliveries that fall due first after `after_ms`, with their times.
pub async fn next_due(
    connection: &mut PgConnection,
    lane: LaneId,
    after_ms: i64,
    limit: i64,
) -> sqlx::Result<Vec<(Place, i64)>> {
    let rows = sqlx::query!(
        r#"select stamp, own, id, due_at as "due_at!" from deliveries
           where lane = $1 and due_at > $2
           order by due_at, id
           limit $3"#,
        lane.0,
        after_ms,
        limit,
    )
    .fetch_all(connection)
    .await?;
    let first = rows.into_iter().map(|row| {
        let place = Place {
            stamp: row.stamp,
            own: row.own,
            id: MessageId::from_i64(row.id),
        };
        (place, row.due_at)
    });
    Ok(first.collect())
}

/// How many deliveries wait in a lane or are under way, counted up to `count_max`.
pub async fn backlog(
    connection: &mut PgConnection,
    (ccid, lane): (Ccid, LaneId),
    count_max: i64,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from (
               select 1 from deliveries where ccid = $1 and lane = $2 limit $3
           ) counted"#,
        ccid.as_uuid(),
        lane.0,
        count_max,
    )
    .fetch_one(connection)
    .await
}

/// A message that is to be sent out of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    pub id: MessageId,
    pub lane: LaneId,
    pub priority: Priority,
}

/// Puts messages of a tenant into their lanes as if another replica had accepted them, whoever owns the lanes. Within
/// a lane they come in the order of their ids, behind everything that is there.
pub async fn enqueue(
    connection: &mut PgConnection,
    ccid: Ccid,
    waiting: &[Waiting],
    expires_at: i64,
) -> sqlx::Result<()> {
    let ids: Vec<i64> = waiting.iter().map(|one| one.id.as_i64()).collect();
    let lanes: Vec<i64> = waiting.iter().map(|one| one.lane.0).collect();
    let priorities: Vec<i16> = waiting.iter().map(|one| one.priority.as_i16()).collect();
    sqlx::query!(
        "with raised as (
             update lanes set stamp = stamp + 1
             where lane in (select lane from lanes where ccid = $1 and lane = any($3) order by lane for update)
             returning lane, stamp
         )
         insert into deliveries (ccid, lane, stamp, own, id, priority, expires_at)
         select $1, raised.lane, raised.stamp, false, waiting.id, waiting.priority, $5
         from unnest($2::bigint[], $3::bigint[], $4::smallint[]) as waiting (id, lane, priority)
         join raised on raised.lane = waiting.lane",
        ccid.as_uuid(),
        &ids,
        &lanes,
        &priorities,
        expires_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes that attempts of these deliveries are about to begin; `false` where the life has ended.
/// No byte of an attempt whose repeat is not safe leaves before this is durable.
pub async fn announce(
    connection: &mut PgConnection,
    life: Life,
    deliveries: &[&Delivery],
    now_ms: i64,
) -> sqlx::Result<bool> {
    let keys = DeliveryKeys::of(deliveries.iter().copied());
    sqlx::query_scalar!(
        r#"with me as materialized (
               select 1 from lives where number = $1 and life = $2 and ended_at is null for share
           ),
           announced as (
               -- Never before it fell due, whatever the clock does: what is due after its announcement is held.
               update deliveries d set announced_at = greatest($3, d.due_at)
               from unnest($4::uuid[], $5::bigint[], $6::bigint[], $7::boolean[], $8::bigint[]) as a (ccid, lane, stamp, own, id)
               where d.ccid = a.ccid and d.lane = a.lane and d.stamp = a.stamp and d.own = a.own and d.id = a.id
                 and exists (select 1 from me)
           )
           select exists (select 1 from me) as "stands!""#,
        life.number,
        life.life,
        now_ms,
        &keys.ccid,
        &keys.lane,
        &keys.stamp,
        &keys.own,
        &keys.id,
    )
    .fetch_one(connection)
    .await
}

/// Primary keys of deliveries as columns.
#[derive(Debug, Default)]
pub struct DeliveryKeys {
    pub ccid: Vec<Uuid>,
    pub lane: Vec<i64>,
    pub stamp: Vec<i64>,
    pub own: Vec<bool>,
    pub id: Vec<i64>,
}

impl DeliveryKeys {
    /// In the order in which they are given.
    pub fn of<'a>(deliveries: impl Iterator<Item = &'a Delivery>) -> Self {
        let mut keys = Self::default();
        for delivery in deliveries {
            keys.ccid.push(delivery.ccid.as_uuid());
            keys.lane.push(delivery.lane.0);
            keys.stamp.push(delivery.place.stamp);
            keys.own.push(delivery.place.own);
            keys.id.push(delivery.place.id.as_i64());
        }
        keys
    }
}
