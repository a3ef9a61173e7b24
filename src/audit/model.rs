//! Records as values.

use uuid::Uuid;

use crate::auth::{Caller, KeyTenant};
use crate::values::Ccid;

macro_rules! actions {
    ($($(#[doc = $says:literal])* $name:ident = $word:literal;)+) => {
        /// What was done. The word before the dot says to what kind of object.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Action {
            $($(#[doc = $says])* $name,)+
        }

        impl Action {
            pub const ALL: &[Self] = &[$(Self::$name),+];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }
        }
    };
}

actions! {
    /// A service was defined, anew or for the first time.
    ServiceSaved = "service.saved";
    ServiceDeleted = "service.deleted";
    /// A service's provider calls under another address from then on.
    CallbackTokenRenewed = "service.callback-token-renewed";
    /// A section was saved, anew or for the first time.
    SenderSaved = "sender.saved";
    SenderDeleted = "sender.deleted";
    TenantImported = "tenant.imported";
    KeyCreated = "key.created";
    KeyChanged = "key.changed";
    KeyDeleted = "key.deleted";
    /// A key of every tenant was used; the object is the route.
    KeyUsed = "key.used";
    SuppressionSaved = "suppression.saved";
    SuppressionRemoved = "suppression.removed";
    ReplayBegun = "replay.begun";
    ReplayCancelled = "replay.cancelled";
    ErasureBegun = "erasure.begun";
    ErasureCancelled = "erasure.cancelled";
    /// Nothing of the person is left.
    ErasureCompleted = "erasure.completed";
    /// A dead letter was sent again.
    MessageRetried = "message.retried";
    EndpointPaused = "endpoint.paused";
    EndpointResumed = "endpoint.resumed";
    /// Everything is held since a restore.
    HoldBegun = "hold.begun";
    HoldReleased = "hold.released";
    /// Everything that is sealed begins to be sealed anew; the object is the master key.
    RekeyBegun = "rekey.begun";
    /// Everything is sealed with the object; what changed are the master keys that are not needed any more.
    RekeyEnded = "rekey.ended";
    /// Records that were old enough were dropped; the object is the last of them.
    RecordsDropped = "audit.dropped";
}

impl Action {
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|action| action.as_str() == word)
    }

    /// The kind of object that it is done to.
    pub fn object(self) -> &'static str {
        let word = self.as_str();
        word.split_once('.').map_or(word, |(object, _)| object)
    }
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// The holder of an API key, by the key's id and its name at that time.
    Key { id: Uuid, name: String },
    /// Somebody who may run commands where the gateway is installed.
    CommandLine,
    /// The gateway by itself, as it is configured.
    Gateway,
}

/// A record to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The tenant that it is about; `None`: none, or all of them.
    pub ccid: Option<Ccid>,
    pub author: Author,
    /// The address that the call came from.
    pub source: Option<String>,
    pub action: Action,
    /// Which object of its kind.
    pub object_id: String,
    /// Names of the members that changed, never what they hold.
    pub changed: Vec<String>,
}

impl Entry {
    /// What a caller did to an object of a tenant.
    pub fn by(
        caller: &Caller,
        ccid: Ccid,
        (action, object_id): (Action, impl Into<String>),
    ) -> Self {
        Self::by_key(caller, Some(ccid), (action, object_id))
    }

    /// What a caller did to an object of whichever tenant, or none.
    pub fn by_key(
        caller: &Caller,
        ccid: Option<Ccid>,
        (action, object_id): (Action, impl Into<String>),
    ) -> Self {
        let key = caller.key();
        Self {
            ccid,
            author: Author::Key {
                id: key.id,
                name: key.name.clone(),
            },
            source: caller.address().map(|address| address.to_string()),
            action,
            object_id: object_id.into(),
            changed: Vec::new(),
        }
    }

    /// What was done by a command, or by the gateway itself.
    pub fn without_key(author: Author, (action, object_id): (Action, impl Into<String>)) -> Self {
        Self {
            ccid: None,
            author,
            source: None,
            action,
            object_id: object_id.into(),
            changed: Vec::new(),
        }
    }

    #[must_use]
    pub fn of(self, tenant: KeyTenant) -> Self {
        let ccid = match tenant {
            KeyTenant::Every => None,
            KeyTenant::One(ccid) => Some(ccid),
        };
        Self { ccid, ..self }
    }

    #[must_use]
    pub fn changing(self, changed: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            changed: changed.into_iter().map(Into::into).collect(),
            ..self
        }
    }
}

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub id: i64,
    /// Unix milliseconds on the database's clock.
    pub at: i64,
    pub ccid: Option<Ccid>,
    pub author: Author,
    pub source: Option<String>,
    /// A word of [`Action`]; that of another release may be unknown here.
    pub action: String,
    pub object_id: String,
    pub changed: Vec<String>,
    /// Over the record and all before it; `None`: it is not in the chain yet.
    pub hash: Option<Vec<u8>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_a_word_of_its_own_that_names_its_object() {
        for action in Action::ALL {
            assert_eq!(Action::from_word(action.as_str()), Some(*action));
            assert!(
                action
                    .as_str()
                    .starts_with(&format!("{}.", action.object()))
            );
        }
    }
}
