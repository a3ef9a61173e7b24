//! Weekly partitions: made ahead of time, dropped whole when everything in them is past its retention.
//!
//! Weeks are counted from 1970-01-01T00:00Z. There is no default partition: a row for a week without one is refused,
//! so the weeks around now are made before the first request is served and then kept up by a task.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// A week in milliseconds.
pub const WEEK_MS: i64 = 7 * 24 * 3_600_000;
/// How many weeks are made ahead of the current one.
const WEEKS_AHEAD: i64 = 2;
/// How long a partition's readers are waited for before it is left for another time.
const DROP_LOCK_TIMEOUT: &str = "200ms";
/// Held by whoever drops partitions.
const DROP_LOCK: &str = "nexus-gateway drops partitions";

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

/// What one look for expired partitions came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    pub partitions: usize,
    /// Those that somebody still reads.
    pub in_use: usize,
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

/// Drops what is past its retention. What somebody still reads stays, and is dropped another time.
///
/// Traffic is never held up: a partition is first taken out of its table in a way that lets others go on, which only
/// waits for whoever is reading; then it is nobody's, and is dropped. A partition that was left half way, by a process
/// that died or a reader who took too long, is gone on with.
pub async fn drop_expired(
    connection: &mut PgConnection,
    tables: &[Weekly],
    now_ms: i64,
) -> sqlx::Result<Dropped> {
    let mut dropped = Dropped::default();
    if !try_lock(connection).await? {
        return Ok(dropped);
    }
    set_lock_timeout(connection, DROP_LOCK_TIMEOUT).await?;
    let done = drop_all(connection, tables, now_ms, &mut dropped).await;
    // Where these fail the connection is broken, and both end with it.
    set_lock_timeout(connection, "0").await?;
    sqlx::query("select pg_advisory_unlock(hashtext($1))")
        .bind(DROP_LOCK)
        .execute(connection)
        .await?;
    done.map(|()| dropped)
}

async fn drop_all(
    connection: &mut PgConnection,
    tables: &[Weekly],
    now_ms: i64,
    dropped: &mut Dropped,
) -> sqlx::Result<()> {
    for table in tables {
        let oldest_kept = week_of(now_ms) - table.keep_weeks;
        let mut weeks = weeks_there(connection, table.table).await?;
        weeks.retain(|week| *week < oldest_kept);
        weeks.sort_unstable();
        for (done, week) in weeks.iter().enumerate() {
            match drop_one(connection, table.table, *week).await {
                Ok(()) => dropped.partitions += 1,
                Err(error) if is_in_use(&error) => {
                    // Of one table only one partition can be on its way out.
                    dropped.in_use += weeks.len() - done;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

async fn drop_one(connection: &mut PgConnection, parent: &str, week: i64) -> sqlx::Result<()> {
    let name = partition_name(parent, week);
    let is_leaving: Option<bool> = sqlx::query_scalar(
        "select inhdetachpending from pg_inherits where inhrelid = $1::regclass",
    )
    .bind(&name)
    .fetch_optional(&mut *connection)
    .await?;
    let detach = is_leaving.map(|is_leaving| {
        let how = if is_leaving {
            "finalize"
        } else {
            "concurrently"
        };
        format!("alter table {parent} detach partition {name} {how}")
    });
    for statement in detach
        .into_iter()
        .chain([format!("drop table if exists {name}")])
    {
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// One replica at a time drops partitions.
async fn try_lock(connection: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar("select pg_try_advisory_lock(hashtext($1))")
        .bind(DROP_LOCK)
        .fetch_one(connection)
        .await
}

async fn set_lock_timeout(connection: &mut PgConnection, time: &str) -> sqlx::Result<()> {
    sqlx::query("select set_config('lock_timeout', $1, false)")
        .bind(time)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether somebody held what we waited for (SQLSTATE 55P03).
fn is_in_use(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code == "55P03")
}

/// The weeks for which there is a table, whether it is still a partition or not.
async fn weeks_there(connection: &mut PgConnection, table: &str) -> sqlx::Result<Vec<i64>> {
    let names: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class
         where relkind = 'r' and relnamespace = current_schema()::regnamespace
           and relname ~ ('^' || $1 || '_w[0-9]+$')",
    )
    .bind(table)
    .fetch_all(connection)
    .await?;
    Ok(names.iter().filter_map(|name| week_in(name)).collect())
}

fn week_in(name: &str) -> Option<i64> {
    name.rsplit_once("_w")?.1.parse().ok()
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
    Ok(names.iter().filter_map(|name| week_in(name)).collect())
}

fn partition_name(table: &str, week: i64) -> String {
    format!("{table}_w{week}")
}
