//! The end of a job: nothing of the person is left, and nothing more comes of what was taken away.

use super::model::Stage;
use super::step::Work;
use super::store;
use crate::history;
use crate::messages::store::erasure;
use crate::values::MessageId;

/// How long whatever was being written when a message was taken away may take, in milliseconds: longer than any
/// statement on the messages' path.
const SETTLES_MS: i64 = 5_000;
/// How long it is waited at first, and at most, for what is under way, in milliseconds.
const WAIT_MS: (i64, i64) = (500, 60_000);
/// Messages and conversations of one step.
const ROWS_MAX: i64 = 500;

/// Goes round again where something is left; else takes away what was written late, and then it is over.
pub(super) async fn some(work: &mut Work<'_>) -> sqlx::Result<()> {
    let (ccid, below) = (work.job.ccid, work.below());
    let every = (MessageId::from_i64(0), below);
    let left = erasure::of_consumer(&mut *work.connection, (ccid, &work.address), every, 1).await?;
    if !left.is_empty() {
        // The longer it lasts, the longer the rounds.
        let lasted_ms = work.now_ms - work.job.created_at;
        work.progress.next_at = work.now_ms + (lasted_ms / 10).clamp(WAIT_MS.0, WAIT_MS.1);
        work.enter(Stage::Messages);
        return Ok(());
    }
    let settled_at = work.progress.erased_at + SETTLES_MS;
    if settled_at > work.now_ms {
        work.progress.next_at = settled_at;
        return Ok(());
    }
    let after = work.progress.place;
    let key = work.key();
    let subjects = store::subjects(&mut *work.connection, key, after, ROWS_MAX).await?;
    history::store::erase_of(&mut *work.connection, ccid, &subjects).await?;
    erasure::erase_states(&mut *work.connection, ccid, &subjects).await?;
    match subjects.last() {
        Some(last) => work.progress.place = *last,
        None => work.is_over = true,
    }
    Ok(())
}
