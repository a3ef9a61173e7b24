//! All SQL over API keys. A key is never removed but marked as deleted: so a revoked key cannot be taken again, and
//! replicas see the change when they read what is newer than their version.

use sqlx::PgConnection;
use time::OffsetDateTime;
use tracing::error;
use uuid::Uuid;

use super::key::KeyHash;
use super::permission::PermissionPattern;
use super::record::{KeyRecord, KeyTenant};

/// Which keys a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFilter {
    All,
    Of(KeyTenant),
}

/// A row as the keyring reads it.
#[derive(Debug)]
pub struct ChangedKey {
    pub hash: KeyHash,
    /// Absent: the key was deleted, or its row cannot be read.
    pub record: Option<KeyRecord>,
}

struct Row {
    id: Uuid,
    ccid: Option<Uuid>,
    name: String,
    permissions: Vec<String>,
    enabled: bool,
    expires_at: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
}

/// Stores a new key. `false`: the key is taken, by a deleted one perhaps; nothing was stored.
pub async fn insert(
    connection: &mut PgConnection,
    hash: &KeyHash,
    record: &KeyRecord,
    version: i64,
) -> sqlx::Result<bool> {
    let stored = sqlx::query!(
        "insert into api_keys (id, key_hash, ccid, name, permissions, enabled, expires_at, created_at, version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (key_hash) do nothing",
        record.id,
        hash.as_bytes(),
        record.tenant.as_uuid(),
        record.name,
        &record.permissions.patterns(),
        record.enabled,
        record.expires_at,
        record.created_at,
        version,
    )
    .execute(connection)
    .await?;
    Ok(stored.rows_affected() == 1)
}

/// Makes the row of this hash what `record` says, new or not, deleted or not. Its id and time of creation stay;
/// the id is answered.
pub async fn upsert(
    connection: &mut PgConnection,
    hash: &KeyHash,
    record: &KeyRecord,
    version: i64,
) -> sqlx::Result<Uuid> {
    sqlx::query_scalar!(
        "insert into api_keys (id, key_hash, ccid, name, permissions, enabled, expires_at, created_at, version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (key_hash) do update
         set ccid = excluded.ccid, name = excluded.name, permissions = excluded.permissions, enabled = excluded.enabled,
             expires_at = excluded.expires_at, version = excluded.version, deleted = false
         returning id",
        record.id,
        hash.as_bytes(),
        record.tenant.as_uuid(),
        record.name,
        &record.permissions.patterns(),
        record.enabled,
        record.expires_at,
        record.created_at,
        version,
    )
    .fetch_one(connection)
    .await
}

/// Finds a key by its hash, whoever's it is, unless it was deleted.
pub async fn find_by_hash(
    connection: &mut PgConnection,
    hash: &KeyHash,
) -> sqlx::Result<Option<KeyRecord>> {
    let row = sqlx::query_as!(
        Row,
        "select id, ccid, name, permissions, enabled, expires_at, created_at
         from api_keys
         where key_hash = $1 and not deleted",
        hash.as_bytes(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.and_then(Row::into_record))
}

/// Finds a key by its id, whoever's it is, unless it was deleted.
pub async fn find(connection: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<KeyRecord>> {
    let row = sqlx::query_as!(
        Row,
        "select id, ccid, name, permissions, enabled, expires_at, created_at
         from api_keys
         where id = $1 and not deleted",
        id,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.and_then(Row::into_record))
}

/// Lists keys, oldest first, from behind the key `after`.
pub async fn list(
    connection: &mut PgConnection,
    filter: KeyFilter,
    after: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<KeyRecord>> {
    let (all, ccid) = match filter {
        KeyFilter::All => (true, None),
        KeyFilter::Of(tenant) => (false, tenant.as_uuid()),
    };
    let rows = sqlx::query_as!(
        Row,
        "select id, ccid, name, permissions, enabled, expires_at, created_at
         from api_keys
         where not deleted
           and ($1 or ccid is not distinct from $2)
           -- The row of `after` is still there when its key was deleted meanwhile.
           and ($3::uuid is null or (created_at, id) > (
               select created_at, id from api_keys where id = $3 and ($1 or ccid is not distinct from $2)
           ))
         order by created_at, id
         limit $4",
        all,
        ccid,
        after,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().filter_map(Row::into_record).collect())
}

/// Stores the name, state and end of a key.
pub async fn update(
    connection: &mut PgConnection,
    record: &KeyRecord,
    version: i64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update api_keys set name = $2, enabled = $3, expires_at = $4, version = $5
         where id = $1 and not deleted",
        record.id,
        record.name,
        record.enabled,
        record.expires_at,
        version,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends a key for good.
pub async fn delete(connection: &mut PgConnection, id: Uuid, version: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "update api_keys set deleted = true, version = $2 where id = $1",
        id,
        version
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Reads every key whose version is above `version`, deleted ones too.
pub async fn changed_since(
    connection: &mut PgConnection,
    version: i64,
) -> sqlx::Result<Vec<ChangedKey>> {
    let rows = sqlx::query!(
        "select id, key_hash, ccid, name, permissions, enabled, expires_at, created_at, deleted
         from api_keys
         where version > $1",
        version,
    )
    .fetch_all(connection)
    .await?;
    let changed = rows.into_iter().filter_map(|row| {
        let hash = KeyHash::from_stored(&row.key_hash)?;
        let live = Row {
            id: row.id,
            ccid: row.ccid,
            name: row.name,
            permissions: row.permissions,
            enabled: row.enabled,
            expires_at: row.expires_at,
            created_at: row.created_at,
        };
        Some(ChangedKey {
            hash,
            record: if row.deleted {
                None
            } else {
                live.into_record()
            },
        })
    });
    Ok(changed.collect())
}

impl Row {
    /// `None`, with a log line, where a permission is none of this release's: such a key must not open anything.
    fn into_record(self) -> Option<KeyRecord> {
        let permissions = self
            .permissions
            .iter()
            .map(|text| text.parse::<PermissionPattern>())
            .collect();
        let Ok(permissions) = permissions else {
            error!(key.id = %self.id, "An API key has a permission that is not known here, and opens nothing");
            return None;
        };
        Some(KeyRecord {
            id: self.id,
            tenant: KeyTenant::from_stored(self.ccid),
            name: self.name,
            permissions,
            enabled: self.enabled,
            expires_at: self.expires_at,
            created_at: self.created_at,
        })
    }
}
