//! Submissions that are made once, whatever their caller repeats: what became of each message is stored with the key, in
//! the same transaction as the messages, and a repeat is answered from it.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::accept::Unit;
use super::item::ItemRefused;
use super::model::{AcceptError, Accepted, Outcome};
use super::submit::{ItemAccepted, Submit, refused};
use crate::content::document::Fault;
use crate::platform::http::idempotency::KeyedCall;
use crate::platform::http::idempotency::store::Claim;
use crate::provisioning::directory::Snapshot;
use crate::values::{Encoding, MessageId, ReasonCode, Segments, TraceContext};

/// What became of each message of a submission, in order.
pub type Results = Vec<Result<ItemAccepted, ItemRefused>>;

/// A submission under a key, on its way to the store.
#[derive(Debug, Clone)]
pub struct Submission {
    pub call: KeyedCall,
    /// Each message in order: its measure where there is a draft of it, else why there is none.
    pub items: Vec<Result<Option<Segments>, ItemRefused>>,
}

/// Why an agent's words are not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReplyRefused {
    #[error("the Idempotency-Key was used before")]
    KeyUsed,
    #[error("{}", .0.message)]
    Item(ItemRefused),
}

impl From<ItemRefused> for ReplyRefused {
    fn from(refused: ItemRefused) -> Self {
        Self::Item(refused)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum StoredResult {
    Accepted {
        id: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        segments: Option<u16>,
        #[serde(default)]
        ucs2: bool,
    },
    Refused {
        code: u16,
        message: String,
        /// JSON pointer, sentence and reason code of each fault.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        details: Vec<(String, String, u16)>,
    },
}

impl Submit {
    /// The same once: all that can be stored is stored with the key, or nothing is.
    ///
    /// # Errors
    ///
    /// [`AcceptError::KeyUsed`], and where nothing could be stored.
    pub async fn messages_once(
        &self,
        call: KeyedCall,
        directory: &Snapshot,
        items: &[Box<RawValue>],
        trace: &TraceContext,
    ) -> Result<Results, AcceptError> {
        let mut drafts = Vec::with_capacity(items.len());
        let mut read = Vec::with_capacity(items.len());
        for draft in self.drafts(call.ccid, directory, items, trace).await {
            let draft = self.admitted(draft).await;
            read.push(draft.map(|(draft, segments)| {
                drafts.push(draft);
                segments
            }));
        }
        // What cannot be judged at this moment must not be refused for as long as the key is known.
        if read
            .iter()
            .any(|item| item.as_ref().is_err_and(|refused| refused.code == 503))
        {
            return Err(AcceptError::Unavailable);
        }
        let submission = Submission { call, items: read };
        if drafts.is_empty() {
            return Ok(submission.results(&[]));
        }
        let each = self.accept.store_once(drafts, submission.clone()).await?;
        Ok(submission.results(&each))
    }
}

impl Submission {
    /// The results, now that each draft's is known.
    pub fn results(&self, drafts: &[Result<Accepted, AcceptError>]) -> Results {
        let mut drafts = drafts.iter();
        let result = |item: &Result<Option<Segments>, ItemRefused>| {
            let segments = item.clone()?;
            let settled = drafts.next().copied();
            let accepted = settled.unwrap_or(Err(AcceptError::Unavailable));
            accepted
                .map(|accepted| ItemAccepted { accepted, segments })
                .map_err(refused)
        };
        self.items.iter().map(result).collect()
    }

    /// The results as they are stored.
    pub(super) fn stored(&self, drafts: &[Result<Accepted, AcceptError>]) -> String {
        let results = self.results(drafts);
        let stored: Vec<StoredResult> = results.into_iter().map(StoredResult::from).collect();
        // Numbers and texts can always be written.
        serde_json::to_string(&stored).unwrap_or_default()
    }
}

/// Reads results as they were stored; `None` where another release or another hand wrote them.
pub fn read(stored: &str) -> Option<Results> {
    let stored: Vec<StoredResult> = serde_json::from_str(stored).ok()?;
    Some(stored.into_iter().map(StoredResult::into_result).collect())
}

impl From<Result<ItemAccepted, ItemRefused>> for StoredResult {
    fn from(result: Result<ItemAccepted, ItemRefused>) -> Self {
        match result {
            Ok(ItemAccepted { accepted, segments }) => Self::Accepted {
                id: accepted.id.as_i64(),
                segments: segments.map(|segments| segments.count),
                ucs2: segments.is_some_and(|segments| segments.encoding == Encoding::Ucs2),
            },
            Err(refused) => Self::Refused {
                code: refused.code,
                message: refused.message,
                details: refused
                    .details
                    .into_iter()
                    .map(|fault| (fault.path, fault.message, fault.reason.code()))
                    .collect(),
            },
        }
    }
}

impl StoredResult {
    fn into_result(self) -> Result<ItemAccepted, ItemRefused> {
        match self {
            Self::Accepted { id, segments, ucs2 } => Ok(ItemAccepted {
                accepted: Accepted {
                    id: MessageId::from_i64(id),
                    suppression_changed: false,
                },
                segments: segments.map(|count| Segments {
                    encoding: if ucs2 { Encoding::Ucs2 } else { Encoding::Gsm7 },
                    count,
                }),
            }),
            Self::Refused {
                code,
                message,
                details,
            } => Err(ItemRefused {
                code,
                message,
                details: details.into_iter().map(fault).collect(),
            }),
        }
    }
}

/// What became of a unit's only draft.
pub(super) fn only(outcome: Outcome) -> Result<Accepted, AcceptError> {
    let first = outcome?.into_iter().next();
    first.unwrap_or(Err(AcceptError::Unavailable))
}

/// The keys of the submissions of a batch.
pub(super) fn claims(batch: &[Unit]) -> Vec<Claim<'_>> {
    batch.iter().filter_map(claim).collect()
}

/// What is stored with the keys of a batch: the results of each submission that stands.
pub(super) fn results<'a>(batch: &'a [Unit], outcomes: &[Outcome]) -> Vec<(Claim<'a>, String)> {
    let stored = |(unit, outcome): (&'a Unit, &Outcome)| {
        let each = outcome.as_ref().ok()?;
        Some((claim(unit)?, unit.submission.as_ref()?.stored(each)))
    };
    batch.iter().zip(outcomes).filter_map(stored).collect()
}

fn claim(unit: &Unit) -> Option<Claim<'_>> {
    Some(Claim {
        call: &unit.submission.as_ref()?.call,
        claimant: unit.ids.first()?.as_i64(),
    })
}

fn fault((path, message, code): (String, String, u16)) -> Fault {
    Fault {
        path,
        message,
        reason: ReasonCode::from_code(code).unwrap_or(ReasonCode::InvalidStructure),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::platform::http::idempotency::RequestKey;
    use crate::values::Ccid;

    #[test]
    fn what_was_stored_is_read_as_the_same() {
        let ucs2 = Segments {
            encoding: Encoding::Ucs2,
            count: 3,
        };
        let submission = Submission {
            call: RequestKey::new("k", [0; 32]).of(Ccid::from_uuid(Uuid::nil())),
            items: vec![
                Ok(Some(ucs2)),
                Err(ItemRefused::new(510, "no such type")),
                Ok(None),
                Ok(Some(Segments::measure("Hello"))),
            ],
        };
        let accepted = |id| {
            Ok(Accepted {
                id: MessageId::from_i64(id),
                suppression_changed: false,
            })
        };
        let drafts = [accepted(7), Err(AcceptError::Suppressed), accepted(9)];
        let results = submission.results(&drafts);
        assert_eq!(results[1].as_ref().unwrap_err().code, 510);
        assert_eq!(results[2].as_ref().unwrap_err().code, 350);
        assert_eq!(read(&submission.stored(&drafts)).unwrap(), results);
    }
}
