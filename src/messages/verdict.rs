//! Which units of a flush stand, judged by who holds their de-duplication keys. Pure.

use std::collections::{HashMap, HashSet};

use super::accept::Unit;
use super::model::{AcceptError, Accepted, Draft, Outcome};
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

/// The first ids of submissions whose `Idempotency-Key` another call holds.
pub type KeysUsed = HashSet<i64>;

/// What is to become of one unit.
#[derive(Debug)]
pub enum Verdict {
    /// What is to become of each draft.
    Stands { fates: Vec<Fate> },
    /// Nothing of it is stored; which of its drafts took their keys for nothing.
    Refused { why: AcceptError, took: Vec<bool> },
}

/// What is to become of one draft of a unit that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    New,
    /// It repeats this earlier message.
    Repeats(MessageId),
    /// It has the key of an earlier message with other content.
    Conflicts,
}

impl Verdict {
    /// Whether the draft's key is held by the draft itself.
    pub fn took_key(&self, index: usize) -> bool {
        match self {
            Self::Stands { fates } => fates[index] == Fate::New,
            Self::Refused { took, .. } => took[index],
        }
    }
}

/// Judges each unit of a batch.
pub fn judge(batch: &[Unit], holders: &Holders, used: &KeysUsed) -> Vec<Verdict> {
    let judge_one = |unit| judge_unit(unit, &fates(unit, holders), used);
    batch.iter().map(judge_one).collect()
}

fn judge_unit(unit: &Unit, fates: &[Fate], used: &KeysUsed) -> Verdict {
    let conflict = fates.iter().position(|fate| *fate == Fate::Conflicts);
    let why = match (&unit.submission, conflict) {
        (Some(_), _)
            if unit
                .ids
                .first()
                .is_some_and(|id| used.contains(&id.as_i64())) =>
        {
            Some(AcceptError::KeyUsed)
        }
        (None, Some(index)) => Some(AcceptError::Conflict { index }),
        (Some(_), _) | (None, None) => None,
    };
    match why {
        Some(why) => {
            let took = unit
                .drafts
                .iter()
                .zip(fates)
                .map(|(draft, fate)| draft.fingerprint.is_some() && *fate == Fate::New);
            Verdict::Refused {
                why,
                took: took.collect(),
            }
        }
        None => Verdict::Stands {
            fates: fates.to_vec(),
        },
    }
}

fn fates(unit: &Unit, holders: &Holders) -> Vec<Fate> {
    let fate = |(draft, id): (&Draft, &MessageId)| {
        let Some(fingerprint) = draft.fingerprint else {
            return Fate::New;
        };
        match holders.get(&(draft.ccid, fingerprint.key)) {
            Some(holder) if holder.id == *id => Fate::New,
            Some(holder) if holder.content == fingerprint.content => Fate::Repeats(holder.id),
            Some(_) => Fate::Conflicts,
            None => Fate::New,
        }
    };
    unit.drafts.iter().zip(&unit.ids).map(fate).collect()
}

/// The drafts that are to be stored now, with their ids.
pub fn standing<'a>(
    batch: &'a [Unit],
    verdicts: &'a [Verdict],
) -> impl Iterator<Item = (&'a Draft, MessageId)> {
    batch.iter().zip(verdicts).flat_map(|(unit, verdict)| {
        let fates: &[Fate] = match verdict {
            Verdict::Stands { fates } => fates,
            Verdict::Refused { .. } => &[],
        };
        let drafts = unit.drafts.iter().zip(&unit.ids).zip(fates);
        drafts
            .filter(|(_, fate)| **fate == Fate::New)
            .map(|((draft, id), _)| (draft, *id))
    })
}

/// The answer of each unit, now that the flush is durable.
pub fn outcomes(batch: &[Unit], verdicts: &[Verdict], stored: &Stored) -> Vec<Outcome> {
    batch
        .iter()
        .zip(verdicts)
        .map(|(unit, verdict)| outcome(unit, verdict, stored))
        .collect()
}

fn outcome(unit: &Unit, verdict: &Verdict, stored: &Stored) -> Outcome {
    let fates = match verdict {
        Verdict::Stands { fates } => fates,
        Verdict::Refused { why, .. } => return Err(*why),
    };
    let settle = |(index, (id, fate)): (usize, (&MessageId, &Fate))| match fate {
        Fate::Repeats(earlier) => Ok(Accepted {
            id: *earlier,
            suppression_changed: false,
        }),
        Fate::Conflicts => Err(AcceptError::Conflict { index }),
        Fate::New if stored.suppressed.contains(id) => Err(AcceptError::Suppressed),
        Fate::New => Ok(Accepted {
            id: *id,
            suppression_changed: stored.changed.contains(id),
        }),
    };
    let each = unit.ids.iter().zip(fates).enumerate().map(settle);
    Ok(each.collect())
}
