//! How records hang together: each has a place, and a hash over that, the hash before it and all that it says.
//!
//! Whoever changes a record, takes one out or moves one breaks the chain there. Whoever may write everything could forge
//! all that follows as well; what such a person cannot change is an anchor, a place and its hash that were given out.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::model::{Author, Record};

const LABEL: &[u8] = b"nexus-gateway audit v1";

/// SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

/// A place in the chain with the hash that stands there: what an anchor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    pub place: i64,
    pub hash: Hash,
}

/// The text is no `<place>:<64 hexadecimal digits>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an anchor is a place, a colon and 64 hexadecimal digits")]
pub struct NoLink;

impl Hash {
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What is stored as a hash; what has not its length is none.
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?))
    }

    /// The hash of a record at the place behind `before`.
    pub fn of(record: &Record, place: i64, before: Hash) -> Self {
        let mut hasher = Fields(Sha256::new());
        hasher.field(Some(LABEL));
        hasher.field(Some(&place.to_be_bytes()));
        hasher.field(Some(&before.0));
        hasher.field(Some(&record.id.to_be_bytes()));
        hasher.field(Some(&record.at.to_be_bytes()));
        hasher.field(
            record
                .ccid
                .map(|ccid| *ccid.as_uuid().as_bytes())
                .as_ref()
                .map(<[u8; 16]>::as_slice),
        );
        match &record.author {
            Author::Key { id, name } => {
                hasher.field(Some(b"key"));
                hasher.field(Some(id.as_bytes()));
                hasher.field(Some(name.as_bytes()));
            }
            Author::CommandLine => hasher.field(Some(b"command line")),
            Author::Gateway => hasher.field(Some(b"gateway")),
        }
        hasher.field(record.source.as_deref().map(str::as_bytes));
        hasher.field(Some(record.action.as_bytes()));
        hasher.field(Some(record.object_id.as_bytes()));
        for name in &record.changed {
            hasher.field(Some(name.as_bytes()));
        }
        Self(hasher.0.finalize().into())
    }
}

/// Fields one after the other, each with its length before it, so that no two records run together into the same bytes.
struct Fields(Sha256);

impl Fields {
    fn field(&mut self, field: Option<&[u8]>) {
        match field {
            None => self.0.update([0]),
            Some(bytes) => {
                self.0.update([1]);
                self.0.update((bytes.len() as u64).to_be_bytes());
                self.0.update(bytes);
            }
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.place, hex::encode(self.hash.0))
    }
}

impl FromStr for Link {
    type Err = NoLink;

    fn from_str(text: &str) -> Result<Self, NoLink> {
        let (place, hash) = text.split_once(':').ok_or(NoLink)?;
        let place = place.parse().map_err(|_| NoLink)?;
        let bytes = hex::decode(hash).map_err(|_| NoLink)?;
        let hash = Hash::from_stored(&bytes).ok_or(NoLink)?;
        Ok(Self { place, hash })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::values::Ccid;

    fn record() -> Record {
        Record {
            id: 7,
            at: 1_795_264_928_594,
            ccid: Some(Ccid::from_uuid(Uuid::from_u128(1))),
            author: Author::Key {
                id: Uuid::from_u128(2),
                name: "operations".to_owned(),
            },
            source: Some("198.51.100.7".to_owned()),
            action: "service.saved".to_owned(),
            object_id: "Async".to_owned(),
            changed: vec!["/url".to_owned(), "/data".to_owned()],
            hash: None,
        }
    }

    #[test]
    fn whatever_is_changed_changes_the_hash() {
        let before = Hash([3; 32]);
        let hash = Hash::of(&record(), 5, before);
        let other = |change: fn(&mut Record)| {
            let mut record = record();
            change(&mut record);
            Hash::of(&record, 5, before)
        };
        let all = [
            other(|record| record.id = 8),
            other(|record| record.at += 1),
            other(|record| record.ccid = None),
            other(|record| record.author = Author::Gateway),
            other(|record| record.author = Author::CommandLine),
            other(|record| record.source = None),
            other(|record| record.source = Some(String::new())),
            other(|record| record.action.push('!')),
            other(|record| record.object_id.clear()),
            other(|record| record.changed = vec!["/url/data".to_owned()]),
            other(|record| record.changed.reverse()),
            Hash::of(&record(), 6, before),
            Hash::of(&record(), 5, Hash([4; 32])),
        ];
        for (index, one) in all.iter().enumerate() {
            assert_ne!(*one, hash, "{index}");
            assert!(!all[..index].contains(one), "{index}");
        }
        assert_eq!(Hash::of(&record(), 5, before), hash);
    }

    #[test]
    fn an_anchor_is_read_as_it_is_written() {
        let link = Link {
            place: 41,
            hash: Hash([0xab; 32]),
        };
        assert_eq!(link.to_string().parse(), Ok(link));
        for text in ["", "41", "41:", "41:ab", "x:00", &format!("{link}0")] {
            assert_eq!(text.parse::<Link>(), Err(NoLink), "{text}");
        }
    }
}
