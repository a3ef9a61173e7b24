//! Receipts in: applied to the message that they name, or parked durably until it is known.
//!
//! A receipt can pass the result of the attempt that it belongs to. Both sides commit first and then look in a new
//! statement: the receipt parks itself and then looks for the id; the result stores the id and then looks for parked
//! receipts. Whoever deletes the parked row applies it; a sweep covers a crash between the two.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgConnection;
use tokio::sync::oneshot;

use super::doubtful;
use super::model::Receipt;
use super::store::{self, Fate, Purpose};
use crate::lanes::ids::Ids;
use crate::lanes::ownership::Ownership;
use crate::messages::accept::AfterAccept;
use crate::platform::clock::Clock;
use crate::platform::database::Database;
use crate::platform::database::group_commit::{Flush, GroupCommit, GroupCommitOptions, NotWritten};
use crate::platform::lifecycle::Lifecycle;
use crate::platform::telemetry::metric;
use crate::values::{Address, Ccid, MessageId};

/// A receipt on its way into the store.
#[derive(Debug, Clone)]
pub struct Noted {
    pub ccid: Ccid,
    pub key: [u8; 16],
    /// Our own id, where the receipt names one; else 0.
    pub message: i64,
    pub status: i16,
    /// Code of the first reason; else 0.
    pub reason: i16,
    pub detail: String,
    /// Id of its history entry, and of its place while it is parked.
    pub event: i64,
    /// Empty where the receipt names none.
    pub channel_id: String,
    /// Receipts with the same number came in one body of this flush: they are taken together or not at all.
    pub body: i32,
    /// Whether it may be parked although the parking place is full.
    pub promised: bool,
    /// Whom its message was for; empty where nobody needs to know.
    pub recipient: String,
    /// Through which it came.
    pub connector: &'static str,
}

/// Receipts for which there was room when it was asked. What they came with may be stored before they are: others who
/// fill the parking place meanwhile do not refuse them.
#[derive(Debug)]
pub struct Promised(Vec<Noted>);

/// Why receipts were not taken. The caller sends them again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    #[error("nothing can be stored at this moment")]
    Unavailable,
    #[error("too many receipts wait for messages that are not known")]
    ParkingFull,
    #[error("this content cannot be stored")]
    Refused,
}

/// Takes receipts; cheap to clone.
#[derive(Clone)]
pub struct Receipts {
    committer: GroupCommit<Intake>,
    database: Database,
    ids: Arc<Ids>,
    ownership: Arc<Ownership>,
    parked_max: i64,
}

impl std::fmt::Debug for Receipts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Receipts").finish_non_exhaustive()
    }
}

/// What the intake works with.
pub struct ReceiptParts {
    pub clock: Clock,
    pub ids: Arc<Ids>,
    pub ownership: Arc<Ownership>,
    pub after: Arc<dyn AfterAccept>,
    /// Receipts that may be parked per tenant.
    pub parked_max: i64,
}

impl std::fmt::Debug for ReceiptParts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ReceiptParts")
            .finish_non_exhaustive()
    }
}

impl Receipts {
    pub fn start(parts: ReceiptParts, database: &Database, lifecycle: &Lifecycle) -> Self {
        let options = GroupCommitOptions {
            name: "receipts",
            committers: 1,
            batch_rows_max: 500,
            waiting_max: 16_384,
            patience: Some(Duration::from_millis(700)),
            window: Duration::ZERO,
        };
        let (ids, ownership) = (Arc::clone(&parts.ids), Arc::clone(&parts.ownership));
        let parked_max = parts.parked_max;
        let intake = Arc::new(Intake { parts });
        Self {
            committer: GroupCommit::start(&options, &database.hot, &intake, lifecycle),
            database: database.clone(),
            ids,
            ownership,
            parked_max,
        }
    }

    /// Applies or parks the receipts, all of them or none; answers once that is durable.
    pub async fn take(&self, receipts: &[Receipt]) -> Result<(), ReceiptError> {
        self.hand_over(self.all_noted(receipts)?).await
    }

    /// The same for those that may say whom their message was for: where no message has its id it may be the one message
    /// to that person of which nobody knows whether it was sent.
    pub async fn take_about(
        &self,
        receipts: &[(Receipt, Option<Address>)],
    ) -> Result<(), ReceiptError> {
        let noted = receipts.iter().map(|(receipt, recipient)| {
            let mut noted = self.noted(receipt)?;
            if let Some(recipient) = recipient {
                recipient.as_str().clone_into(&mut noted.recipient);
            }
            Ok(noted)
        });
        let noted: Result<Vec<Noted>, ReceiptError> = noted.collect();
        self.hand_over(noted?).await
    }

    /// Asks whether there is room for receipts that came with something else, before that is stored.
    pub async fn promise(&self, receipts: &[Receipt]) -> Result<Promised, ReceiptError> {
        let mut noted = self.all_noted(receipts)?;
        let unavailable = |_| ReceiptError::Unavailable;
        let mut connection = self.database.reads.acquire().await.map_err(unavailable)?;
        let look = (Purpose::Look, self.parked_max, 0);
        let fates = store::apply(&mut connection, look, &noted).await;
        if fates.map_err(unavailable)?.contains(&Some(Fate::Refused)) {
            return Err(ReceiptError::ParkingFull);
        }
        for noted in &mut noted {
            noted.promised = true;
        }
        Ok(Promised(noted))
    }

    /// Applies or parks receipts for which there is room; answers once that is durable.
    pub async fn take_promised(&self, promised: Promised) -> Result<(), ReceiptError> {
        self.hand_over(promised.0).await
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    async fn hand_over(&self, noted: Vec<Noted>) -> Result<(), ReceiptError> {
        let (reply, answer) = oneshot::channel();
        if let Err((_, why)) = self.committer.offer(Item { noted, reply }) {
            return Err(why.into());
        }
        answer.await.unwrap_or(Err(ReceiptError::Unavailable))
    }

    fn all_noted(&self, receipts: &[Receipt]) -> Result<Vec<Noted>, ReceiptError> {
        receipts.iter().map(|receipt| self.noted(receipt)).collect()
    }

    fn noted(&self, receipt: &Receipt) -> Result<Noted, ReceiptError> {
        Ok(Noted {
            ccid: receipt.ccid,
            key: receipt.key(),
            message: receipt.own_id().map_or(0, MessageId::as_i64),
            status: receipt.status.rank(),
            reason: receipt
                .reason()
                .map_or(0, |reason| i16::try_from(reason.code()).unwrap_or(0)),
            detail: receipt.detail(),
            event: self
                .ids
                .next(&self.ownership)
                .map_err(|_| ReceiptError::Unavailable)?,
            channel_id: receipt
                .channel_id
                .as_ref()
                .map_or_else(String::new, |channel| channel.as_str().to_owned()),
            body: 0,
            promised: false,
            recipient: String::new(),
            connector: receipt.connector,
        })
    }
}

impl From<NotWritten> for ReceiptError {
    fn from(why: NotWritten) -> Self {
        match why {
            NotWritten::Unavailable | NotWritten::Full => Self::Unavailable,
            NotWritten::Refused => Self::Refused,
        }
    }
}

/// The receipts of one call.
#[derive(Debug)]
pub struct Item {
    noted: Vec<Noted>,
    reply: oneshot::Sender<Result<(), ReceiptError>>,
}

struct Intake {
    parts: ReceiptParts,
}

/// What a flush came to.
struct Taken {
    /// Whether each item was taken whole.
    whole: Vec<bool>,
    applied: usize,
    parked: usize,
    refused: usize,
}

impl Flush for Intake {
    type Item = Item;
    type Answer = Taken;

    fn weight(&self, item: &Item) -> usize {
        item.noted
            .iter()
            .map(|noted| noted.detail.len() + 128)
            .sum()
    }

    fn rows(&self, item: &Item) -> usize {
        item.noted.len()
    }

    async fn flush(
        &self,
        connection: &mut PgConnection,
        batch: &mut [Item],
        _repeat: bool,
    ) -> sqlx::Result<Taken> {
        let mut all = Vec::new();
        for (body, item) in (0..).zip(batch.iter()) {
            all.extend(
                item.noted
                    .iter()
                    .cloned()
                    .map(|noted| Noted { body, ..noted }),
            );
        }
        let now_ms = self.parts.clock.now_ms();
        let take = (Purpose::Take, self.parts.parked_max, now_ms);
        let fates = store::apply(connection, take, &all).await?;
        let parked: Vec<Noted> = all
            .iter()
            .zip(&fates)
            .filter(|(_, fate)| **fate == Some(Fate::Parked))
            .map(|(noted, _)| noted.clone())
            .collect();
        if !parked.is_empty() {
            let unpark = (Purpose::Unpark, self.parts.parked_max, now_ms);
            store::apply(connection, unpark, &parked).await?;
        }
        let about = parked.iter().filter(|noted| !noted.recipient.is_empty());
        let people: BTreeSet<(Ccid, String)> = about
            .map(|noted| (noted.ccid, noted.recipient.clone()))
            .collect();
        doubtful::settle_or_leave(connection, &people).await?;
        Ok(Taken::of(batch.len(), &all, &fates))
    }

    fn written(&self, batch: Vec<Item>, taken: Taken) {
        taken.count();
        let noted = batch.iter().flat_map(|item| &item.noted);
        let grown = noted.map(|noted| noted.ccid).collect();
        for (item, whole) in batch.into_iter().zip(taken.whole) {
            let _ = item.reply.send(if whole {
                Ok(())
            } else {
                Err(ReceiptError::ParkingFull)
            });
        }
        self.parts.after.feed_grew(grown);
    }

    fn not_written(&self, batch: Vec<Item>, why: NotWritten) {
        for item in batch {
            let _ = item.reply.send(Err(why.into()));
        }
    }
}

impl Taken {
    fn of(bodies: usize, all: &[Noted], fates: &[Option<Fate>]) -> Self {
        let count = |wanted| fates.iter().filter(|fate| **fate == Some(wanted)).count();
        let mut whole = vec![true; bodies];
        for (noted, fate) in all.iter().zip(fates) {
            let body = usize::try_from(noted.body).ok();
            if let Some(whole) = body.and_then(|body| whole.get_mut(body)) {
                *whole &= *fate != Some(Fate::Refused);
            }
        }
        Self {
            whole,
            applied: count(Fate::Applied),
            parked: count(Fate::Parked),
            refused: count(Fate::Refused),
        }
    }

    fn count(&self) {
        let results = [
            ("applied", self.applied),
            ("parked", self.parked),
            ("refused", self.refused),
        ];
        for (result, receipts) in results.into_iter().filter(|(_, receipts)| *receipts > 0) {
            let receipts = u64::try_from(receipts).unwrap_or(u64::MAX);
            metrics::counter!(metric::RECEIPTS, "result" => result).increment(receipts);
        }
    }
}

/// Applies whatever is parked under keys whose message has just become known. Called after that is durable.
pub async fn apply_parked(
    connection: &mut PgConnection,
    keys: &[(Ccid, [u8; 16])],
) -> sqlx::Result<usize> {
    if keys.is_empty() {
        return Ok(0);
    }
    let parked = store::parked_under(connection, keys).await?;
    if parked.is_empty() {
        return Ok(0);
    }
    let fates = store::apply(connection, (Purpose::Unpark, 0, 0), &parked).await?;
    Ok(fates
        .iter()
        .filter(|fate| **fate == Some(Fate::Applied))
        .count())
}
