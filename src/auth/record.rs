//! What we know about an API key, but not the key.

use time::OffsetDateTime;
use uuid::Uuid;

use super::permission::PermissionSet;
use crate::values::Ccid;

/// For whom a key may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyTenant {
    /// Every tenant: on the wire `"*"`.
    Every,
    One(Ccid),
}

/// An API key as it is kept.
#[derive(Debug, Clone)]
pub struct KeyRecord {
    pub id: Uuid,
    pub tenant: KeyTenant,
    pub name: String,
    pub permissions: PermissionSet,
    pub enabled: bool,
    /// From this moment on the key opens nothing. `None`: it does not end.
    pub expires_at: Option<OffsetDateTime>,
    pub created_at: OffsetDateTime,
}

impl KeyTenant {
    pub fn from_stored(ccid: Option<Uuid>) -> Self {
        ccid.map_or(Self::Every, |uuid| Self::One(Ccid::from_uuid(uuid)))
    }

    pub fn as_uuid(self) -> Option<Uuid> {
        match self {
            Self::Every => None,
            Self::One(ccid) => Some(ccid.as_uuid()),
        }
    }

    /// Whether a key of this tenant may act for all that a key of the other may act for.
    pub fn covers(self, other: Self) -> bool {
        self == Self::Every || self == other
    }
}

impl KeyRecord {
    /// Whether the key opens anything at this moment.
    pub fn is_live(&self, now: OffsetDateTime) -> bool {
        self.enabled && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether this key may make or change the other: never one with more permissions or another tenant.
    pub fn may_change(&self, other: &Self) -> bool {
        self.tenant.covers(other.tenant) && self.permissions.covers(&other.permissions)
    }
}
