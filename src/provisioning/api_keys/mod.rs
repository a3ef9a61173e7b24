//! API keys as operators make and end them. Which key opens what is `auth`'s.
//!
//! A key never makes or changes one with more permissions or another tenant than its own, and does not see another
//! tenant's.

mod bodies;
mod error;
pub mod routes;

pub use error::ApiKeysError;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::change::Change;
use super::directory::Directory;
use crate::audit::model::Author;
use crate::audit::{Action, Entry};
use crate::auth::permission::PermissionSet;
use crate::auth::store::{self, KeyFilter};
use crate::auth::{ApiKey, Caller, KeyRecord, KeyTenant};
use crate::platform::database::Pool;

/// A key to be made.
#[derive(Debug)]
pub struct NewKey {
    /// `None`: a random one.
    pub chosen: Option<ApiKey>,
    pub tenant: KeyTenant,
    pub name: String,
    pub permissions: PermissionSet,
    pub enabled: bool,
    pub expires_at: Option<OffsetDateTime>,
}

impl NewKey {
    fn into_record(self, now: OffsetDateTime) -> (ApiKey, KeyRecord) {
        let record = KeyRecord {
            id: Uuid::new_v4(),
            tenant: self.tenant,
            name: self.name,
            permissions: self.permissions,
            enabled: self.enabled,
            expires_at: self.expires_at,
            created_at: now,
        };
        (self.chosen.unwrap_or_else(ApiKey::generate), record)
    }
}

/// What of a key is to be changed; `None` leaves it.
#[derive(Debug, Default)]
pub struct KeyChange {
    pub name: Option<String>,
    pub enabled: Option<bool>,
    pub end: EndChange,
}

/// What becomes of a key's end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EndChange {
    #[default]
    Stays,
    /// The key does not end any more.
    TakenAway,
    At(OffsetDateTime),
}

impl KeyChange {
    fn applied_to(self, key: &KeyRecord) -> KeyRecord {
        let key = key.clone();
        KeyRecord {
            name: self.name.unwrap_or(key.name),
            enabled: self.enabled.unwrap_or(key.enabled),
            expires_at: self.end.applied_to(key.expires_at),
            ..key
        }
    }
}

impl EndChange {
    fn applied_to(self, end: Option<OffsetDateTime>) -> Option<OffsetDateTime> {
        match self {
            Self::Stays => end,
            Self::TakenAway => None,
            Self::At(end) => Some(end),
        }
    }
}

/// What changes of API keys need.
#[derive(Debug, Clone)]
pub struct ApiKeys {
    pub pool: Pool,
    pub directory: Directory,
}

impl ApiKeys {
    /// Prepares a key that the caller may make. It is not stored yet.
    pub fn prepare(
        caller: &KeyRecord,
        new: NewKey,
        now: OffsetDateTime,
    ) -> Result<(ApiKey, KeyRecord), ApiKeysError> {
        let (key, record) = new.into_record(now);
        if caller.may_change(&record) {
            Ok((key, record))
        } else {
            Err(ApiKeysError::Escalation)
        }
    }

    /// Stores a prepared key as a part of a change; the key itself is not to be had again.
    pub async fn create(
        change: &mut Change,
        key: &ApiKey,
        record: &KeyRecord,
    ) -> Result<(), ApiKeysError> {
        let version = change.version();
        if store::insert(change.connection(), &key.hash(), record, version).await? {
            Ok(())
        } else {
            Err(ApiKeysError::Taken)
        }
    }

    /// Ends a key as a part of a change, which it was made for and which came to nothing.
    pub async fn withdraw(change: &mut Change, id: Uuid) -> Result<(), ApiKeysError> {
        let version = change.version();
        Ok(store::delete(change.connection(), id, version).await?)
    }

    /// Lists the keys that the caller may see, oldest first, from behind the key `after`.
    ///
    /// `tenant`: only keys of this one, which the caller must be allowed to act for.
    pub async fn list(
        &self,
        caller: &KeyRecord,
        tenant: Option<KeyTenant>,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<KeyRecord>, ApiKeysError> {
        let filter = match (tenant, caller.tenant) {
            (Some(tenant), own) if !own.covers(tenant) => return Err(ApiKeysError::OtherTenant),
            (Some(tenant), _) => KeyFilter::Of(tenant),
            (None, KeyTenant::Every) => KeyFilter::All,
            (None, own @ KeyTenant::One(_)) => KeyFilter::Of(own),
        };
        let mut connection = self.pool.acquire().await?;
        Ok(store::list(&mut connection, filter, after, limit).await?)
    }

    pub async fn find(&self, caller: &KeyRecord, id: Uuid) -> Result<KeyRecord, ApiKeysError> {
        let mut connection = self.pool.acquire().await?;
        visible(&mut connection, caller, id).await
    }

    /// Changes a key. In force here when this returns.
    pub async fn change(
        &self,
        caller: &Caller,
        id: Uuid,
        wanted: KeyChange,
    ) -> Result<KeyRecord, ApiKeysError> {
        let mut change = Change::begin(&self.pool).await?;
        let stored = changeable(change.connection(), caller.key(), id).await?;
        let record = wanted.applied_to(&stored);
        let version = change.version();
        store::update(change.connection(), &record, version).await?;
        let entry = entry(caller, Action::KeyChanged, &record).changing(changed(&stored, &record));
        let in_force = (&self.pool, &self.directory);
        change.commit(&entry, in_force).await?;
        Ok(record)
    }

    /// Ends a key for good. It opens nothing here when this returns.
    pub async fn delete(&self, caller: &Caller, id: Uuid) -> Result<(), ApiKeysError> {
        let mut change = Change::begin(&self.pool).await?;
        let record = changeable(change.connection(), caller.key(), id).await?;
        let version = change.version();
        store::delete(change.connection(), record.id, version).await?;
        let entry = entry(caller, Action::KeyDeleted, &record);
        let in_force = (&self.pool, &self.directory);
        change.commit(&entry, in_force).await?;
        Ok(())
    }
}

/// The record of what a caller does to a key.
pub(super) fn entry(caller: &Caller, action: Action, record: &KeyRecord) -> Entry {
    Entry::by_key(caller, None, (action, record.id.to_string())).of(record.tenant)
}

/// Which members of a key are not as they were.
fn changed(old: &KeyRecord, new: &KeyRecord) -> Vec<&'static str> {
    let members = [
        ("name", old.name != new.name),
        ("enabled", old.enabled != new.enabled),
        ("expiresAt", old.expires_at != new.expires_at),
    ];
    let changed = members.into_iter().filter(|(_, changed)| *changed);
    changed.map(|(name, _)| name).collect()
}

/// Makes a key in a database whose gateway is not running, for the first keys of a deployment.
pub async fn create_before_start(
    pool: &Pool,
    new: NewKey,
    now: OffsetDateTime,
) -> Result<ApiKey, ApiKeysError> {
    let (key, record) = new.into_record(now);
    let mut change = Change::begin(pool).await?;
    let version = change.version();
    if !store::insert(change.connection(), &key.hash(), &record, version).await? {
        return Err(ApiKeysError::Taken);
    }
    let made = (Action::KeyCreated, record.id.to_string());
    let entry = Entry::without_key(Author::CommandLine, made).of(record.tenant);
    change.commit_before_start(&entry).await?;
    Ok(key)
}

/// Sees to it that the configured key is a cluster key that opens everything. Called at start, before the directory is
/// read; where the key is as it should be, nothing is written.
pub async fn ensure_bootstrap_key(
    pool: &Pool,
    key: &ApiKey,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    let wanted = KeyRecord {
        id: Uuid::new_v4(),
        tenant: KeyTenant::Every,
        name: "bootstrap".to_owned(),
        permissions: PermissionSet::everything(),
        enabled: true,
        expires_at: None,
        created_at: now,
    };
    let mut connection = pool.acquire().await?;
    let stored = store::find_by_hash(&mut connection, &key.hash()).await?;
    drop(connection);
    if stored.is_some_and(|stored| {
        stored.may_change(&wanted) && stored.enabled && stored.expires_at.is_none()
    }) {
        return Ok(());
    }
    let mut change = Change::begin(pool).await?;
    let version = change.version();
    let id = store::upsert(change.connection(), &key.hash(), &wanted, version).await?;
    let made = (Action::KeyCreated, id.to_string());
    let entry = Entry::without_key(Author::Gateway, made);
    change.commit_before_start(&entry).await
}

/// A key that the caller may see; another tenant's is as unknown as one that does not exist.
async fn visible(
    connection: &mut PgConnection,
    caller: &KeyRecord,
    id: Uuid,
) -> Result<KeyRecord, ApiKeysError> {
    let found = store::find(connection, id).await?;
    found
        .filter(|record| caller.tenant.covers(record.tenant))
        .ok_or(ApiKeysError::NoKey)
}

async fn changeable(
    connection: &mut PgConnection,
    caller: &KeyRecord,
    id: Uuid,
) -> Result<KeyRecord, ApiKeysError> {
    let record = visible(connection, caller, id).await?;
    if caller.may_change(&record) {
        Ok(record)
    } else {
        Err(ApiKeysError::Escalation)
    }
}
