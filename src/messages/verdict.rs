//! Which units of a flush stand, judged by who holds their de-duplication keys. Pure.

use std::collections::HashMap;

use super::accept::Unit;
use super::model::{AcceptError, Accepted, Draft};
use super::store::accept::Stored;
use crate::values::{Ccid, MessageId};

/// Who holds a key: the message that was first, and what it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    pub id: MessageId,
    pub content: [u8; 16],
}

/// The holder of each key of a flush, this flush's own messages among them.
pub type Holders = HashMap<(Ccid, [u8; 16]), Holder>;

/// What is to become of one unit.
#[derive(Debug)]
pub enum Verdict {
    /// For each draft the id of the earlier message that it repeats, if it repeats one.
    Stands { repeats: Vec<Option<MessageId>> },
    /// A draft has the key of an earlier message with other content.
    Refused { index: usize, took: Vec<bool> },
}

impl Verdict {
    /// Whether the draft's key is held by the draft itself.
    pub fn took_key(&self, index: usize) -> bool {
        match self {
            Self::Stands { repeats } => repeats[index].is_none(),
            Self::Refused { took, .. } => took[index],
        }
    }
}

/// Judges each unit of a batch.
pub fn judge(batch: &[Unit], holders: &Holders) -> Vec<Verdict> {
    batch.iter().map(|unit| judge_unit(unit, holders)).collect()
}

fn judge_unit(unit: &Unit, holders: &Holders) -> Verdict {
    let earlier: Vec<Option<Holder>> = unit
        .drafts
        .iter()
        .zip(&unit.ids)
        .map(|(draft, id)| {
            let fingerprint = draft.fingerprint?;
            holders
                .get(&(draft.ccid, fingerprint.key))
                .filter(|holder| holder.id != *id)
                .copied()
        })
        .collect();
    let differs = |(draft, holder): (&Draft, &Option<Holder>)| {
        holder
            .zip(draft.fingerprint)
            .is_some_and(|(holder, fingerprint)| holder.content != fingerprint.content)
    };
    match unit.drafts.iter().zip(&earlier).position(differs) {
        Some(index) => {
            let took = unit
                .drafts
                .iter()
                .zip(&earlier)
                .map(|(draft, holder)| draft.fingerprint.is_some() && holder.is_none());
            Verdict::Refused {
                index,
                took: took.collect(),
            }
        }
        None => Verdict::Stands {
            repeats: earlier
                .iter()
                .map(|holder| holder.map(|holder| holder.id))
                .collect(),
        },
    }
}

/// The drafts that are to be stored now, with their ids.
pub fn standing<'a>(
    batch: &'a [Unit],
    verdicts: &'a [Verdict],
) -> impl Iterator<Item = (&'a Draft, MessageId)> {
    batch.iter().zip(verdicts).flat_map(|(unit, verdict)| {
        let repeats: &[Option<MessageId>] = match verdict {
            Verdict::Stands { repeats } => repeats,
            Verdict::Refused { .. } => &[],
        };
        let drafts = unit.drafts.iter().zip(&unit.ids).zip(repeats);
        drafts
            .filter(|(_, repeat)| repeat.is_none())
            .map(|((draft, id), _)| (draft, *id))
    })
}

/// The answer of each unit, now that the flush is durable.
pub fn outcomes(
    batch: &[Unit],
    verdicts: &[Verdict],
    stored: &Stored,
) -> Vec<Result<Vec<Accepted>, AcceptError>> {
    batch
        .iter()
        .zip(verdicts)
        .map(|(unit, verdict)| outcome(unit, verdict, stored))
        .collect()
}

fn outcome(unit: &Unit, verdict: &Verdict, stored: &Stored) -> Result<Vec<Accepted>, AcceptError> {
    let repeats = match verdict {
        Verdict::Stands { repeats } => repeats,
        Verdict::Refused { index, .. } => return Err(AcceptError::Conflict { index: *index }),
    };
    let settle = |(id, repeat): (&MessageId, &Option<MessageId>)| match repeat {
        Some(earlier) => Ok(Accepted {
            id: *earlier,
            suppression_changed: false,
        }),
        None if stored.suppressed.contains(id) => Err(AcceptError::Suppressed),
        None => Ok(Accepted {
            id: *id,
            suppression_changed: stored.changed.contains(id),
        }),
    };
    unit.ids.iter().zip(repeats).map(settle).collect()
}
