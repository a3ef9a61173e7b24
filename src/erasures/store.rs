//! All SQL over erasures; what they take away is named in the stores of its owners.

pub mod sealed;

use sqlx::PgConnection;

use super::model::{Erasure, Figures, Job, Progress, Stage};
use crate::platform::job::JobState;
use crate::values::{Ccid, ErasureId, MediaId};

macro_rules! figures {
    ($row:expr) => {
        Figures {
            messages: $row.messages,
            conversations: $row.conversations,
            receipts: $row.receipts,
            events: $row.events,
            files: $row.files,
        }
    };
}

macro_rules! erasure {
    ($row:expr) => {
        Erasure {
            id: ErasureId::from_i64($row.id),
            state: JobState::from_i16($row.state),
            figures: figures!($row),
            person: $row.person,
            dry_run: $row.dry_run,
            created_at: $row.created_at,
            ended_at: $row.ended_at,
        }
    };
}

/// Counts a tenant's running jobs, and lets nobody else begin one before the transaction has ended.
pub async fn count_running(connection: &mut PgConnection, ccid: Ccid) -> sqlx::Result<i64> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('erasures of ' || $1::uuid::text, 0))",
        ccid.as_uuid(),
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query_scalar!(
        r#"select count(*) as "running!" from erasures where ccid = $1 and state = 0"#,
        ccid.as_uuid(),
    )
    .fetch_one(connection)
    .await
}

/// Adds a job.
pub async fn insert(
    connection: &mut PgConnection,
    ccid: Ccid,
    erasure: &Erasure,
    sealed_address: &[u8],
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into erasures (ccid, id, person, sealed_address, dry_run, created_at) values ($1, $2, $3, $4, $5, $6)",
        ccid.as_uuid(),
        erasure.id.as_i64(),
        erasure.person,
        sealed_address,
        erasure.dry_run,
        erasure.created_at,
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
        "delete from erasures where ccid = $1 and state <> 0 and id <= (
             select id from erasures where ccid = $1 and state <> 0 order by id desc offset $2 limit 1
         )",
        ccid.as_uuid(),
        ended_max,
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
        "delete from erasures where (ccid, id) in (select ccid, id from erasures where ended_at < $1 limit $2)",
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
    id: ErasureId,
) -> sqlx::Result<Option<Erasure>> {
    let row = sqlx::query!(
        "select id, state, person, dry_run, messages, conversations, receipts, events, files, created_at, ended_at
         from erasures where ccid = $1 and id = $2",
        ccid.as_uuid(),
        id.as_i64(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| erasure!(row)))
}

/// A tenant's jobs, newest first, below an id.
pub async fn list(
    connection: &mut PgConnection,
    ccid: Ccid,
    before: Option<ErasureId>,
    limit: i64,
) -> sqlx::Result<Vec<Erasure>> {
    let rows = sqlx::query!(
        "select id, state, person, dry_run, messages, conversations, receipts, events, files, created_at, ended_at
         from erasures where ccid = $1 and id < $2 order by id desc limit $3",
        ccid.as_uuid(),
        before.map_or(i64::MAX, ErasureId::as_i64),
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| erasure!(row)).collect())
}

/// Ends a job that runs, once the step that is under way has ended, and forgets whom it was about and what it had
/// found; `false` where it does not run.
pub async fn end(
    connection: &mut PgConnection,
    (ccid, id): (Ccid, ErasureId),
    state: JobState,
    now_ms: i64,
) -> sqlx::Result<bool> {
    let ended = sqlx::query!(
        "update erasures set state = $3, ended_at = $4, sealed_address = null
         where ccid = $1 and id = $2 and state = 0",
        ccid.as_uuid(),
        id.as_i64(),
        state.as_i16(),
        now_ms,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "with subjects as (delete from erased_subjects where ccid = $1 and erasure = $2)
         delete from erased_files where ccid = $1 and erasure = $2",
        ccid.as_uuid(),
        id.as_i64(),
    )
    .execute(connection)
    .await?;
    Ok(ended.rows_affected() > 0)
}

/// The job that has waited longest for its next step, and since when it is due, which may be in the time to come.
pub async fn first_due(
    connection: &mut PgConnection,
) -> sqlx::Result<Option<((Ccid, ErasureId), i64)>> {
    let row = sqlx::query!(
        "select ccid, id, next_at from erasures where state = 0 order by next_at, id limit 1"
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| {
        (
            (Ccid::from_uuid(row.ccid), ErasureId::from_i64(row.id)),
            row.next_at,
        )
    }))
}

/// A running job, which stays as it is to the end of the transaction.
pub async fn lock(
    connection: &mut PgConnection,
    (ccid, id): (Ccid, ErasureId),
) -> sqlx::Result<Option<Job>> {
    let row = sqlx::query!(
        r#"select person, sealed_address as "sealed_address!", dry_run, created_at, stage, place, next_at, erased_at,
                  messages, conversations, receipts, events, files
           from erasures where ccid = $1 and id = $2 and state = 0 for update"#,
        ccid.as_uuid(),
        id.as_i64(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.and_then(|row| {
        Some(Job {
            ccid,
            id,
            progress: Progress {
                stage: Stage::from_i16(row.stage)?,
                place: row.place,
                next_at: row.next_at,
                erased_at: row.erased_at,
                figures: figures!(row),
            },
            person: row.person,
            sealed_address: row.sealed_address,
            dry_run: row.dry_run,
            created_at: row.created_at,
        })
    }))
}

/// Moves a job that is [locked](lock) on.
pub async fn advance(
    connection: &mut PgConnection,
    (ccid, id): (Ccid, ErasureId),
    after: &Progress,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update erasures
         set stage = $3, place = $4, next_at = $5, erased_at = $6,
             messages = $7, conversations = $8, receipts = $9, events = $10, files = $11
         where ccid = $1 and id = $2",
        ccid.as_uuid(),
        id.as_i64(),
        after.stage.as_i16(),
        after.place,
        after.next_at,
        after.erased_at,
        after.figures.messages,
        after.figures.conversations,
        after.figures.receipts,
        after.figures.events,
        after.figures.files,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Leaves a job alone until a time.
pub async fn postpone(
    connection: &mut PgConnection,
    (ccid, id): (Ccid, ErasureId),
    until_ms: i64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update erasures set next_at = greatest(next_at, $3) where ccid = $1 and id = $2 and state = 0",
        ccid.as_uuid(),
        id.as_i64(),
        until_ms,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes messages or conversations that a job takes away.
pub async fn note_subjects(
    connection: &mut PgConnection,
    (ccid, id): (Ccid, ErasureId),
    subjects: &[i64],
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into erased_subjects (ccid, erasure, id) select $1, $2, unnest($3::bigint[])
         on conflict (ccid, erasure, id) do nothing",
        ccid.as_uuid(),
        id.as_i64(),
        subjects,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What a job has noted behind an id, in the order of the ids.
pub async fn subjects(
    connection: &mut PgConnection,
    (ccid, id): (Ccid, ErasureId),
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "select id from erased_subjects where ccid = $1 and erasure = $2 and id > $3 order by id limit $4",
        ccid.as_uuid(),
        id.as_i64(),
        after,
        limit,
    )
    .fetch_all(connection)
    .await
}

/// Notes files that messages which a job takes away refer to.
pub async fn note_files(
    connection: &mut PgConnection,
    (ccid, id): (Ccid, ErasureId),
    files: &[MediaId],
) -> sqlx::Result<()> {
    let files: Vec<_> = files.iter().map(|file| file.as_uuid()).collect();
    sqlx::query!(
        "insert into erased_files (ccid, erasure, file) select $1, $2, unnest($3::uuid[])
         on conflict (ccid, erasure, file) do nothing",
        ccid.as_uuid(),
        id.as_i64(),
        &files,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The files that a job has noted.
pub async fn files(
    connection: &mut PgConnection,
    (ccid, id): (Ccid, ErasureId),
) -> sqlx::Result<Vec<MediaId>> {
    let files = sqlx::query_scalar!(
        "select file from erased_files where ccid = $1 and erasure = $2 order by file",
        ccid.as_uuid(),
        id.as_i64(),
    )
    .fetch_all(connection)
    .await?;
    Ok(files.into_iter().map(MediaId::from_uuid).collect())
}

/// Takes files off what a job has noted.
pub async fn spare_files(
    connection: &mut PgConnection,
    (ccid, id): (Ccid, ErasureId),
    files: &[MediaId],
) -> sqlx::Result<()> {
    let files: Vec<_> = files.iter().map(|file| file.as_uuid()).collect();
    sqlx::query!(
        "delete from erased_files where ccid = $1 and erasure = $2 and file = any($3)",
        ccid.as_uuid(),
        id.as_i64(),
        &files,
    )
    .execute(connection)
    .await?;
    Ok(())
}
