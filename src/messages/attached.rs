//! Stored files that messages refer to: a message with one that its tenant does not have is not taken.

use std::collections::BTreeMap;

use tracing::warn;

use super::item::ItemRefused;
use super::submit::Measured;
use crate::content::document::Fault;
use crate::media::error::ReferenceRefused;
use crate::media::references::References;
use crate::values::{Ccid, MediaId, ReasonCode};

/// A reference: the place of its message, the number of its part there, and the file.
type Attached = (usize, usize, MediaId);

/// Refuses each message that refers to a file that it may not refer to, and names every such part.
pub(super) async fn refuse_unknown(
    media: &References,
    ccid: Ccid,
    drafts: &mut [Result<Measured, ItemRefused>],
) {
    let attached: Vec<Attached> = drafts
        .iter()
        .enumerate()
        .filter_map(|(place, draft)| Some((place, draft.as_ref().ok()?)))
        .flat_map(|(place, (draft, _))| {
            let uploaded = draft.content.uploaded_media();
            uploaded.map(move |(part, id)| (place, part, id))
        })
        .collect();
    if attached.is_empty() {
        return;
    }
    let ids: Vec<MediaId> = attached.iter().map(|(_, _, id)| *id).collect();
    match media.judge(ccid, &ids).await {
        Ok(judged) => {
            let mut faults: BTreeMap<usize, Vec<Fault>> = BTreeMap::new();
            for ((place, part, _), judged) in attached.into_iter().zip(judged) {
                if let Err(refused) = judged {
                    faults.entry(place).or_default().push(fault(part, refused));
                }
            }
            for (place, faults) in faults {
                drafts[place] = Err(ItemRefused::faults(faults));
            }
        }
        Err(error) => {
            warn!(error.cause = %error, "It could not be seen whether media are there");
            for (place, ..) in attached {
                let sentence = "it cannot be seen at the moment whether its media are there";
                drafts[place] = Err(ItemRefused::new(503, sentence));
            }
        }
    }
}

fn fault(part: usize, refused: ReferenceRefused) -> Fault {
    Fault {
        path: format!("/content/{part}/url"),
        message: refused.to_string(),
        reason: match refused {
            ReferenceRefused::Unknown | ReferenceRefused::TooOld => ReasonCode::InvalidStructure,
            ReferenceRefused::NoLinks => ReasonCode::NotAllowed,
        },
    }
}
