//! All SQL over files.

use bytes::Bytes;
use sqlx::PgConnection;

use super::file_name::FileName;
use super::id::stored_at;
use super::model::{FileFacts, MediaFile};
use crate::platform::database::partitions::week_of;
use crate::values::{Ccid, ChannelId, MediaId};

/// Stores one row of a file's bytes, unless it is there. It counts for nothing until the file itself is stored.
pub async fn insert_chunk(
    connection: &mut PgConnection,
    (ccid, id): (Ccid, MediaId),
    number: i32,
    bytes: &[u8],
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into media_chunks (ccid, week, id, number, bytes) values ($1, $2, $3, $4, $5)
         on conflict (ccid, week, id, number) do nothing",
        ccid.as_uuid(),
        week(id),
        id.as_uuid(),
        number,
        bytes,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Stores a file whose bytes are all there, unless it is stored.
pub async fn insert(
    connection: &mut PgConnection,
    (ccid, channel_id): (Ccid, &ChannelId),
    file: &MediaFile,
) -> sqlx::Result<()> {
    let facts = &file.facts;
    sqlx::query!(
        "insert into media (ccid, week, id, channel_id, filename, mimetype, length)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (ccid, week, id) do nothing",
        ccid.as_uuid(),
        week(file.id),
        file.id.as_uuid(),
        channel_id.as_str(),
        facts.file_name.as_str(),
        facts.mimetype,
        i64::try_from(facts.length).unwrap_or(i64::MAX),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes the rows of a file that was never stored.
pub async fn forget_chunks(
    connection: &mut PgConnection,
    ccid: Ccid,
    id: MediaId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from media_chunks where ccid = $1 and week = $2 and id = $3",
        ccid.as_uuid(),
        week(id),
        id.as_uuid(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes files away; answers how many there were.
pub async fn erase(
    connection: &mut PgConnection,
    ccid: Ccid,
    ids: &[MediaId],
) -> sqlx::Result<u64> {
    let weeks: Vec<i32> = ids.iter().map(|id| week(*id)).collect();
    let uuids: Vec<_> = ids.iter().map(|id| id.as_uuid()).collect();
    let gone = sqlx::query!(
        "delete from media m using unnest($2::integer[], $3::uuid[]) as erased (week, id)
         where m.ccid = $1 and m.week = erased.week and m.id = erased.id",
        ccid.as_uuid(),
        &weeks,
        &uuids,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "delete from media_chunks c using unnest($2::integer[], $3::uuid[]) as erased (week, id)
         where c.ccid = $1 and c.week = erased.week and c.id = erased.id",
        ccid.as_uuid(),
        &weeks,
        &uuids,
    )
    .execute(connection)
    .await?;
    Ok(gone.rows_affected())
}

/// What all files of a tenant have together, in bytes.
pub async fn bytes_of(connection: &mut PgConnection, ccid: Ccid) -> sqlx::Result<u64> {
    let bytes = sqlx::query_scalar!(
        r#"select coalesce(sum(length), 0)::bigint as "bytes!" from media where ccid = $1"#,
        ccid.as_uuid(),
    )
    .fetch_one(connection)
    .await?;
    Ok(bytes.unsigned_abs())
}

pub async fn find(
    connection: &mut PgConnection,
    ccid: Ccid,
    id: MediaId,
) -> sqlx::Result<Option<MediaFile>> {
    let row = sqlx::query!(
        "select filename, mimetype, length from media where ccid = $1 and week = $2 and id = $3",
        ccid.as_uuid(),
        week(id),
        id.as_uuid(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| MediaFile {
        id,
        facts: FileFacts {
            file_name: FileName::from_stored(row.filename),
            mimetype: row.mimetype,
            length: row.length.unsigned_abs(),
        },
    }))
}

/// Which of these files the tenant has.
pub async fn existing(
    connection: &mut PgConnection,
    ccid: Ccid,
    ids: &[MediaId],
) -> sqlx::Result<Vec<MediaId>> {
    let weeks: Vec<i32> = ids.iter().map(|id| week(*id)).collect();
    let uuids: Vec<_> = ids.iter().map(|id| id.as_uuid()).collect();
    let found = sqlx::query_scalar!(
        r#"select wanted.id as "id!"
           from unnest($2::integer[], $3::uuid[]) as wanted (week, id)
           where exists (select 1 from media m where m.ccid = $1 and m.week = wanted.week and m.id = wanted.id)"#,
        ccid.as_uuid(),
        &weeks,
        &uuids,
    )
    .fetch_all(connection)
    .await?;
    Ok(ids
        .iter()
        .copied()
        .filter(|id| found.contains(&id.as_uuid()))
        .collect())
}

/// One row of a file's bytes.
pub async fn chunk(
    connection: &mut PgConnection,
    (ccid, id): (Ccid, MediaId),
    number: i32,
) -> sqlx::Result<Option<Bytes>> {
    let bytes = sqlx::query_scalar!(
        "select bytes from media_chunks where ccid = $1 and week = $2 and id = $3 and number = $4",
        ccid.as_uuid(),
        week(id),
        id.as_uuid(),
        number,
    )
    .fetch_optional(connection)
    .await?;
    Ok(bytes.map(Bytes::from))
}

/// Weeks since 1970-01-01, of the time that the id says; of one that says none, a week that never comes.
fn week(id: MediaId) -> i32 {
    let week = stored_at(id).map(week_of);
    week.and_then(|week| i32::try_from(week).ok())
        .unwrap_or(i32::MAX)
}
