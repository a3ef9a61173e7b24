//! All SQL over figures, but for the rows that the three shared statements write beside what they count.

use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Change, Figures, hour_of};
use crate::values::Ccid;

/// Counts one change for each of these messages' tenants and channels, within the transaction that makes it.
pub async fn add(
    connection: &mut PgConnection,
    change: Change,
    messages: &[(Ccid, &str)],
    now_ms: i64,
) -> sqlx::Result<()> {
    let ccids: Vec<Uuid> = messages.iter().map(|(ccid, _)| ccid.as_uuid()).collect();
    let channels: Vec<&str> = messages.iter().map(|(_, channel)| *channel).collect();
    sqlx::query!(
        "insert into statistics_deltas (ccid, hour, channel_id, cancelled, retried)
         select ccid, $3, channel_id, case when $4 then count(*) end, case when not $4 then count(*) end
         from unnest($1::uuid[], $2::text[]) as changed (ccid, channel_id)
         group by ccid, channel_id",
        &ccids,
        &channels as _,
        hour_of(now_ms),
        change == Change::Cancelled,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether there is anything to move into the totals.
pub async fn any_to_fold(connection: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select exists (select 1 from statistics_deltas) as "any!""#)
        .fetch_one(connection)
        .await
}

/// Moves up to `limit` rows into the totals; answers how many. One at a time does this.
pub async fn fold(connection: &mut PgConnection, limit: i64) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"with taken as (
               delete from statistics_deltas
               where ctid = any(array(select ctid from statistics_deltas limit $1))
               returning *
           ),
           folded as (
               insert into statistics as total (
                   ccid, hour, channel_id, received, submitted, sent, delivered, failed, removed, cancelled, retried
               )
               select ccid, hour, channel_id, coalesce(sum(received), 0), coalesce(sum(submitted), 0),
                      coalesce(sum(sent), 0), coalesce(sum(delivered), 0), coalesce(sum(failed), 0),
                      coalesce(sum(removed), 0), coalesce(sum(cancelled), 0), coalesce(sum(retried), 0)
               from taken
               group by ccid, hour, channel_id
               on conflict (ccid, hour, channel_id) do update
               set received = total.received + excluded.received, submitted = total.submitted + excluded.submitted,
                   sent = total.sent + excluded.sent, delivered = total.delivered + excluded.delivered,
                   failed = total.failed + excluded.failed, removed = total.removed + excluded.removed,
                   cancelled = total.cancelled + excluded.cancelled, retried = total.retried + excluded.retried
           )
           select count(*) as "taken!" from taken"#,
        limit,
    )
    .fetch_one(connection)
    .await
}

/// Which figures are wanted: of one channel or all, from one hour to below another.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub channel_id: Option<&'a str>,
    pub from_hour: i32,
    pub below_hour: i32,
}

/// A tenant's figures behind an hour and channel, in that order: totals and what is not in them yet, in one snapshot.
pub async fn list(
    connection: &mut PgConnection,
    ccid: Ccid,
    wanted: Wanted<'_>,
    (after, limit): ((i32, &str), i64),
) -> sqlx::Result<Vec<Figures>> {
    sqlx::query_as!(
        Figures,
        r#"select hour as "hour!", channel_id as "channel_id!",
                  sum(received)::bigint as "received!", sum(submitted)::bigint as "submitted!",
                  sum(sent)::bigint as "sent!", sum(delivered)::bigint as "delivered!",
                  sum(failed)::bigint as "failed!", sum(removed)::bigint as "removed!",
                  sum(cancelled)::bigint as "cancelled!", sum(retried)::bigint as "retried!"
           from (
               select hour, channel_id, received, submitted, sent, delivered, failed, removed, cancelled, retried
               from statistics
               where ccid = $1 and hour >= $2 and hour < $3
               union all
               select hour, channel_id, coalesce(received, 0), coalesce(submitted, 0), coalesce(sent, 0),
                      coalesce(delivered, 0), coalesce(failed, 0), coalesce(removed, 0), coalesce(cancelled, 0),
                      coalesce(retried, 0)
               from statistics_deltas
               where ccid = $1 and hour >= $2 and hour < $3
           ) figures
           where ($4::text is null or channel_id = $4) and (hour, channel_id) > ($5, $6)
           group by hour, channel_id
           order by hour, channel_id
           limit $7"#,
        ccid.as_uuid(),
        wanted.from_hour,
        wanted.below_hour,
        wanted.channel_id,
        after.0,
        after.1,
        limit,
    )
    .fetch_all(connection)
    .await
}

/// Forgets totals of before an hour, at most `limit`.
pub async fn forget_before(
    connection: &mut PgConnection,
    hour: i32,
    limit: i64,
) -> sqlx::Result<u64> {
    let gone = sqlx::query!(
        "delete from statistics where (ccid, hour, channel_id) in (
             select ccid, hour, channel_id from statistics where hour < $1 limit $2
         )",
        hour,
        limit,
    )
    .execute(connection)
    .await?;
    Ok(gone.rows_affected())
}
