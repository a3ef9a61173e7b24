//! What callers send about API keys, and how it is read.

use serde::{Deserialize, Deserializer};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{EndChange, KeyChange, NewKey};
use crate::auth::permission::PermissionSet;
use crate::auth::{ApiKey, KeyTenant};
use crate::provisioning::error::Fault;
use crate::provisioning::wire;

/// Longest name of a key, in characters.
const NAME_CHARS_MAX: usize = 200;

/// Most permissions of one key.
const PERMISSIONS_MAX: usize = 100;

/// A key to be made.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewApiKey, examples(json!({
    "tenant": "0ff723ff-6c6f-44e0-9ce3-ce579337eadd", "name": "operations",
    "permissions": ["nexus:messages:*", "nexus:events:read"], "expiresAt": "2999-01-01T00:00:00Z",
})))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewKeyBody {
    /// A ccid, or `*` for every tenant.
    tenant: String,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// `nexus:<area>:<action>`, where `*` stands for one whole segment. Never more than the caller has.
    #[schema(min_items = 1, max_items = 100)]
    permissions: Vec<String>,
    enabled: Option<bool>,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// The value, where the caller chooses it: a UUID of version 4.
    #[schema(format = Uuid)]
    key: Option<String>,
}

/// What is to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[schema(as = ApiKeyChange, examples(json!({ "name": "operations", "enabled": false })))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct KeyChangeBody {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    enabled: Option<bool>,
    /// `null` takes the end away.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: GivenEnd,
}

/// A member that means something else when it is `null` than when it is left out.
#[derive(Default)]
enum GivenEnd {
    #[default]
    LeftOut,
    Null,
    Text(String),
}

impl<'de> Deserialize<'de> for GivenEnd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        Ok(text.map_or(Self::Null, Self::Text))
    }
}

impl NewKeyBody {
    pub(super) fn parse(self, now: OffsetDateTime) -> Result<NewKey, Vec<Fault>> {
        let mut faults = Vec::new();
        let chosen = self.key.and_then(|text| {
            ApiKey::chosen(&text)
                .map_err(|error| faults.push(Fault::new("/key", error.to_string())))
                .ok()
        });
        let tenant = parse_tenant(&self.tenant);
        if tenant.is_none() {
            faults.push(Fault::new("/tenant", "must be a ccid or *"));
        }
        check_name(&self.name, &mut faults);
        let permissions = parse_permissions(&self.permissions, &mut faults);
        let expires_at = self
            .expires_at
            .and_then(|text| parse_end(&text, &mut faults));
        if expires_at.is_some_and(|end| end <= now) {
            faults.push(Fault::new("/expiresAt", "is already past"));
        }
        match (tenant, permissions) {
            (Some(tenant), Some(permissions)) if faults.is_empty() => Ok(NewKey {
                chosen,
                tenant,
                name: self.name,
                permissions,
                enabled: self.enabled.unwrap_or(true),
                expires_at,
            }),
            (Some(_) | None, Some(_) | None) => Err(faults),
        }
    }
}

impl KeyChangeBody {
    pub(super) fn parse(self) -> Result<KeyChange, Vec<Fault>> {
        let mut faults = Vec::new();
        if let Some(name) = &self.name {
            check_name(name, &mut faults);
        }
        let end = match self.expires_at {
            GivenEnd::LeftOut => EndChange::Stays,
            GivenEnd::Null => EndChange::TakenAway,
            GivenEnd::Text(text) => {
                parse_end(&text, &mut faults).map_or(EndChange::Stays, EndChange::At)
            }
        };
        if faults.is_empty() {
            Ok(KeyChange {
                name: self.name,
                enabled: self.enabled,
                end,
            })
        } else {
            Err(faults)
        }
    }
}

/// Reads for whom a key may act.
pub(super) fn parse_tenant(text: &str) -> Option<KeyTenant> {
    if text == "*" {
        Some(KeyTenant::Every)
    } else {
        text.parse().ok().map(KeyTenant::One)
    }
}

fn check_name(name: &str, faults: &mut Vec<Fault>) {
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.contains(char::is_control) {
        faults.push(Fault::new(
            "/name",
            format!("must be 1 to {NAME_CHARS_MAX} characters without control characters"),
        ));
    }
}

fn parse_permissions(texts: &[String], faults: &mut Vec<Fault>) -> Option<PermissionSet> {
    if texts.is_empty() || texts.len() > PERMISSIONS_MAX {
        faults.push(Fault::new(
            "/permissions",
            format!("must be 1 to {PERMISSIONS_MAX} permissions"),
        ));
        return None;
    }
    let mut patterns = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        match text.parse() {
            Ok(pattern) => patterns.push(pattern),
            Err(error) => {
                let error: crate::auth::permission::PermissionError = error;
                faults.push(Fault::new(
                    format!("/permissions/{index}"),
                    error.to_string(),
                ));
            }
        }
    }
    (patterns.len() == texts.len()).then(|| patterns.into_iter().collect())
}

fn parse_end(text: &str, faults: &mut Vec<Fault>) -> Option<OffsetDateTime> {
    let end = wire::parse_time(text);
    if end.is_none() {
        faults.push(Fault::new("/expiresAt", "must be a time of RFC 3339"));
    }
    end
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use time::macros::datetime;

    use super::*;

    const NOON: OffsetDateTime = datetime!(2026-11-21 12:00 UTC);

    fn change(body: Value) -> KeyChange {
        serde_json::from_value::<KeyChangeBody>(body)
            .unwrap()
            .parse()
            .unwrap()
    }

    #[test]
    fn an_end_that_is_null_is_taken_away_and_one_left_out_stays() {
        assert_eq!(change(json!({})).end, EndChange::Stays);
        assert_eq!(
            change(json!({ "expiresAt": null })).end,
            EndChange::TakenAway
        );
        assert_eq!(
            change(json!({ "expiresAt": "2026-11-21T12:00:00Z" })).end,
            EndChange::At(NOON)
        );
    }

    #[test]
    fn a_new_key_is_enabled_and_has_no_end() {
        let body = json!({ "tenant": "*", "name": "n", "permissions": ["nexus:cluster:*"] });
        let key = serde_json::from_value::<NewKeyBody>(body)
            .unwrap()
            .parse(NOON)
            .unwrap();
        assert!(key.enabled && key.expires_at.is_none() && key.chosen.is_none());
        assert_eq!(key.tenant, KeyTenant::Every);
    }

    #[test]
    fn a_new_key_must_end_in_the_future() {
        let body = |end: &str| json!({ "tenant": "*", "name": "n", "permissions": ["nexus:cluster:*"], "expiresAt": end });
        let parse = |end: &str| {
            serde_json::from_value::<NewKeyBody>(body(end))
                .unwrap()
                .parse(NOON)
        };
        assert!(parse("2026-11-21T12:00:01Z").is_ok());
        assert_eq!(
            parse("2026-11-21T12:00:00Z").unwrap_err()[0].path,
            "/expiresAt"
        );
    }
}
