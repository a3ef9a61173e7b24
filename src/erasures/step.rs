//! One step of one job, in one transaction.

use sqlx::PgConnection;
use tracing::info;

use super::model::{Job, Progress, Stage};
use super::{ending, files, messages, store, traces};
use crate::audit::model::Author;
use crate::audit::{self, Action, Entry};
use crate::auth::KeyTenant;
use crate::lanes;
use crate::lanes::ids::floor_of;
use crate::lanes::model::Life;
use crate::messages::desk::Desk;
use crate::platform::job::JobState;
use crate::platform::telemetry::metric;
use crate::platform::vault::{SealContext, Vault, VaultError};
use crate::values::{Address, Ccid, ErasureId, MessageId};

/// What addresses are sealed for.
pub const SEALED_TABLE: &str = "erasures";
/// The name under which the replicas know whose task it is.
const TASK: &str = "erase persons";
/// What comes in for so long after a job began is taken away with the rest; what comes later is new. In milliseconds.
const LATEST_MS: i64 = 10 * 60_000;

/// Why a step was not done; it is tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotDone {
    #[error(transparent)]
    Store(#[from] sqlx::Error),
    #[error("the address cannot be opened: {0}")]
    Sealed(#[from] VaultError),
    #[error("what was sealed is no address")]
    NoAddress,
}

/// A step in its transaction.
pub(super) struct Work<'a> {
    pub desk: &'a Desk,
    pub connection: &'a mut PgConnection,
    pub job: &'a Job,
    pub address: Address,
    /// How far the job has come when the step is done.
    pub progress: Progress,
    pub now_ms: i64,
    /// Whether nothing is left to be done.
    pub is_over: bool,
}

impl Work<'_> {
    pub fn key(&self) -> (Ccid, ErasureId) {
        (self.job.ccid, self.job.id)
    }

    /// The first message that is none of the job's business any more.
    pub fn below(&self) -> MessageId {
        MessageId::from_i64(floor_of(self.job.created_at + LATEST_MS))
    }

    /// Goes on behind an id, or with what comes next.
    pub fn go_on(&mut self, last: Option<i64>) {
        match last {
            Some(last) => self.progress.place = last,
            None => self.enter(self.progress.stage.next()),
        }
    }

    pub fn enter(&mut self, stage: Stage) {
        self.progress.stage = stage;
        self.progress.place = 0;
    }
}

/// What a job's address is sealed for.
pub(super) fn sealing(ccid: Ccid, id: &str) -> SealContext<'_> {
    SealContext {
        ccid,
        table: SEALED_TABLE,
        row: id,
    }
}

/// Does one step of a job; `false` where erasures are another replica's task.
pub(super) async fn step(
    (desk, vault): (&Desk, &Vault),
    life: Life,
    key: (Ccid, ErasureId),
) -> Result<bool, NotDone> {
    let mut transaction = desk.database.jobs.begin().await?;
    if !lanes::store::hold_task(&mut transaction, life, TASK).await? {
        transaction.commit().await?;
        return Ok(false);
    }
    let Some(job) = store::lock(&mut transaction, key).await? else {
        transaction.commit().await?;
        return Ok(true);
    };
    let opened = vault.open(&sealing(job.ccid, &job.id.to_string()), &job.sealed_address)?;
    let address = std::str::from_utf8(&opened).ok();
    let mut work = Work {
        desk,
        connection: &mut transaction,
        address: address
            .and_then(|text| text.parse().ok())
            .ok_or(NotDone::NoAddress)?,
        progress: job.progress,
        now_ms: desk.clock.now_ms(),
        is_over: false,
        job: &job,
    };
    one(&mut work).await?;
    let (after, is_over, now_ms) = (work.progress, work.is_over, work.now_ms);
    store::advance(&mut transaction, key, &after).await?;
    if is_over {
        store::end(&mut transaction, key, JobState::Completed, now_ms).await?;
        if !job.dry_run {
            audit::store::append(&mut transaction, &record(&job)).await?;
        }
    }
    transaction.commit().await?;
    tell(&job, &after, is_over);
    Ok(true)
}

async fn one(work: &mut Work<'_>) -> sqlx::Result<()> {
    match work.progress.stage {
        Stage::Messages => messages::some(work).await,
        Stage::Conversations => traces::conversations(work).await,
        Stage::Receipts => traces::receipts(work).await,
        Stage::Events => traces::events(work).await,
        // A dry run has seen everything that it counts.
        Stage::Lists | Stage::Files | Stage::Ending if work.job.dry_run => {
            work.is_over = true;
            Ok(())
        }
        Stage::Lists => traces::lists(work).await,
        Stage::Files => files::some(work).await,
        Stage::Ending => ending::some(work).await,
    }
}

/// That it was done, under the same name as that it was asked for.
fn record(job: &Job) -> Entry {
    let object_id = object_id(job.id, &job.person);
    let entry = Entry::without_key(Author::Gateway, (Action::ErasureCompleted, object_id));
    entry.of(KeyTenant::One(job.ccid))
}

/// What the audit calls an erasure.
pub(super) fn object_id(id: ErasureId, person: &str) -> String {
    format!("{id}/{person}")
}

fn tell(job: &Job, after: &Progress, is_over: bool) {
    let erased = after.figures.messages - job.progress.figures.messages;
    if !job.dry_run && erased > 0 {
        metrics::counter!(metric::ERASED_MESSAGES).increment(erased.unsigned_abs());
    }
    if !is_over {
        return;
    }
    metrics::counter!(metric::ERASURES, "state" => "completed").increment(1);
    let figures = after.figures;
    info!(
        erasure.id = %job.id, ccid = %job.ccid, dry_run = job.dry_run,
        messages = figures.messages, conversations = figures.conversations, files = figures.files,
        "An erasure is completed"
    );
}
