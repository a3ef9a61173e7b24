//! All SQL over replays.

use sqlx::PgConnection;

use super::model::{Figures, Held, Job, Progress, Replay, Wanted};
use crate::lanes::model::Life;
use crate::platform::job::JobState;
use crate::values::{Ccid, MessageId, ReplayId};

macro_rules! replay {
    ($row:expr) => {
        Replay {
            id: ReplayId::from_i64($row.id),
            state: JobState::from_i16($row.state),
            wanted: Wanted {
                filter: $row.filter,
                rate_per_second: $row.rate_per_second,
                dry_run: $row.dry_run,
            },
            figures: Figures {
                matched: $row.matched,
                queued: $row.queued,
                skipped: $row.skipped,
            },
            created_at: $row.created_at,
            ended_at: $row.ended_at,
        }
    };
}

/// Counts a tenant's running jobs, and lets nobody else begin one before the transaction has ended.
pub async fn count_running(connection: &mut PgConnection, ccid: Ccid) -> sqlx::Result<i64> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('replays of ' || $1::uuid::text, 0))",
        ccid.as_uuid(),
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query_scalar!(
        r#"select count(*) as "running!" from replays where ccid = $1 and state = 0"#,
        ccid.as_uuid(),
    )
    .fetch_one(connection)
    .await
}

/// Adds a job that nobody works on yet.
pub async fn insert(
    connection: &mut PgConnection,
    ccid: Ccid,
    id: ReplayId,
    (wanted, now_ms): (&Wanted, i64),
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into replays (ccid, id, filter, rate_per_second, dry_run, created_at) values ($1, $2, $3, $4, $5, $6)",
        ccid.as_uuid(),
        id.as_i64(),
        wanted.filter,
        wanted.rate_per_second,
        wanted.dry_run,
        now_ms,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets a tenant's oldest jobs that have ended, but for so many.
pub async fn forget_all_but(
    connection: &mut PgConnection,
    ccid: Ccid,
    ended_max: i64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from replays where ccid = $1 and state <> 0 and id <= (
             select id from replays where ccid = $1 and state <> 0 order by id desc offset $2 limit 1
         )",
        ccid.as_uuid(),
        ended_max,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The filters of all of a tenant's jobs.
pub async fn filters(
    connection: &mut PgConnection,
    ccid: Ccid,
) -> sqlx::Result<Vec<(ReplayId, String)>> {
    let rows = sqlx::query!(
        "select id, filter from replays where ccid = $1",
        ccid.as_uuid()
    )
    .fetch_all(connection)
    .await?;
    let filters = rows
        .into_iter()
        .map(|row| (ReplayId::from_i64(row.id), row.filter));
    Ok(filters.collect())
}

/// Forgets jobs; one that runs does nothing more.
pub async fn forget(
    connection: &mut PgConnection,
    ccid: Ccid,
    ids: &[ReplayId],
) -> sqlx::Result<()> {
    let ids: Vec<i64> = ids.iter().map(|id| id.as_i64()).collect();
    sqlx::query!(
        "delete from replays where ccid = $1 and id = any($2)",
        ccid.as_uuid(),
        &ids,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets jobs that ended before a time, at most `limit`.
pub async fn forget_ended_before(
    connection: &mut PgConnection,
    before_ms: i64,
    limit: i64,
) -> sqlx::Result<u64> {
    let gone = sqlx::query!(
        "delete from replays where (ccid, id) in (select ccid, id from replays where ended_at < $1 limit $2)",
        before_ms,
        limit,
    )
    .execute(connection)
    .await?;
    Ok(gone.rows_affected())
}

pub async fn find(
    connection: &mut PgConnection,
    ccid: Ccid,
    id: ReplayId,
) -> sqlx::Result<Option<Replay>> {
    let row = sqlx::query!(
        "select id, state, filter, rate_per_second, dry_run, matched, queued, skipped, created_at, ended_at
         from replays where ccid = $1 and id = $2",
        ccid.as_uuid(),
        id.as_i64(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| replay!(row)))
}

/// A tenant's jobs, newest first, below an id.
pub async fn list(
    connection: &mut PgConnection,
    ccid: Ccid,
    before: Option<ReplayId>,
    limit: i64,
) -> sqlx::Result<Vec<Replay>> {
    let rows = sqlx::query!(
        "select id, state, filter, rate_per_second, dry_run, matched, queued, skipped, created_at, ended_at
         from replays where ccid = $1 and id < $2 order by id desc limit $3",
        ccid.as_uuid(),
        before.map_or(i64::MAX, ReplayId::as_i64),
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| replay!(row)).collect())
}

/// Cancels a job that runs, once the step that is under way has ended; `false` where it does not run.
pub async fn cancel(
    connection: &mut PgConnection,
    ccid: Ccid,
    id: ReplayId,
    now_ms: i64,
) -> sqlx::Result<bool> {
    let cancelled = sqlx::query!(
        "update replays set state = 2, ended_at = $3 where ccid = $1 and id = $2 and state = 0",
        ccid.as_uuid(),
        id.as_i64(),
        now_ms,
    )
    .execute(connection)
    .await?;
    Ok(cancelled.rows_affected() > 0)
}

/// Whether any job of anybody's runs.
pub async fn any_running(connection: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select exists (select 1 from replays where state = 0) as "running!""#)
        .fetch_one(connection)
        .await
}

/// Takes running jobs that no standing life works on, and answers those and the ones that were this life's before.
pub async fn claim(
    connection: &mut PgConnection,
    life: Life,
    standing: &[Life],
    limit: i64,
) -> sqlx::Result<Vec<Held>> {
    let numbers: Vec<i16> = standing.iter().map(|life| life.number).collect();
    let lives: Vec<i64> = standing.iter().map(|life| life.life).collect();
    let rows = sqlx::query!(
        "update replays r set owner_number = $1, owner_life = $2
         from (
             select ccid, id from replays
             where state = 0
               and ((owner_number = $1 and owner_life = $2) or owner_number is null
                    or (owner_number, owner_life) not in (select * from unnest($3::smallint[], $4::bigint[])))
             order by id
             limit $5
             for update skip locked
         ) free
         where r.ccid = free.ccid and r.id = free.id
         returning r.ccid, r.id",
        life.number,
        life.life,
        &numbers,
        &lives,
        limit,
    )
    .fetch_all(connection)
    .await?;
    let held = rows.into_iter().map(|row| Held {
        ccid: Ccid::from_uuid(row.ccid),
        id: ReplayId::from_i64(row.id),
        life,
    });
    Ok(held.collect())
}

/// Leaves a life's jobs to others.
pub async fn release(connection: &mut PgConnection, life: Life) -> sqlx::Result<()> {
    sqlx::query!(
        "update replays set owner_number = null, owner_life = null
         where state = 0 and owner_number = $1 and owner_life = $2",
        life.number,
        life.life,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A job as it stands; `None` where it does not run any more or is another's.
pub async fn job(connection: &mut PgConnection, held: Held) -> sqlx::Result<Option<Job>> {
    let row = sqlx::query!(
        "select filter, rate_per_second, dry_run, created_at, matched, queued, skipped, counted, place, next_at
         from replays
         where ccid = $1 and id = $2 and state = 0 and owner_number = $3 and owner_life = $4",
        held.ccid.as_uuid(),
        held.id.as_i64(),
        held.life.number,
        held.life.life,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Job {
        wanted: Wanted {
            filter: row.filter,
            rate_per_second: row.rate_per_second,
            dry_run: row.dry_run,
        },
        created_at: row.created_at,
        progress: Progress {
            figures: Figures {
                matched: row.matched,
                queued: row.queued,
                skipped: row.skipped,
            },
            counted: row.counted,
            place: MessageId::from_i64(row.place),
            next_at: row.next_at,
        },
    }))
}

/// Keeps a job as it is to the end of the transaction; `false` where it is not any more as it was read.
pub async fn lock(
    connection: &mut PgConnection,
    held: Held,
    before: &Progress,
) -> sqlx::Result<bool> {
    let locked = sqlx::query!(
        r#"select 1 as "one!" from replays
           where ccid = $1 and id = $2 and state = 0 and owner_number = $3 and owner_life = $4
             and place = $5 and counted = $6
           for update"#,
        held.ccid.as_uuid(),
        held.id.as_i64(),
        held.life.number,
        held.life.life,
        before.place.as_i64(),
        before.counted,
    )
    .fetch_optional(connection)
    .await?;
    Ok(locked.is_some())
}

/// Moves a job that is [locked](lock) on; with `ended_at` it is completed.
pub async fn advance(
    connection: &mut PgConnection,
    held: Held,
    after: &Progress,
    ended_at: Option<i64>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update replays
         set matched = $3, queued = $4, skipped = $5, counted = $6, place = $7, next_at = $8, ended_at = $9,
             state = case when $9::bigint is null then 0 else 1 end
         where ccid = $1 and id = $2",
        held.ccid.as_uuid(),
        held.id.as_i64(),
        after.figures.matched,
        after.figures.queued,
        after.figures.skipped,
        after.counted,
        after.place.as_i64(),
        after.next_at,
        ended_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}
