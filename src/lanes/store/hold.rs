//! The hold after a restore to a point in time: one row, which every replica sees with its tick.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::values::{Ccid, MessageId};

/// How far a hold that is in force has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldPhase {
    /// What was queued is being marked; nobody owns a lane.
    Marking,
    /// Everything is marked; lanes are owned, and nothing begins in them.
    Held,
}

impl HoldPhase {
    /// As the tick's statement tells it; 0 is no hold.
    pub(super) fn from_number(number: i32) -> Option<Self> {
        match number {
            1 => Some(Self::Marking),
            2 => Some(Self::Held),
            _ => None,
        }
    }
}

/// What asking for a hold came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldAsked {
    Begun,
    /// It is in force for this restore since an earlier start.
    InForce,
    /// This restore was held and released before.
    ReleasedBefore,
}

/// Puts a hold in force, unless there was one for these data already. Data are others once they were restored: then
/// the cluster, its timeline, the database or the table itself is another.
pub async fn ask_for_hold(connection: &mut PgConnection) -> sqlx::Result<HoldAsked> {
    let begun = sqlx::query!(
        "insert into restore_hold as hold (data, began_at, frontier)
         select here.data, now_ms,
                -- A server whose clock is behind has messages from its future; the beats tell how far.
                ((greatest(now_ms, (select max(beat) from replicas)) - 1577836800000) << 22)
         from (select format('%s %s %s %s', (select system_identifier from pg_control_system()),
                             left(pg_walfile_name(pg_current_wal_lsn()), 8),
                             (select oid from pg_database where datname = current_database()),
                             'restore_hold'::regclass::oid) as data,
                      (extract(epoch from clock_timestamp()) * 1000)::bigint as now_ms) here
         on conflict (only_row) do update
         set data = excluded.data, began_at = excluded.began_at, frontier = excluded.frontier, ccid = null, lane = null,
             stamp = null, own = null, id = null, marked = 0, is_marked = false, released_at = null
         where hold.data <> excluded.data",
    )
    .execute(&mut *connection)
    .await?;
    if begun.rows_affected() > 0 {
        return Ok(HoldAsked::Begun);
    }
    let in_force = is_held(connection).await?;
    Ok(if in_force {
        HoldAsked::InForce
    } else {
        HoldAsked::ReleasedBefore
    })
}

/// Whether a hold is in force.
pub async fn is_held(connection: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select 1 from restore_hold where released_at is null) as "held!""#
    )
    .fetch_one(connection)
    .await
}

/// Some deliveries of the restore, looked through in the order of their key.
#[derive(Debug)]
pub struct MarkedBatch {
    /// Those that may have been sent.
    pub messages: Vec<(Ccid, MessageId)>,
    /// Nothing is behind them.
    pub is_last: bool,
}

/// Announces the next deliveries that were accepted before the restore and were due by then: each may have been sent
/// after the point in time. Within the caller's transaction. `None` where there is nothing to mark, or somebody else
/// is at it.
///
/// What falls due later cannot have been sent, and what waits for a receipt is announced already.
pub async fn mark_some(
    connection: &mut PgConnection,
    limit: i64,
) -> sqlx::Result<Option<MarkedBatch>> {
    let hold = sqlx::query_as!(
        Marking,
        "select began_at, frontier, ccid, lane, stamp, own, id from restore_hold
         where released_at is null and not is_marked for update skip locked"
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(hold) = hold else { return Ok(None) };
    let rows = announce_some(connection, &hold, limit).await?;
    let is_last = i64::try_from(rows.len()).is_ok_and(|read| read < limit);
    let announced = rows.iter().filter(|row| row.announced).count();
    let last = rows.last();
    sqlx::query!(
        "update restore_hold
         set ccid = coalesce($1, ccid), lane = coalesce($2, lane), stamp = coalesce($3, stamp), own = coalesce($4, own),
             id = coalesce($5, id), marked = marked + $6, is_marked = $7",
        last.map(|row| row.ccid),
        last.map(|row| row.lane),
        last.map(|row| row.stamp),
        last.map(|row| row.own),
        last.map(|row| row.id),
        i64::try_from(announced).unwrap_or(i64::MAX),
        is_last,
    )
    .execute(connection)
    .await?;
    let messages = rows
        .into_iter()
        .filter(|row| row.announced)
        .map(|row| (Ccid::from_uuid(row.ccid), MessageId::from_i64(row.id)));
    Ok(Some(MarkedBatch {
        messages: messages.collect(),
        is_last,
    }))
}

/// Goes on after the last delivery that was looked at.
async fn announce_some(
    connection: &mut PgConnection,
    hold: &Marking,
    limit: i64,
) -> sqlx::Result<Vec<LookedAt>> {
    sqlx::query_as!(
        LookedAt,
        r#"with looked_at as materialized (
               select d.ccid, d.lane, d.stamp, d.own, d.id from deliveries d
               where (d.ccid, d.lane, d.stamp, d.own, d.id) > ($1, $2, $3, $4, $5)
                 -- Lane 0 is ballast.
                 and d.lane > 0
               order by d.ccid, d.lane, d.stamp, d.own, d.id
               limit $6
           ),
           announced as (
               update deliveries d set announced_at = coalesce(d.announced_at, $7)
               from looked_at l
               where d.ccid = l.ccid and d.lane = l.lane and d.stamp = l.stamp and d.own = l.own and d.id = l.id
                 and d.id < $8 and (d.due_at is null or d.due_at <= coalesce(d.announced_at, $7))
               returning d.ccid, d.lane, d.stamp, d.own, d.id
           )
           select l.ccid, l.lane, l.stamp, l.own, l.id, a.id is not null as "announced!"
           from looked_at l
           left join announced a on a.ccid = l.ccid and a.lane = l.lane and a.stamp = l.stamp and a.own = l.own
                                and a.id = l.id
           order by l.ccid, l.lane, l.stamp, l.own, l.id"#,
        hold.ccid.unwrap_or_default(),
        hold.lane.unwrap_or(i64::MIN),
        hold.stamp.unwrap_or(i64::MIN),
        hold.own.unwrap_or(false),
        hold.id.unwrap_or(i64::MIN),
        limit,
        hold.began_at,
        hold.frontier,
    )
    .fetch_all(connection)
    .await
}

/// How far the marking has come: the last delivery that was looked at.
struct Marking {
    began_at: i64,
    frontier: i64,
    ccid: Option<Uuid>,
    lane: Option<i64>,
    stamp: Option<i64>,
    own: Option<bool>,
    id: Option<i64>,
}

struct LookedAt {
    ccid: Uuid,
    lane: i64,
    stamp: i64,
    own: bool,
    id: i64,
    announced: bool,
}

/// What letting go came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Released {
    /// The lanes are open. Messages that the restore made Unknown.
    Now {
        marked: i64,
    },
    NothingHeld,
    /// Not everything is marked yet: so many are.
    StillMarking {
        marked: i64,
    },
}

/// Lets everything go that a restore holds.
pub async fn release_hold(connection: &mut PgConnection) -> sqlx::Result<Released> {
    let released = sqlx::query_scalar!(
        "update restore_hold set released_at = (extract(epoch from clock_timestamp()) * 1000)::bigint
         where released_at is null and is_marked
         returning marked"
    )
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(marked) = released {
        return Ok(Released::Now { marked });
    }
    let marking = sqlx::query_scalar!("select marked from restore_hold where released_at is null")
        .fetch_optional(connection)
        .await?;
    Ok(
        marking.map_or(Released::NothingHeld, |marked| Released::StillMarking {
            marked,
        }),
    )
}
