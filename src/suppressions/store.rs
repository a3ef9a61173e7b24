//! All SQL over suppressions, but for the keywords of accepted messages.

pub mod sealed;

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::model::{OptOut, Route, Source, Suppression};
use super::proof::Proofs;
use crate::audit;
use crate::history;
use crate::history::model::{Entry, Kind, Stream};
use crate::values::{Ccid, MessageId};

/// For each route, whether it is suppressed at this time.
pub async fn check(
    connection: &mut PgConnection,
    proofs: &Proofs,
    routes: &[Route],
    now_ms: i64,
) -> sqlx::Result<Vec<bool>> {
    let ccids: Vec<Uuid> = routes.iter().map(|route| route.ccid.as_uuid()).collect();
    let channels: Vec<&str> = routes
        .iter()
        .map(|route| route.channel_id.as_str())
        .collect();
    let addresses: Vec<&str> = routes.iter().map(|route| route.address.as_str()).collect();
    let proofs: Vec<String> = routes.iter().map(|route| proof(proofs, route)).collect();
    sqlx::query_scalar!(
        r#"select exists (
               select 1 from suppressions s
               where s.ccid = route.ccid and s.channel_id = route.channel_id and s.address in (route.address, route.proof)
                 and (s.expires_at is null or s.expires_at > $5)
           ) as "suppressed!"
           from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) with ordinality
                as route (ccid, channel_id, address, proof, number)
           order by route.number"#,
        &ccids,
        &channels as _,
        &addresses as _,
        &proofs,
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

/// Adds a suppression or renews it with the record of who did; `true` if there was none in force.
pub async fn put(
    connection: &mut PgConnection,
    (proofs, route): (&Proofs, &Route),
    (reason, expires_at): (Option<&str>, Option<i64>),
    (change, record): (Change, &audit::Entry),
) -> sqlx::Result<bool> {
    let mut transaction = connection.begin().await?;
    let routes = std::slice::from_ref(route);
    let was_there = check(&mut transaction, proofs, routes, change.now_ms)
        .await?
        .contains(&true);
    // The person is known again.
    sqlx::query!(
        "delete from suppressions where ccid = $1 and channel_id = $2 and address = $3",
        route.ccid.as_uuid(),
        route.channel_id.as_str(),
        proof(proofs, route),
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "insert into suppressions (ccid, channel_id, address, source, reason, created_at, expires_at)
         values ($1, $2, $3, $7, $4, $5, $6)
         on conflict (ccid, channel_id, address) do update
         set source = excluded.source, reason = excluded.reason, evidence = null,
             created_at = excluded.created_at, expires_at = excluded.expires_at",
        route.ccid.as_uuid(),
        route.channel_id.as_str(),
        route.address.as_str(),
        reason,
        change.now_ms,
        expires_at,
        Source::Api.as_str(),
    )
    .execute(&mut *transaction)
    .await?;
    history::store::append(
        &mut transaction,
        &[entry(route, Kind::SuppressionAdded, change)],
    )
    .await?;
    audit::store::append(&mut transaction, record).await?;
    transaction.commit().await?;
    Ok(!was_there)
}

/// Adds suppressions in the order of their keys, each with the event of its change, but those that their message has led
/// to before.
pub async fn add(
    connection: &mut PgConnection,
    (proofs, ccid): (&Proofs, Ccid),
    opt_outs: &[(&OptOut, Change)],
) -> sqlx::Result<()> {
    let evidence = opt_outs.iter().filter_map(|(opt_out, _)| opt_out.evidence);
    let evidence: Vec<i64> = evidence.map(MessageId::as_i64).collect();
    let before = history::store::suppressions_by(connection, ccid, &evidence).await?;
    let is_new = |opt_out: &OptOut| {
        let led_to = opt_out
            .evidence
            .map(|message| (message.as_i64(), opt_out.source.as_str().to_owned()));
        led_to.is_none_or(|led_to| !before.contains(&led_to))
    };
    let opt_outs = opt_outs.iter().filter(|(opt_out, _)| is_new(opt_out));
    let opt_outs: Vec<(&OptOut, Change)> = opt_outs.copied().collect();
    add_again(connection, (proofs, ccid), &opt_outs).await
}

/// The same whatever their messages have led to before. One that is in force for good stays as it is, also where its
/// person was erased.
pub async fn add_again(
    connection: &mut PgConnection,
    (proofs, ccid): (&Proofs, Ccid),
    opt_outs: &[(&OptOut, Change)],
) -> sqlx::Result<()> {
    let mut transaction = connection.begin().await?;
    let mut entries = Vec::new();
    for (opt_out, change) in opt_outs {
        let added = sqlx::query!(
            "insert into suppressions (ccid, channel_id, address, source, reason, evidence, created_at)
             select $1::uuid, $2::text, $3::text, $5::text, $6::text, $7::bigint, $8::bigint
             where not exists (
                 select 1 from suppressions
                 where ccid = $1 and channel_id = $2 and address = $4 and expires_at is null
             )
             on conflict (ccid, channel_id, address) do update
             set source = excluded.source, reason = excluded.reason, evidence = excluded.evidence,
                 created_at = excluded.created_at, expires_at = null
             where suppressions.expires_at is not null",
            ccid.as_uuid(),
            opt_out.channel_id.as_str(),
            opt_out.address.as_str(),
            proofs.of(ccid, opt_out.address.as_str()),
            opt_out.source.as_str(),
            opt_out.reason.as_deref(),
            opt_out.evidence.map(MessageId::as_i64),
            change.now_ms,
        )
        .execute(&mut *transaction)
        .await?;
        if added.rows_affected() > 0 {
            entries.push(entry_of(ccid, opt_out, *change));
        }
    }
    history::store::append(&mut transaction, &entries).await?;
    transaction.commit().await
}

/// Removes a suppression with the record of who did; `false` if there was none in force.
pub async fn remove(
    connection: &mut PgConnection,
    (proofs, route): (&Proofs, &Route),
    (change, record): (Change, &audit::Entry),
) -> sqlx::Result<bool> {
    let mut transaction = connection.begin().await?;
    let in_force = sqlx::query_scalar!(
        r#"delete from suppressions where ccid = $1 and channel_id = $2 and address in ($3, $4)
           returning expires_at is null or expires_at > $5 as "in_force!""#,
        route.ccid.as_uuid(),
        route.channel_id.as_str(),
        route.address.as_str(),
        proof(proofs, route),
        change.now_ms,
    )
    .fetch_all(&mut *transaction)
    .await?;
    if !in_force.contains(&true) {
        transaction.commit().await?;
        return Ok(false);
    }
    history::store::append(
        &mut transaction,
        &[entry(route, Kind::SuppressionRemoved, change)],
    )
    .await?;
    audit::store::append(&mut transaction, record).await?;
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

/// One suppression of a tenant, if it is in force, with the address that was asked for.
pub async fn find(
    connection: &mut PgConnection,
    (proofs, route): (&Proofs, &Route),
    now_ms: i64,
) -> sqlx::Result<Option<Suppression>> {
    let row = sqlx::query_as!(
        Row,
        "select channel_id, address, source, reason, evidence, created_at, expires_at from suppressions
         where ccid = $1 and channel_id = $2 and address in ($3, $4) and (expires_at is null or expires_at > $5)
         order by (address = $3) desc limit 1",
        route.ccid.as_uuid(),
        route.channel_id.as_str(),
        route.address.as_str(),
        proof(proofs, route),
        now_ms,
    )
    .fetch_optional(connection)
    .await?;
    let found = row.and_then(suppression);
    Ok(found.map(|found| Suppression {
        address: route.address.as_str().to_owned(),
        ..found
    }))
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

/// Puts a proof in place of a person's address, throughout a tenant. Where there is one already, whichever of the two
/// holds longer is kept. At no time is there neither.
pub async fn erase(
    connection: &mut PgConnection,
    proofs: &Proofs,
    (ccid, address): (Ccid, &str),
) -> sqlx::Result<u64> {
    let erased = sqlx::query!(
        "with known as (
             delete from suppressions where ccid = $1 and address = $2
             returning channel_id, source, created_at, expires_at
         )
         insert into suppressions as proof (ccid, channel_id, address, source, created_at, expires_at)
         select $1, channel_id, $3, source, created_at, expires_at from known
         on conflict (ccid, channel_id, address) do update
         set expires_at = case when proof.expires_at is not null and excluded.expires_at is not null
                          then greatest(proof.expires_at, excluded.expires_at) end",
        ccid.as_uuid(),
        address,
        proofs.of(ccid, address),
    )
    .execute(connection)
    .await?;
    Ok(erased.rows_affected())
}

/// The key of proofs, if one was drawn.
pub async fn sealed_key(connection: &mut PgConnection) -> sqlx::Result<Option<Vec<u8>>> {
    sqlx::query_scalar!("select sealed from suppression_key")
        .fetch_optional(connection)
        .await
}

/// Keeps the key of proofs unless there is one; answers the one that is kept.
pub async fn keep_key(connection: &mut PgConnection, sealed: &[u8]) -> sqlx::Result<Vec<u8>> {
    sqlx::query!(
        "insert into suppression_key (sealed) values ($1) on conflict (only_row) do nothing",
        sealed
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query_scalar!("select sealed from suppression_key")
        .fetch_one(connection)
        .await
}

fn proof(proofs: &Proofs, route: &Route) -> String {
    proofs.of(route.ccid, route.address.as_str())
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
        address: row.address,
        source: row.source,
        reason: row.reason,
        evidence: row.evidence.map(MessageId::from_i64),
        created_at: row.created_at,
        expires_at: row.expires_at,
    })
}

fn entry(route: &Route, kind: Kind, change: Change) -> Entry {
    let detail = serde_json::json!({
        "channelId": route.channel_id.as_str(), "address": route.address.as_str(),
        "source": Source::Api.as_str(),
    });
    let mut entry = Entry::event(route.ccid, change.event, change.event, kind, Stream::Both);
    entry.detail = Some(detail.to_string());
    entry
}

fn entry_of(ccid: Ccid, opt_out: &OptOut, change: Change) -> Entry {
    let mut detail = serde_json::json!({
        "channelId": opt_out.channel_id.as_str(), "address": opt_out.address.as_str(),
        "source": opt_out.source.as_str(),
    });
    if let Some(reason) = &opt_out.reason {
        detail["reason"] = reason.as_str().into();
    }
    if let Some(message) = opt_out.evidence {
        detail["evidence"] = message.to_string().into();
    }
    let subject = opt_out.evidence.map_or(change.event, MessageId::as_i64);
    let kind = Kind::SuppressionAdded;
    let mut entry = Entry::event(ccid, change.event, subject, kind, Stream::Both);
    entry.detail = Some(detail.to_string());
    entry
}
