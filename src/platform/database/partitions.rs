//! Weekly partitions: made ahead of time, dropped whole when everything in them is past its retention.
//!
//! Weeks are counted from 1970-01-01T00:00Z. There is no default partition: a row for a week without one is refused,
//! so the weeks around now are made before the first request is served and then kept up by a task.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// A week in milliseconds.
pub const WEEK_MS: i64 = 7 * 24 * 3_600_000;
/// How many weeks are made ahead of the current one.
const WEEKS_AHEAD: i64 = 2;

/// A table that is partitioned by week.
#[derive(Debug, Clone, Copy)]
pub struct Weekly {
    pub table: &'static str,
    /// The partition bound at the start of a week, as the key column counts.
    pub bound: fn(week: i64) -> i64,
    /// Storage parameters of each partition; may be empty.
    pub storage: &'static str,
    /// Whole weeks that are kept after their end.
    pub keep_weeks: i64,
}

/// The week of a time in Unix milliseconds.
pub fn week_of(unix_ms: i64) -> i64 {
    unix_ms.div_euclid(WEEK_MS)
}

/// Makes what is missing, from the week before now to two weeks ahead. Safe to run by several replicas at once.
pub async fn make(
    connection: &mut PgConnection,
    tables: &[Weekly],
    now_ms: i64,
) -> sqlx::Result<()> {
    let this_week = week_of(now_ms);
    for table in tables {
        let present = weeks_present(connection, table.table).await?;
        for week in (this_week - 1..=this_week + WEEKS_AHEAD).filter(|week| !present.contains(week))
        {
            make_one(connection, table, week).await?;
        }
    }
    Ok(())
}

/// Drops what is past its retention and returns how many partitions went. Waits at most 200 ms for a lock, so that
/// traffic is never held up; what could not be dropped now is dropped another time.
pub async fn drop_expired(
    connection: &mut PgConnection,
    tables: &[Weekly],
    now_ms: i64,
) -> sqlx::Result<usize> {
    let mut dropped = 0;
    for table in tables {
        let oldest_kept = week_of(now_ms) - table.keep_weeks;
        for week in weeks_present(connection, table.table)
            .await?
            .into_iter()
            .filter(|week| *week < oldest_kept)
        {
            let mut transaction = connection.begin().await?;
            sqlx::query("set local lock_timeout = '200ms'")
                .execute(&mut *transaction)
                .await?;
            let statement = format!("drop table if exists {}", partition_name(table.table, week));
            sqlx::query(AssertSqlSafe(statement))
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            dropped += 1;
        }
    }
    Ok(dropped)
}

/// A table is made on its own and then attached, which does not block readers and writers of its siblings.
async fn make_one(connection: &mut PgConnection, table: &Weekly, week: i64) -> sqlx::Result<()> {
    let name = partition_name(table.table, week);
    let (from, to) = ((table.bound)(week), (table.bound)(week + 1));
    let mut transaction = connection.begin().await?;
    sqlx::query("select pg_advisory_xact_lock(hashtext($1))")
        .bind(&name)
        .execute(&mut *transaction)
        .await?;
    if weeks_present(&mut transaction, table.table)
        .await?
        .contains(&week)
    {
        return transaction.commit().await;
    }
    let storage = if table.storage.is_empty() {
        String::new()
    } else {
        format!(" with ({})", table.storage)
    };
    let parent = table.table;
    for statement in [
        format!("drop table if exists {name}"),
        format!(
            "create table {name} (like {parent} including defaults including constraints including storage){storage}"
        ),
        format!("alter table {parent} attach partition {name} for values from ({from}) to ({to})"),
    ] {
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}

async fn weeks_present(connection: &mut PgConnection, table: &str) -> sqlx::Result<Vec<i64>> {
    let names: Vec<String> = sqlx::query_scalar(
        "select child.relname::text from pg_inherits
         join pg_class child on child.oid = inhrelid
         where inhparent = $1::regclass",
    )
    .bind(table)
    .fetch_all(connection)
    .await?;
    Ok(names
        .iter()
        .filter_map(|name| name.rsplit_once("_w")?.1.parse().ok())
        .collect())
}

fn partition_name(table: &str, week: i64) -> String {
    format!("{table}_w{week}")
}
