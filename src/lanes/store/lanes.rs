use sqlx::PgConnection;
use uuid::Uuid;

use crate::lanes::model::{LaneId, Life};
use crate::values::{Ccid, MessageId};

/// Finds the lane of one destination, or makes it without an owner. Never deletes: what waits in it keeps its place.
pub async fn ensure_lane(
    connection: &mut PgConnection,
    ccid: Ccid,
    connector: &str,
    target: &str,
) -> sqlx::Result<LaneId> {
    sqlx::query_scalar!(
        r#"with made as (
               insert into lanes (ccid, connector, target) values ($1, $2, $3)
               on conflict (ccid, connector, target) do nothing
               returning lane
           )
           select lane as "lane!" from made
           union all
           select lane from lanes where ccid = $1 and connector = $2 and target = $3
           limit 1"#,
        ccid.as_uuid(),
        connector,
        target,
    )
    .fetch_one(connection)
    .await
    .map(LaneId)
}

/// A lane as its new owner finds it.
#[derive(Debug)]
pub struct LaneRow {
    pub lane: LaneId,
    pub ccid: Ccid,
    pub connector: String,
    pub paused: bool,
    pub parked_until: Option<i64>,
    pub failures_in_a_row: i32,
    /// When the first of them came, Unix milliseconds.
    pub failing_since: Option<i64>,
    /// Whether anything waits in it.
    pub has_rows: bool,
}

/// Takes up to `limit` lanes without an owner for a standing life.
pub async fn claim_lanes(
    connection: &mut PgConnection,
    life: Life,
    limit: usize,
) -> sqlx::Result<Vec<LaneRow>> {
    let rows = sqlx::query!(
        r#"with me as materialized (
               select 1 from lives where number = $1 and life = $2 and ended_at is null for share
           ),
           free as materialized (
               select lane from lanes where owner_number is null order by lane limit $3 for update skip locked
           )
           update lanes l
           -- What the new owner accepts comes after what the old one did, whatever their ids.
           set owner_number = $1, owner_life = $2, stamp = l.stamp + 1
           from free
           where l.lane = free.lane and exists (select 1 from me)
           returning l.lane, l.ccid, l.connector, l.paused, l.parked_until, l.failures_in_a_row, l.failing_since,
                     exists (select 1 from deliveries d where d.ccid = l.ccid and d.lane = l.lane) as "has_rows!""#,
        life.number,
        life.life,
        i64::try_from(limit).unwrap_or(i64::MAX),
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| LaneRow {
            lane: LaneId(row.lane),
            ccid: Ccid::from_uuid(row.ccid),
            connector: row.connector,
            paused: row.paused,
            parked_until: row.parked_until,
            failures_in_a_row: row.failures_in_a_row,
            failing_since: row.failing_since,
            has_rows: row.has_rows,
        })
        .collect())
}

/// The lanes that a life owns.
pub async fn lanes_of_life(
    connection: &mut PgConnection,
    life: Life,
) -> sqlx::Result<Vec<LaneRow>> {
    let rows = sqlx::query!(
        r#"select l.lane, l.ccid, l.connector, l.paused, l.parked_until, l.failures_in_a_row, l.failing_since,
                  exists (select 1 from deliveries d where d.ccid = l.ccid and d.lane = l.lane) as "has_rows!"
           from lanes l where l.owner_number = $1 and l.owner_life = $2"#,
        life.number,
        life.life,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| LaneRow {
            lane: LaneId(row.lane),
            ccid: Ccid::from_uuid(row.ccid),
            connector: row.connector,
            paused: row.paused,
            parked_until: row.parked_until,
            failures_in_a_row: row.failures_in_a_row,
            failing_since: row.failing_since,
            has_rows: row.has_rows,
        })
        .collect())
}

/// Gives lanes of a life back.
pub async fn release_lanes(
    connection: &mut PgConnection,
    life: Life,
    lanes: &[i64],
) -> sqlx::Result<()> {
    sqlx::query!(
        // In the order in which accepts lock lanes, so that the two never wait for each other in a circle.
        "update lanes set owner_number = null, owner_life = null
         where lane in (select lane from lanes where lane = any($3) and owner_number = $1 and owner_life = $2
                        order by lane for update)",
        life.number,
        life.life,
        lanes,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Of the given lanes, those in which anything waits, and those that are paused.
pub async fn lanes_to_look_at(
    connection: &mut PgConnection,
    lanes: &[i64],
) -> sqlx::Result<Vec<LaneId>> {
    sqlx::query_scalar!(
        r#"select l.lane as "lane!" from lanes l
           where l.lane = any($1)
             and (l.paused or exists (select 1 from deliveries d where d.ccid = l.ccid and d.lane = l.lane))"#,
        lanes,
    )
    .fetch_all(connection)
    .await
    .map(|lanes| lanes.into_iter().map(LaneId).collect())
}

/// Of the given lanes, those in which something could be sent now: the net under lost wake-ups.
pub async fn lanes_with_work(
    connection: &mut PgConnection,
    lanes: &[i64],
    now_ms: i64,
) -> sqlx::Result<Vec<LaneId>> {
    sqlx::query_scalar!(
        r#"select l.lane as "lane!" from lanes l
           where l.lane = any($1)
             and exists (select 1 from deliveries d where d.ccid = l.ccid and d.lane = l.lane
                         and (d.due_at is null or d.due_at <= $2))"#,
        lanes,
        now_ms,
    )
    .fetch_all(connection)
    .await
    .map(|lanes| lanes.into_iter().map(LaneId).collect())
}

/// Why nothing is sent in a lane until somebody says otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stoppages {
    /// An operator (or a 410) has paused it.
    pub paused: bool,
    /// Everything is held since a restore.
    pub held: bool,
}

/// What stops a lane.
pub async fn stoppages(connection: &mut PgConnection, lane: LaneId) -> sqlx::Result<Stoppages> {
    sqlx::query_as!(
        Stoppages,
        r#"select paused, exists (select 1 from restore_hold where released_at is null) as "held!"
           from lanes where lane = $1"#,
        lane.0
    )
    .fetch_one(connection)
    .await
}

/// What a lane's row says about sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowBrakes {
    pub paused: bool,
    /// Whether its breaker has parked it.
    pub parked: bool,
}

/// Whether a lane is to send, as its owner's results and its tenant's people have left it.
pub async fn brakes(connection: &mut PgConnection, lane: LaneId) -> sqlx::Result<RowBrakes> {
    sqlx::query_as!(
        RowBrakes,
        r#"select paused, parked_until is not null as "parked!" from lanes where lane = $1"#,
        lane.0,
    )
    .fetch_one(connection)
    .await
}

/// What a lane's row said before it was changed.
#[derive(Debug)]
pub struct LaneBefore {
    pub target: String,
    pub paused: bool,
    /// Whether its breaker had parked it.
    pub parked: bool,
}

/// Pauses or resumes a tenant's lane; `None` if it has none of that number.
pub async fn set_paused(
    connection: &mut PgConnection,
    ccid: Ccid,
    lane: LaneId,
    paused: bool,
) -> sqlx::Result<Option<LaneBefore>> {
    sqlx::query_as!(
        LaneBefore,
        r#"with before as materialized (
               select lane, target, paused, parked_until is not null as parked from lanes
               where lane = $2 and ccid = $1 for update
           ),
           changed as (
               update lanes l set paused = $3, parked_until = null, failures_in_a_row = 0, failing_since = null
               from before where l.lane = before.lane
           )
           select target, paused, parked as "parked!" from before"#,
        ccid.as_uuid(),
        lane.0,
        paused,
    )
    .fetch_optional(connection)
    .await
}

/// Tells every replica's listener that these lanes have something new. Not part of any transaction of an accept:
/// notifying takes a lock of the whole cluster at commit.
pub async fn notify(
    connection: &mut PgConnection,
    channel: &str,
    payload: &str,
) -> sqlx::Result<()> {
    sqlx::query!("select pg_notify($1, $2)", channel, payload)
        .execute(connection)
        .await?;
    Ok(())
}

/// One lane and what it is for.
#[derive(Debug)]
pub struct LaneTarget {
    pub lane: LaneId,
    pub ccid: Ccid,
    pub connector: String,
    pub target: String,
}

/// Every lane of these tenants, also those whose destination was removed: what waits in them is still somebody's work.
pub async fn lanes_of_tenants(
    connection: &mut PgConnection,
    tenants: &[Uuid],
) -> sqlx::Result<Vec<LaneTarget>> {
    let rows = sqlx::query!(
        "select lane, ccid, connector, target from lanes where ccid = any($1) order by lane",
        tenants
    )
    .fetch_all(connection)
    .await?;
    let targets = rows.into_iter().map(|row| LaneTarget {
        lane: LaneId(row.lane),
        ccid: Ccid::from_uuid(row.ccid),
        connector: row.connector,
        target: row.target,
    });
    Ok(targets.collect())
}

/// A destination as its tenant sees it. Times are Unix milliseconds.
#[derive(Debug)]
pub struct Endpoint {
    pub lane: LaneId,
    pub connector: String,
    pub target: String,
    pub paused: bool,
    /// Everything is held since a restore.
    pub held: bool,
    pub parked_until: Option<i64>,
    pub failures_in_a_row: i32,
    pub last_error: Option<String>,
    /// Deliveries that wait or are under way, counted up to 10,000.
    pub backlog: i64,
    /// Open attempts when the lane's owner last ticked.
    pub in_flight: i32,
    /// The earliest time for which a delivery waits, or waited if it is under way.
    pub earliest_due: Option<i64>,
    /// The first delivery in the lane's order that may be sent at once. Only the first hundred are looked through, so
    /// it may be missed behind more than that which wait for a time.
    pub first_ready: Option<MessageId>,
}

/// A longer backlog is shown as this long: counting millions would hold up the page.
pub const BACKLOG_COUNTED_MAX: i64 = 10_000;

/// Destinations of a tenant above a number, in the order of their numbers.
pub async fn endpoints(
    connection: &mut PgConnection,
    ccid: Ccid,
    (after, limit): (i64, i64),
) -> sqlx::Result<Vec<Endpoint>> {
    let rows = sqlx::query!(
        r#"select l.lane, l.connector, l.target, l.paused, l.parked_until, l.failures_in_a_row, l.last_error,
                  exists (select 1 from restore_hold where released_at is null) as "held!",
                  (select count(*) from (
                       select 1 from deliveries d where d.ccid = l.ccid and d.lane = l.lane limit $4
                   ) counted) as "backlog!",
                  coalesce((select busy.open from replicas r, unnest(r.busy_lanes, r.busy_attempts) as busy (lane, open)
                            where r.number = l.owner_number and r.life = l.owner_life and busy.lane = l.lane), 0)
                      as "in_flight!",
                  (select min(d.due_at) from deliveries d where d.lane = l.lane and d.due_at is not null) as earliest_due,
                  (select first.id from (
                       select d.stamp, d.own, d.id, d.due_at from deliveries d where d.ccid = l.ccid and d.lane = l.lane
                       order by d.stamp, d.own, d.id limit 100
                   ) first where first.due_at is null order by first.stamp, first.own, first.id limit 1) as first_ready
           from lanes l
           where l.ccid = $1 and l.lane > $2
           order by l.lane
           limit $3"#,
        ccid.as_uuid(),
        after,
        limit,
        BACKLOG_COUNTED_MAX,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Endpoint {
            lane: LaneId(row.lane),
            connector: row.connector,
            target: row.target,
            paused: row.paused,
            held: row.held,
            parked_until: row.parked_until,
            failures_in_a_row: row.failures_in_a_row,
            last_error: row.last_error,
            backlog: row.backlog,
            in_flight: row.in_flight,
            earliest_due: row.earliest_due,
            first_ready: row.first_ready.map(MessageId::from_i64),
        })
        .collect())
}
