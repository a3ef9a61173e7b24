//! Everybody who may hold something that looks like an API key.

use std::collections::HashMap;

use nexus_gateway::auth::permission::Permission;
use nexus_gateway::platform::clock::rfc3339;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::TestGateway;
use crate::harness::tenant::Tenant;

/// Whose something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    Ours,
    Theirs,
    /// Of a tenant that nobody ever made.
    Nobodys,
}

impl Side {
    pub const ALL: [Self; 3] = [Self::Ours, Self::Theirs, Self::Nobodys];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    Owner,
    OtherTenant,
    ReadOnly,
    /// A key with the one permission that the operation needs.
    OnlyThis,
    /// A key with every permission but that one.
    AllButThis,
    Cluster,
    Disabled,
    Expired,
    Deleted,
    /// A key that was never made.
    Unknown,
    Malformed,
    Nobody,
    /// The owner's key, twice.
    Twice,
}

impl Who {
    pub const ALL: [Self; 13] = [
        Self::Owner,
        Self::OtherTenant,
        Self::ReadOnly,
        Self::OnlyThis,
        Self::AllButThis,
        Self::Cluster,
        Self::Disabled,
        Self::Expired,
        Self::Deleted,
        Self::Unknown,
        Self::Malformed,
        Self::Nobody,
        Self::Twice,
    ];

    pub fn is_live(self) -> bool {
        match self {
            Self::Owner
            | Self::OtherTenant
            | Self::ReadOnly
            | Self::OnlyThis
            | Self::AllButThis
            | Self::Cluster => true,
            Self::Disabled
            | Self::Expired
            | Self::Deleted
            | Self::Unknown
            | Self::Malformed
            | Self::Nobody
            | Self::Twice => false,
        }
    }

    /// Whether a live key may act for this tenant.
    pub fn covers(self, side: Side) -> bool {
        self == Self::Cluster
            || (self == Self::OtherTenant) == (side == Side::Theirs) && side != Side::Nobodys
    }

    /// Whether a live key has the permission that an operation needs.
    pub fn may(self, permission: &str) -> bool {
        self != Self::AllButThis && (self != Self::ReadOnly || permission.ends_with(":read"))
    }
}

/// The keys that they hold.
#[derive(Debug)]
pub struct Rings {
    held: HashMap<Who, String>,
    only: HashMap<String, String>,
    all_but: HashMap<String, String>,
}

impl Rings {
    pub async fn cut(gateway: &TestGateway, ours: &Tenant, theirs: &Tenant) -> Self {
        let soon = rfc3339(gateway.clock.now_ms() + 3_600_000);
        let mut held = HashMap::from([
            (Who::Owner, ours.key.clone()),
            (Who::Twice, ours.key.clone()),
            (Who::OtherTenant, theirs.key.clone()),
            (Who::Cluster, gateway.bootstrap_key().to_owned()),
            (Who::Unknown, Uuid::new_v4().to_string()),
            (Who::Malformed, "not-a-key".to_owned()),
        ]);
        let every = json!(["nexus:*:*"]);
        let (read_only, _) = made(ours, json!({ "permissions": ["nexus:*:read"] })).await;
        let (disabled, _) = made(ours, json!({ "permissions": every, "enabled": false })).await;
        let (expired, id) = made(ours, json!({ "permissions": every, "expiresAt": soon })).await;
        let (deleted, gone) = made(ours, json!({ "permissions": every })).await;
        let path = |id| format!("/nexus/v3/provisioning/apikeys/{id}");
        assert_eq!(ours.delete(&path(gone)).await.status, 200);
        let past = json!({ "expiresAt": "2020-01-01T00:00:00Z" });
        let ended = ours
            .call(reqwest::Method::PATCH, &path(id), Some(&past))
            .await;
        assert_eq!(ended.status, 200, "{:?}", ended.json());
        for (who, key) in [
            (Who::ReadOnly, read_only),
            (Who::Disabled, disabled),
            (Who::Expired, expired),
            (Who::Deleted, deleted),
        ] {
            held.insert(who, key);
        }
        let all: Vec<String> = Permission::ALL.iter().map(ToString::to_string).collect();
        let (mut only, mut all_but) = (HashMap::new(), HashMap::new());
        for permission in &all {
            let rest: Vec<_> = all.iter().filter(|other| *other != permission).collect();
            let (key, _) = made(ours, json!({ "permissions": [permission] })).await;
            only.insert(permission.clone(), key);
            let (key, _) = made(ours, json!({ "permissions": rest })).await;
            all_but.insert(permission.clone(), key);
        }
        Self {
            held,
            only,
            all_but,
        }
    }

    /// What they show at an operation that needs this permission.
    pub fn shown(&self, who: Who, permission: &str) -> Option<&str> {
        let key = match who {
            Who::Nobody => None,
            Who::OnlyThis => self.only.get(permission),
            Who::AllButThis => self.all_but.get(permission),
            Who::Owner
            | Who::OtherTenant
            | Who::ReadOnly
            | Who::Cluster
            | Who::Disabled
            | Who::Expired
            | Who::Deleted
            | Who::Unknown
            | Who::Malformed
            | Who::Twice => self.held.get(&who),
        };
        key.map(String::as_str)
    }

    /// The same as values of a header.
    pub fn values(&self, who: Who, permission: &str) -> Vec<HeaderValue> {
        let shown = self.shown(who, permission);
        let value = shown.map(|key| HeaderValue::from_str(key).unwrap());
        let times = if who == Who::Twice { 2 } else { 1 };
        value
            .into_iter()
            .flat_map(|value| vec![value; times])
            .collect()
    }
}

/// A key and its id.
async fn made(tenant: &Tenant, members: Value) -> (String, String) {
    let mut body = json!({ "tenant": tenant.ccid, "name": "walker" });
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    let made = tenant.post("/nexus/v3/provisioning/apikeys", &body).await;
    assert_eq!(made.status, 201, "{:?}", made.json());
    let data = &made.json()["data"];
    let text = |member: &str| data[member].as_str().unwrap().to_owned();
    (text("key"), text("id"))
}
