//! All SQL over the directory's version, tenants, services and senders.

pub mod sealed;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::directory::CHANGES_CHANNEL;
use crate::values::{Ccid, SectionName};

/// A service as it is stored. `data` is JSON as it was sent; `secret` is sealed JSON.
#[derive(Debug)]
pub struct StoredService {
    pub ccid: Uuid,
    pub name: String,
    pub url: Option<String>,
    pub data: String,
    pub secret: Vec<u8>,
    pub updated_at: OffsetDateTime,
    /// Sealed JSON, where its provider calls us with a token.
    pub callback_tokens: Option<Vec<u8>>,
}

/// A sender section as it is stored; `options` is JSON.
#[derive(Debug)]
pub struct StoredSender {
    pub ccid: Uuid,
    pub section: String,
    pub options: String,
    pub updated_at: OffsetDateTime,
}

/// The version of the last change that has been committed.
pub async fn version(connection: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!("select version from directory")
        .fetch_one(connection)
        .await
}

/// Raises the directory's version and says it. Once the transaction has ended, every replica hears that there is one.
///
/// The row stays locked until the transaction ends, so changes happen one after the other: versions become visible in
/// their order, and a rule over several rows holds without further locks.
pub async fn raise_version(connection: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"with raised as (update directory set version = version + 1 returning version)
           select raised.version as "version!" from raised cross join pg_notify($1, '')"#,
        CHANGES_CHANNEL,
    )
    .fetch_one(connection)
    .await
}

/// Notes that something of this tenant changed with this version.
pub async fn touch_tenant(
    connection: &mut PgConnection,
    ccid: Ccid,
    version: i64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into tenants (ccid, version) values ($1, $2)
         on conflict (ccid) do update set version = excluded.version",
        ccid.as_uuid(),
        version,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The tenants that changed after this version.
pub async fn tenants_changed_since(
    connection: &mut PgConnection,
    version: i64,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!("select ccid from tenants where version > $1", version)
        .fetch_all(connection)
        .await
}

pub async fn services_of_tenants(
    connection: &mut PgConnection,
    tenants: &[Uuid],
) -> sqlx::Result<Vec<StoredService>> {
    sqlx::query_as!(
        StoredService,
        "select ccid, name, url, data, secret, updated_at, callback_tokens
         from services where ccid = any($1) order by ccid, name",
        tenants,
    )
    .fetch_all(connection)
    .await
}

pub async fn senders_of_tenants(
    connection: &mut PgConnection,
    tenants: &[Uuid],
) -> sqlx::Result<Vec<StoredSender>> {
    sqlx::query_as!(
        StoredSender,
        "select ccid, section, options, updated_at from senders where ccid = any($1) order by ccid, section",
        tenants,
    )
    .fetch_all(connection)
    .await
}

/// The services of a tenant by name, from behind the service `after`.
pub async fn list_services(
    connection: &mut PgConnection,
    ccid: Ccid,
    after: Option<&str>,
    limit: i64,
) -> sqlx::Result<Vec<StoredService>> {
    sqlx::query_as!(
        StoredService,
        "select ccid, name, url, data, secret, updated_at, callback_tokens
         from services
         where ccid = $1 and ($2::text is null or name > $2)
         order by name
         limit $3",
        ccid.as_uuid(),
        after,
        limit,
    )
    .fetch_all(connection)
    .await
}

pub async fn find_service(
    connection: &mut PgConnection,
    ccid: Ccid,
    name: &str,
) -> sqlx::Result<Option<StoredService>> {
    sqlx::query_as!(
        StoredService,
        "select ccid, name, url, data, secret, updated_at, callback_tokens
         from services where ccid = $1 and name = $2",
        ccid.as_uuid(),
        name,
    )
    .fetch_optional(connection)
    .await
}

pub async fn put_service(
    connection: &mut PgConnection,
    service: &StoredService,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into services (ccid, name, url, data, secret, updated_at, callback_tokens)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (ccid, name) do update
         set url = excluded.url, data = excluded.data, secret = excluded.secret, updated_at = excluded.updated_at,
             callback_tokens = excluded.callback_tokens",
        service.ccid,
        service.name,
        service.url,
        service.data,
        service.secret,
        service.updated_at,
        service.callback_tokens,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives a service other tokens, sealed.
pub async fn put_callback_tokens(
    connection: &mut PgConnection,
    (ccid, name): (Ccid, &str),
    tokens: &[u8],
) -> sqlx::Result<()> {
    sqlx::query!(
        "update services set callback_tokens = $3 where ccid = $1 and name = $2",
        ccid.as_uuid(),
        name,
        tokens,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes a service; `false` if there was none.
pub async fn delete_service(
    connection: &mut PgConnection,
    ccid: Ccid,
    name: &str,
) -> sqlx::Result<bool> {
    let deleted = sqlx::query!(
        "delete from services where ccid = $1 and name = $2",
        ccid.as_uuid(),
        name
    )
    .execute(connection)
    .await?;
    Ok(deleted.rows_affected() == 1)
}

pub async fn find_sender(
    connection: &mut PgConnection,
    ccid: Ccid,
    section: &SectionName,
) -> sqlx::Result<Option<StoredSender>> {
    sqlx::query_as!(
        StoredSender,
        "select ccid, section, options, updated_at from senders where ccid = $1 and section = $2",
        ccid.as_uuid(),
        section.as_str(),
    )
    .fetch_optional(connection)
    .await
}

/// The sections of a tenant by name, from behind the section `after`.
pub async fn list_senders(
    connection: &mut PgConnection,
    ccid: Ccid,
    after: Option<&str>,
    limit: i64,
) -> sqlx::Result<Vec<StoredSender>> {
    sqlx::query_as!(
        StoredSender,
        "select ccid, section, options, updated_at
         from senders
         where ccid = $1 and ($2::text is null or section > $2)
         order by section
         limit $3",
        ccid.as_uuid(),
        after,
        limit,
    )
    .fetch_all(connection)
    .await
}

pub async fn put_sender(connection: &mut PgConnection, sender: &StoredSender) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into senders (ccid, section, options, updated_at) values ($1, $2, $3, $4)
         on conflict (ccid, section) do update set options = excluded.options, updated_at = excluded.updated_at",
        sender.ccid,
        sender.section,
        sender.options,
        sender.updated_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Puts many sections of a tenant at once.
pub async fn put_senders(
    connection: &mut PgConnection,
    ccid: Ccid,
    senders: &[StoredSender],
    updated_at: OffsetDateTime,
) -> sqlx::Result<()> {
    let sections: Vec<&str> = senders.iter().map(|sender| &*sender.section).collect();
    let options: Vec<&str> = senders.iter().map(|sender| &*sender.options).collect();
    sqlx::query!(
        "insert into senders (ccid, section, options, updated_at)
         select $1, section, options, $4 from unnest($2::text[], $3::text[]) as mine (section, options)
         on conflict (ccid, section) do update set options = excluded.options, updated_at = excluded.updated_at",
        ccid.as_uuid(),
        &sections as _,
        &options as _,
        updated_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes a section; `false` if there was none.
pub async fn delete_sender(
    connection: &mut PgConnection,
    ccid: Ccid,
    section: &SectionName,
) -> sqlx::Result<bool> {
    let deleted = sqlx::query!(
        "delete from senders where ccid = $1 and section = $2",
        ccid.as_uuid(),
        section.as_str()
    )
    .execute(connection)
    .await?;
    Ok(deleted.rows_affected() == 1)
}
