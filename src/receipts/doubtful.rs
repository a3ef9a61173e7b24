//! Messages of which nobody knows whether they were sent, and receipts of which nobody knows whose they are.
//!
//! Where a provider does not know our ids, the answer with its own is what joins the two, and it was never read. What is
//! left is whom the message was for. A receipt is taken to be a message's only where no other message could have brought
//! it: not one whose answer may still come, and not one that was given up.

use std::collections::{BTreeSet, HashMap, HashSet};

use sqlx::{Connection, PgConnection};
use tracing::error;

use super::intake::apply_parked;
use super::store;
use crate::history;
use crate::lanes;
use crate::messages::status::Status;
use crate::messages::store::nameless::{self, Nameless};
use crate::messages::store::sent;
use crate::platform::database::error::{Fault, fault};
use crate::values::{Ccid, MessageId};

/// Receipts and messages of one person that are looked at. Where there are more, nothing is decided.
const ROWS_MAX: i64 = 200;

/// A receipt that waits under no known name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub key: [u8; 16],
    /// Unix milliseconds.
    pub parked_at: i64,
    /// Empty where it names none.
    pub channel_id: String,
    pub connector: String,
    pub provider_id: String,
}

/// A message that may have brought a receipt under a name that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubtful {
    pub id: MessageId,
    pub channel_id: String,
    pub connector: String,
    /// Its status is `Unknown`, and has not been waited for in vain.
    pub is_unknown: bool,
}

/// Says which receipts are which message's, the first that came first. All others stay as they are.
pub fn decide<'a>(waiting: &'a [Waiting], doubtful: &[Doubtful]) -> Vec<(&'a Waiting, MessageId)> {
    let mut decided: Vec<(&Waiting, MessageId)> = Vec::new();
    for receipt in waiting {
        let mut candidates = doubtful.iter().filter(|message| {
            message.connector == receipt.connector
                && (receipt.channel_id.is_empty() || receipt.channel_id == message.channel_id)
                && message.id.unix_ms() <= receipt.parked_at
        });
        let (Some(only), None) = (candidates.next(), candidates.next()) else {
            continue;
        };
        let before = decided.iter().find(|(_, id)| *id == only.id);
        // A message has one name, under which several receipts may come.
        let is_its_name = before.is_none_or(|(first, _)| first.key == receipt.key);
        if only.is_unknown && is_its_name {
            decided.push((receipt, only.id));
        }
    }
    decided
}

/// Settles what can be settled of messages to these people. Called after receipts about them were parked, or after one of
/// their messages has become unknown; whichever comes second finds the other.
pub async fn settle(
    connection: &mut PgConnection,
    people: &BTreeSet<(Ccid, String)>,
) -> sqlx::Result<()> {
    for (ccid, recipient) in people {
        let waiting = store::waiting_for(connection, (*ccid, recipient), ROWS_MAX).await?;
        if waiting.is_empty() {
            continue;
        }
        let doubtful = doubtful(connection, (*ccid, recipient)).await?;
        // Asked again: a message that was seen with its name has it for all to see by now.
        let still = store::waiting_for(connection, (*ccid, recipient), ROWS_MAX).await?;
        let waiting: Vec<Waiting> = waiting
            .into_iter()
            .filter(|one| still.contains(one))
            .collect();
        for (receipt, id) in decide(&waiting, &doubtful) {
            let mut transaction = connection.begin().await?;
            // Of two that decide at once one gives the name.
            if nameless::name(&mut transaction, (*ccid, id), &receipt.provider_id).await? {
                store::keep_names(&mut transaction, *ccid, &[(receipt.key, id)]).await?;
            }
            transaction.commit().await?;
            apply_parked(connection, &[(*ccid, receipt.key)]).await?;
        }
    }
    Ok(())
}

/// The same in the wake of something that is durable already: only where the store is away is that worth a repetition, and
/// the janitor finds what was left.
pub async fn settle_or_leave(
    connection: &mut PgConnection,
    people: &BTreeSet<(Ccid, String)>,
) -> sqlx::Result<()> {
    if let Err(cause) = settle(connection, people).await {
        if fault(&cause) == Fault::Unavailable {
            return Err(cause);
        }
        error!(error.cause = %cause, "Receipts of unknown messages could not be looked for now; the sweep will");
    }
    Ok(())
}

/// Settles what can be settled of messages that have just become unknown. Called after that is durable.
pub async fn settle_unknown(
    connection: &mut PgConnection,
    unknown: &[(Ccid, MessageId)],
) -> sqlx::Result<()> {
    let mut people = BTreeSet::new();
    let tenants: BTreeSet<Ccid> = unknown.iter().map(|(ccid, _)| *ccid).collect();
    for ccid in tenants {
        let theirs = unknown.iter().filter(|(owner, _)| *owner == ccid);
        let ids: Vec<MessageId> = theirs.map(|(_, id)| *id).collect();
        let sent = sent::by_ids(connection, ccid, &ids).await?;
        people.extend(
            sent.into_values()
                .map(|sent| (ccid, sent.recipient.as_str().to_owned())),
        );
    }
    settle(connection, &people).await
}

/// All messages to a person that may have brought a receipt under a name that is not known. None where they are too many
/// to be looked at.
async fn doubtful(
    connection: &mut PgConnection,
    (ccid, recipient): (Ccid, &str),
) -> sqlx::Result<Vec<Doubtful>> {
    let nameless = nameless::sent_to(connection, (ccid, recipient), ROWS_MAX).await?;
    if i64::try_from(nameless.len()).unwrap_or(i64::MAX) >= ROWS_MAX {
        return Ok(Vec::new());
    }
    let ended: Vec<i64> = nameless
        .iter()
        .filter(|message| !is_open(message))
        .map(|message| message.id.as_i64())
        .collect();
    let rank = Status::Unknown.rank();
    let were_unknown: HashSet<i64> =
        history::store::attempted_with(connection, (ccid, &ended), rank).await?;
    let targets = lanes::store::lanes_of_tenants(connection, &[ccid.as_uuid()]).await?;
    let connectors: HashMap<i64, String> = targets
        .into_iter()
        .map(|target| (target.lane.0, target.connector))
        .collect();
    let doubtful = nameless.into_iter().filter_map(|message| {
        let was_unknown = || were_unknown.contains(&message.id.as_i64());
        if !is_open(&message) && !was_unknown() {
            return None;
        }
        Some(Doubtful {
            id: message.id,
            connector: connectors.get(&message.lane)?.clone(),
            is_unknown: message.status == Status::Unknown,
            channel_id: message.channel_id,
        })
    });
    Ok(doubtful.collect())
}

/// Whether its answer may still come, or was not read.
fn is_open(message: &Nameless) -> bool {
    matches!(message.status, Status::Queued | Status::Unknown)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW_MS: i64 = 1_795_521_600_000;

    fn message(number: u32, connector: &str, is_unknown: bool) -> Doubtful {
        Doubtful {
            id: MessageId::from_parts(NOW_MS + i64::from(number), number).unwrap(),
            channel_id: "87767".to_owned(),
            connector: connector.to_owned(),
            is_unknown,
        }
    }

    fn receipt(name: u8, connector: &str, parked_at: i64) -> Waiting {
        Waiting {
            key: [name; 16],
            parked_at,
            channel_id: String::new(),
            connector: connector.to_owned(),
            provider_id: name.to_string(),
        }
    }

    #[test]
    fn the_only_message_that_could_have_brought_a_receipt_has_brought_it() {
        let (unknown, later) = (message(0, "mGage", true), NOW_MS + 1_000);
        let waiting = [
            receipt(1, "mGage", later),
            receipt(2, "mGage", later),
            receipt(1, "mGage", later),
        ];
        let decided = decide(&waiting, std::slice::from_ref(&unknown));
        let keys: Vec<u8> = decided.iter().map(|(receipt, _)| receipt.key[0]).collect();
        assert_eq!(keys, [1, 1]);
        assert!(decided.iter().all(|(_, id)| *id == unknown.id));
    }

    #[test]
    fn whatever_else_could_have_brought_it_leaves_it_undecided() {
        let (unknown, later) = (message(0, "mGage", true), NOW_MS + 1_000);
        let waiting = [receipt(1, "mGage", later)];
        for other in [message(1, "mGage", true), message(1, "mGage", false)] {
            assert_eq!(decide(&waiting, &[unknown.clone(), other]), []);
        }
        let others = [message(1, "HttpSms", true), message(2_000, "mGage", true)];
        let [elsewhere, after] = others;
        assert_eq!(
            decide(&waiting, &[unknown.clone(), elsewhere, after]).len(),
            1
        );
        assert_eq!(decide(&[receipt(1, "mGage", NOW_MS - 1)], &[unknown]), []);
        assert_eq!(decide(&waiting, &[message(0, "mGage", false)]), []);
    }

    #[test]
    fn a_receipt_that_names_its_channel_is_of_that_channel() {
        let mut waiting = receipt(1, "mGage", NOW_MS + 1_000);
        let unknown = message(0, "mGage", true);
        waiting.channel_id = "16504661149".to_owned();
        assert_eq!(
            decide(&[waiting.clone()], std::slice::from_ref(&unknown)),
            []
        );
        unknown.channel_id.clone_into(&mut waiting.channel_id);
        assert_eq!(decide(&[waiting], &[unknown]).len(), 1);
    }

    proptest! {
        /// Every receipt is some message's, which nobody sees; whatever is decided is true, in whatever order they came.
        #[test]
        fn no_message_gets_the_receipt_of_another(
            unknown in prop::collection::vec(any::<bool>(), 0..5),
            whose in prop::collection::vec((0usize..5, any::<bool>()), 0..6),
        ) {
            let messages: Vec<Doubtful> = (0..).zip(&unknown).map(|(number, unknown)| message(number, "mGage", *unknown)).collect();
            let told: Vec<(usize, Waiting)> = whose
                .iter()
                .filter(|(owner, _)| *owner < messages.len())
                .map(|(owner, names_channel)| {
                    let name = u8::try_from(*owner).unwrap();
                    let mut receipt = receipt(name, "mGage", messages[*owner].id.unix_ms() + 5);
                    if *names_channel {
                        messages[*owner].channel_id.clone_into(&mut receipt.channel_id);
                    }
                    (*owner, receipt)
                })
                .collect();
            let waiting: Vec<Waiting> = told.iter().map(|(_, receipt)| receipt.clone()).collect();
            for (receipt, id) in decide(&waiting, &messages) {
                let owner = usize::from(receipt.key[0]);
                prop_assert_eq!(messages[owner].id, id);
                prop_assert!(messages[owner].is_unknown);
            }
        }
    }
}
