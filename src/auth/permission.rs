//! What an API key may do: permissions `nexus:<area>:<action>`, and patterns of them.
//!
//! In a pattern `*` stands for exactly one whole segment after `nexus`. `nexus:cluster:*` is every permission.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// What a call needs. Each is one pair of area and action; there are no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// To hand in what providers and aggregators tell us.
    CallbacksWrite,
    ProvisioningRead,
    ProvisioningWrite,
    ApiKeysRead,
    ApiKeysWrite,
    TemplatesRead,
    TemplatesWrite,
    CampaignsRead,
    CampaignsWrite,
    SuppressionsRead,
    SuppressionsWrite,
    EndpointsRead,
    EndpointsWrite,
    SubscriptionsRead,
    SubscriptionsWrite,
    /// To send messages, reply in conversations, and replay.
    MessagesSend,
    MessagesRead,
    EventsRead,
    AuditRead,
}

/// The middle segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Area {
    Callbacks,
    Provisioning,
    ApiKeys,
    Templates,
    Campaigns,
    Suppressions,
    Endpoints,
    Subscriptions,
    Messages,
    Events,
    Audit,
}

/// The last segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Action {
    Read,
    Write,
    Send,
}

impl Permission {
    pub const ALL: [Self; 19] = [
        Self::CallbacksWrite,
        Self::ProvisioningRead,
        Self::ProvisioningWrite,
        Self::ApiKeysRead,
        Self::ApiKeysWrite,
        Self::TemplatesRead,
        Self::TemplatesWrite,
        Self::CampaignsRead,
        Self::CampaignsWrite,
        Self::SuppressionsRead,
        Self::SuppressionsWrite,
        Self::EndpointsRead,
        Self::EndpointsWrite,
        Self::SubscriptionsRead,
        Self::SubscriptionsWrite,
        Self::MessagesSend,
        Self::MessagesRead,
        Self::EventsRead,
        Self::AuditRead,
    ];

    const fn parts(self) -> (Area, Action) {
        match self {
            Self::CallbacksWrite => (Area::Callbacks, Action::Write),
            Self::ProvisioningRead => (Area::Provisioning, Action::Read),
            Self::ProvisioningWrite => (Area::Provisioning, Action::Write),
            Self::ApiKeysRead => (Area::ApiKeys, Action::Read),
            Self::ApiKeysWrite => (Area::ApiKeys, Action::Write),
            Self::TemplatesRead => (Area::Templates, Action::Read),
            Self::TemplatesWrite => (Area::Templates, Action::Write),
            Self::CampaignsRead => (Area::Campaigns, Action::Read),
            Self::CampaignsWrite => (Area::Campaigns, Action::Write),
            Self::SuppressionsRead => (Area::Suppressions, Action::Read),
            Self::SuppressionsWrite => (Area::Suppressions, Action::Write),
            Self::EndpointsRead => (Area::Endpoints, Action::Read),
            Self::EndpointsWrite => (Area::Endpoints, Action::Write),
            Self::SubscriptionsRead => (Area::Subscriptions, Action::Read),
            Self::SubscriptionsWrite => (Area::Subscriptions, Action::Write),
            Self::MessagesSend => (Area::Messages, Action::Send),
            Self::MessagesRead => (Area::Messages, Action::Read),
            Self::EventsRead => (Area::Events, Action::Read),
            Self::AuditRead => (Area::Audit, Action::Read),
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (area, action) = self.parts();
        write!(formatter, "nexus:{}:{}", area.as_str(), action.as_str())
    }
}

impl Area {
    const ALL: [Self; 11] = [
        Self::Callbacks,
        Self::Provisioning,
        Self::ApiKeys,
        Self::Templates,
        Self::Campaigns,
        Self::Suppressions,
        Self::Endpoints,
        Self::Subscriptions,
        Self::Messages,
        Self::Events,
        Self::Audit,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Callbacks => "callbacks",
            Self::Provisioning => "provisioning",
            Self::ApiKeys => "apikeys",
            Self::Templates => "templates",
            Self::Campaigns => "campaigns",
            Self::Suppressions => "suppressions",
            Self::Endpoints => "endpoints",
            Self::Subscriptions => "subscriptions",
            Self::Messages => "messages",
            Self::Events => "events",
            Self::Audit => "audit",
        }
    }
}

impl Action {
    const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Send];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Send => "send",
        }
    }
}

/// What a key was given: one permission, or all of an area, of an action, or of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PermissionPattern(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// `nexus:cluster:*`
    Cluster,
    /// `None` is `*`.
    Segments {
        area: Option<Area>,
        action: Option<Action>,
    },
}

/// Why a text is not a permission that a key can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PermissionError {
    #[error(
        "a permission is nexus:<area>:<action>, where * stands for exactly one whole area or action, or nexus:cluster:*"
    )]
    Form,
    #[error("the area of a permission is one of {}, * and cluster", words(&Area::ALL.map(Area::as_str)))]
    Area,
    #[error("the action of a permission is one of {} and *", words(&Action::ALL.map(Action::as_str)))]
    Action,
    #[error("this area has no such action; the permissions are {}", words(&Permission::ALL.map(|one| one.to_string())))]
    Pair,
    #[error("the only permission in the area cluster is nexus:cluster:*")]
    Cluster,
}

fn words<Word: AsRef<str>>(words: &[Word]) -> String {
    words
        .iter()
        .map(AsRef::as_ref)
        .collect::<Vec<&str>>()
        .join(", ")
}

impl PermissionPattern {
    pub fn allows(self, permission: Permission) -> bool {
        match self.0 {
            Kind::Cluster => true,
            Kind::Segments { area, action } => {
                let (its_area, its_action) = permission.parts();
                area.is_none_or(|area| area == its_area)
                    && action.is_none_or(|action| action == its_action)
            }
        }
    }

    /// Whether this pattern gives whatever the other does, also in a release that knows more permissions.
    fn covers(self, other: Self) -> bool {
        match (self.0, other.0) {
            (Kind::Cluster, _) => true,
            (Kind::Segments { .. }, Kind::Cluster) => false,
            (
                Kind::Segments { area, action },
                Kind::Segments {
                    area: its_area,
                    action: its_action,
                },
            ) => (area.is_none() || area == its_area) && (action.is_none() || action == its_action),
        }
    }
}

impl FromStr for PermissionPattern {
    type Err = PermissionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut segments = text.split(':');
        let (Some("nexus"), Some(area), Some(action), None) = (
            segments.next(),
            segments.next(),
            segments.next(),
            segments.next(),
        ) else {
            return Err(PermissionError::Form);
        };
        if area == "cluster" {
            return if action == "*" {
                Ok(Self(Kind::Cluster))
            } else {
                Err(PermissionError::Cluster)
            };
        }
        let area = match area {
            "*" => None,
            word => Some(
                Area::ALL
                    .into_iter()
                    .find(|area| area.as_str() == word)
                    .ok_or(PermissionError::Area)?,
            ),
        };
        let action = match action {
            "*" => None,
            word => Some(
                Action::ALL
                    .into_iter()
                    .find(|action| action.as_str() == word)
                    .ok_or(PermissionError::Action)?,
            ),
        };
        let pattern = Self(Kind::Segments { area, action });
        let gives_something = Permission::ALL
            .into_iter()
            .any(|permission| pattern.allows(permission));
        if gives_something {
            Ok(pattern)
        } else {
            Err(PermissionError::Pair)
        }
    }
}

impl fmt::Display for PermissionPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Cluster => formatter.write_str("nexus:cluster:*"),
            Kind::Segments { area, action } => {
                let area = area.map_or("*", Area::as_str);
                let action = action.map_or("*", Action::as_str);
                write!(formatter, "nexus:{area}:{action}")
            }
        }
    }
}

/// All that one key may do. A pattern that is given twice is kept once, so a set is never larger than the few dozen
/// patterns there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PermissionSet(BTreeSet<PermissionPattern>);

impl PermissionSet {
    /// The set of `nexus:cluster:*`.
    pub fn everything() -> Self {
        Self(BTreeSet::from([PermissionPattern(Kind::Cluster)]))
    }

    pub fn allows(&self, permission: Permission) -> bool {
        self.0.iter().any(|pattern| pattern.allows(permission))
    }

    /// Whether a key with this set may give the other to a key.
    ///
    /// Each pattern of the other must lie within one of this set. So a set of single permissions does not cover a `*`
    /// even where it lists all that the `*` means in this release: a later one could make the given key the stronger.
    pub fn covers(&self, other: &Self) -> bool {
        other
            .0
            .iter()
            .all(|pattern| self.0.iter().any(|mine| mine.covers(*pattern)))
    }

    /// As they are shown and stored.
    pub fn patterns(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}

impl From<Permission> for PermissionPattern {
    fn from(permission: Permission) -> Self {
        let (area, action) = permission.parts();
        Self(Kind::Segments {
            area: Some(area),
            action: Some(action),
        })
    }
}

impl FromIterator<PermissionPattern> for PermissionSet {
    fn from_iter<Patterns: IntoIterator<Item = PermissionPattern>>(patterns: Patterns) -> Self {
        Self(patterns.into_iter().collect())
    }
}

#[cfg(test)]
mod tests;
