//! All SQL over suppressions, but for the keywords of accepted messages.

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::model::{Route, Suppression};
use crate::history;
use crate::history::model::{Entry, Kind, Stream};
use crate::values::{Ccid, MessageId};

/// For each route, whether it is suppressed at this time.
pub async fn check(
    connection: &mut PgConnection,
    routes: &[Route],
    now_ms: i64,
) -> sqlx::Result<Vec<bool>> {
    let ccids: Vec<Uuid> = routes.iter().map(|route| route.ccid.as_uuid()).collect();
    let channels: Vec<&str> = routes
        .iter()
        .map(|route| route.channel_id.as_str())
        .collect();
    let addresses: Vec<&str> = routes.iter().map(|route| route.address.as_str()).collect();
    sqlx::query_scalar!(
        r#"select exists (
               select 1 from suppressions s
               where s.ccid = route.ccid and s.channel_id = route.channel_id and s.address = route.address
                 and (s.expires_at is null or s.expires_at > $4)
           ) as "suppressed!"
           from unnest($1::uuid[], $2::text[], $3::text[]) with ordinality as route (ccid, channel_id, address, number)
           order by route.number"#,
        &ccids,
        &channels as _,
        &addresses as _,
        now_ms,
    )
    .fetch_all(connection)
    .await
}

/// What a change needs beside the suppression itself.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    pub now_ms: i64,
    /// Id of its history entry.
    pub event: i64,
}

/// Adds a suppression or renews it; `true` if there was none in force.
pub async fn put(
    connection: &mut PgConnection,
    route: &Route,
    (reason, expires_at): (Option<&str>, Option<i64>),
    change: Change,
) -> sqlx::Result<bool> {
    let mut transaction = connection.begin().await?;
    let was_there = check(&mut transaction, std::slice::from_ref(route), change.now_ms)
        .await?
        .contains(&true);
    sqlx::query!(
        "insert into suppressions (ccid, channel_id, address, source, reason, created_at, expires_at)
         values ($1, $2, $3, 'api', $4, $5, $6)
         on conflict (ccid, channel_id, address) do update
         set source = excluded.source, reason = excluded.reason, evidence = null,
             created_at = excluded.created_at, expires_at = excluded.expires_at",
        route.ccid.as_uuid(),
        route.channel_id.as_str(),
        route.address.as_str(),
        reason,
        change.now_ms,
        expires_at,
    )
    .execute(&mut *transaction)
    .await?;
    history::store::append(
        &mut transaction,
        &[entry(route, Kind::SuppressionAdded, change)],
    )
    .await?;
    transaction.commit().await?;
    Ok(!was_there)
}

/// Removes a suppression; `false` if there was none in force.
pub async fn remove(
    connection: &mut PgConnection,
    route: &Route,
    change: Change,
) -> sqlx::Result<bool> {
    let mut transaction = connection.begin().await?;
    let in_force = sqlx::query_scalar!(
        r#"delete from suppressions where ccid = $1 and channel_id = $2 and address = $3
           returning expires_at is null or expires_at > $4 as "in_force!""#,
        route.ccid.as_uuid(),
        route.channel_id.as_str(),
        route.address.as_str(),
        change.now_ms,
    )
    .fetch_optional(&mut *transaction)
    .await?;
    if in_force != Some(true) {
        transaction.commit().await?;
        return Ok(false);
    }
    history::store::append(
        &mut transaction,
        &[entry(route, Kind::SuppressionRemoved, change)],
    )
    .await?;
    transaction.commit().await?;
    Ok(true)
}

/// Forgets suppressions whose time is over, at most `limit`; answers how many went. That makes no event: they ended when
/// their time was over, and whoever was told of them was told when that is.
pub async fn forget_expired(
    connection: &mut PgConnection,
    now_ms: i64,
    limit: i64,
) -> sqlx::Result<u64> {
    let gone = sqlx::query!(
        "delete from suppressions s
         using (select ccid, channel_id, address from suppressions where expires_at <= $1
                order by expires_at limit $2 for update skip locked) old
         where s.ccid = old.ccid and s.channel_id = old.channel_id and s.address = old.address",
        now_ms,
        limit,
    )
    .execute(connection)
    .await?;
    Ok(gone.rows_affected())
}

/// One suppression of a tenant, if it is in force.
pub async fn find(
    connection: &mut PgConnection,
    route: &Route,
    now_ms: i64,
) -> sqlx::Result<Option<Suppression>> {
    let row = sqlx::query_as!(
        Row,
        "select channel_id, address, source, reason, evidence, created_at, expires_at from suppressions
         where ccid = $1 and channel_id = $2 and address = $3 and (expires_at is null or expires_at > $4)",
        route.ccid.as_uuid(),
        route.channel_id.as_str(),
        route.address.as_str(),
        now_ms,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.and_then(suppression))
}

/// Suppressions of a tenant that are in force after a (channel, address), in that order.
pub async fn list(
    connection: &mut PgConnection,
    ccid: Ccid,
    (channel_id, address): (&str, &str),
    (limit, now_ms): (i64, i64),
) -> sqlx::Result<Vec<Suppression>> {
    let rows = sqlx::query_as!(
        Row,
        "select channel_id, address, source, reason, evidence, created_at, expires_at from suppressions
         where ccid = $1 and (channel_id, address) > ($2, $3) and (expires_at is null or expires_at > $5)
         order by channel_id, address limit $4",
        ccid.as_uuid(),
        channel_id,
        address,
        limit,
        now_ms,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().filter_map(suppression).collect())
}

/// A suppression as it is stored.
struct Row {
    channel_id: String,
    address: String,
    source: String,
    reason: Option<String>,
    evidence: Option<i64>,
    created_at: i64,
    expires_at: Option<i64>,
}

fn suppression(row: Row) -> Option<Suppression> {
    Some(Suppression {
        channel_id: row.channel_id.parse().ok()?,
        address: row.address.parse().ok()?,
        source: row.source,
        reason: row.reason,
        evidence: row.evidence.map(MessageId::from_i64),
        created_at: row.created_at,
        expires_at: row.expires_at,
    })
}

fn entry(route: &Route, kind: Kind, change: Change) -> Entry {
    let detail = serde_json::json!({
        "channelId": route.channel_id.as_str(), "address": route.address.as_str(), "source": "api",
    });
    let mut entry = Entry::event(route.ccid, change.event, change.event, kind, Stream::Both);
    entry.detail = Some(detail.to_string());
    entry
}
