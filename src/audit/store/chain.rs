//! All SQL over the chain of records.

use sqlx::PgConnection;

use super::Row;
use crate::audit::chain::{Hash, Link};
use crate::audit::model::Record;

/// Both ends of the chain.
#[derive(Debug, Clone, Copy)]
pub struct Ends {
    /// The last record that was dropped; place 0 where none was.
    pub cut: Link,
    /// When that was, in Unix milliseconds.
    pub cut_at: i64,
    /// The last record that is chained; as `cut` where none is left.
    pub head: Link,
    /// The database's time, in Unix milliseconds.
    pub now_ms: i64,
}

pub async fn ends(connection: &mut PgConnection) -> sqlx::Result<Ends> {
    let row = sqlx::query!(
        r#"select cut_place, cut_hash, cut_at, head_place, head_hash,
                  (extract(epoch from clock_timestamp()) * 1000)::bigint as "now_ms!"
           from audit_chain"#
    )
    .fetch_one(connection)
    .await?;
    Ok(Ends {
        cut: link(row.cut_place, &row.cut_hash)?,
        cut_at: row.cut_at,
        head: link(row.head_place, &row.head_hash)?,
        now_ms: row.now_ms,
    })
}

fn link(place: i64, hash: &[u8]) -> sqlx::Result<Link> {
    let hash = Hash::from_stored(hash);
    let hash = hash.ok_or_else(|| sqlx::Error::Decode("a hash has 32 bytes".into()))?;
    Ok(Link { place, hash })
}

/// Records without a place in the order of their ids.
pub async fn unchained(connection: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<Record>> {
    let rows = sqlx::query_as!(
        Row,
        "select id, ccid, at, author, key_id, key_name, source, action, object_id, changed, hash
         from audit where place is null order by id limit $1",
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(Record::from).collect())
}

/// Gives records their places, the last of which is the new head. One at a time does this.
pub async fn put_links(connection: &mut PgConnection, links: &[(i64, Link)]) -> sqlx::Result<()> {
    let Some((_, head)) = links.last() else {
        return Ok(());
    };
    let ids: Vec<i64> = links.iter().map(|(id, _)| *id).collect();
    let places: Vec<i64> = links.iter().map(|(_, link)| link.place).collect();
    let hashes: Vec<&[u8]> = links.iter().map(|(_, link)| link.hash.as_bytes()).collect();
    sqlx::query!(
        "update audit a set place = mine.place, hash = mine.hash
         from unnest($1::bigint[], $2::bigint[], $3::bytea[]) as mine (id, place, hash)
         where a.id = mine.id",
        &ids,
        &places,
        &hashes as _,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update audit_chain set head_place = $1, head_hash = $2",
        head.place,
        head.hash.as_bytes(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A record with its place.
pub type Placed = (i64, Record);

/// Chained records behind a place, in the order of the chain.
pub async fn placed(
    connection: &mut PgConnection,
    (after, limit): (i64, i64),
) -> sqlx::Result<Vec<Placed>> {
    let rows = sqlx::query!(
        r#"select place as "place!", id, ccid, at, author, key_id, key_name, source, action, object_id, changed, hash
           from audit where place > $1 order by place limit $2"#,
        after,
        limit,
    )
    .fetch_all(connection)
    .await?;
    let placed = rows.into_iter().map(|row| {
        let record = Row {
            id: row.id,
            ccid: row.ccid,
            at: row.at,
            author: row.author,
            key_id: row.key_id,
            key_name: row.key_name,
            source: row.source,
            action: row.action,
            object_id: row.object_id,
            changed: row.changed,
            hash: row.hash,
        };
        (row.place, Record::from(record))
    });
    Ok(placed.collect())
}

/// Drops the oldest records of the chain up to the first that is not older than a time, at most `limit`; answers the last
/// one that went, from whose hash the chain goes on.
pub async fn drop_before(
    connection: &mut PgConnection,
    (ends, before): (&Ends, i64),
    limit: i64,
) -> sqlx::Result<Option<Link>> {
    let kept = sqlx::query_scalar!(
        r#"select place as "place!" from audit where place > $1 and at >= $2 order by place limit 1"#,
        ends.cut.place,
        before,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let last = kept.map_or(ends.head.place, |kept| kept - 1);
    let last = last.min(ends.cut.place + limit);
    let hash = sqlx::query_scalar!("select hash from audit where place = $1", last)
        .fetch_optional(&mut *connection)
        .await?
        .flatten();
    let Some(hash) = hash.filter(|_| last > ends.cut.place) else {
        return Ok(None);
    };
    sqlx::query!("delete from audit where place <= $1", last)
        .execute(&mut *connection)
        .await?;
    sqlx::query!(
        "update audit_chain set cut_place = $1, cut_hash = $2, cut_at = $3",
        last,
        hash,
        ends.now_ms,
    )
    .execute(connection)
    .await?;
    Ok(Some(link(last, &hash)?))
}

/// How many records have no place.
pub async fn count_unchained(connection: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select count(*) as "unchained!" from audit where place is null"#)
        .fetch_one(connection)
        .await
}
