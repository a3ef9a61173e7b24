//! Messages of the person: those that wait are called back first, and go once nothing more can come of them.

use std::collections::HashSet;

use super::step::Work;
use super::store;
use crate::history;
use crate::lanes::LaneId;
use crate::lanes::store::{self as lanes, Cancellation};
use crate::messages::status::Status;
use crate::messages::store::erasure::{self, Personal};
use crate::values::{MediaId, MessageId};

/// Messages of one step, some 20 ms.
const ROWS_MAX: i64 = 200;

/// Takes some messages away.
pub(super) async fn some(work: &mut Work<'_>) -> sqlx::Result<()> {
    let (ccid, below) = (work.job.ccid, work.below());
    let after = MessageId::from_i64(work.progress.place);
    let person = (ccid, &work.address);
    let found =
        erasure::of_consumer(&mut *work.connection, person, (after, below), ROWS_MAX).await?;
    let is_full = i64::try_from(found.len()).is_ok_and(|count| count == ROWS_MAX);
    let last = found
        .last()
        .filter(|_| is_full)
        .map(|last| last.id.as_i64());
    if work.job.dry_run {
        work.progress.figures.messages += i64::try_from(found.len()).unwrap_or(0);
    } else if !found.is_empty() {
        take_away(work, &found).await?;
    }
    work.go_on(last);
    Ok(())
}

async fn take_away(work: &mut Work<'_>, found: &[Personal]) -> sqlx::Result<()> {
    let ccid = work.job.ccid;
    let ids: Vec<MessageId> = found.iter().map(|message| message.id).collect();
    erasure::forget_dead_letters(&mut *work.connection, ccid, &ids).await?;
    let mut in_lanes: Vec<LaneId> = found.iter().filter_map(|message| message.lane).collect();
    in_lanes.sort_unstable();
    in_lanes.dedup();
    let waiting = lanes::waiting_among(&mut *work.connection, ccid, &in_lanes, &ids).await?;
    let waiting: HashSet<MessageId> = waiting.into_iter().collect();
    let parted = Parted::of(found, &waiting);
    for (id, lane) in parted.to_call_back {
        let wish = Cancellation { ccid, id, lane };
        lanes::ask_to_cancel(&mut *work.connection, wish).await?;
    }
    if parted.gone.is_empty() {
        return Ok(());
    }
    lanes::drop_deliveries(&mut *work.connection, ccid, &in_lanes, &parted.called_back).await?;
    erasure::erase(&mut *work.connection, ccid, &parted.gone).await?;
    let subjects: Vec<i64> = parted.gone.iter().map(|id| id.as_i64()).collect();
    history::store::erase_of(&mut *work.connection, ccid, &subjects).await?;
    let key = work.key();
    store::note_subjects(&mut *work.connection, key, &subjects).await?;
    store::note_files(&mut *work.connection, key, &parted.files).await?;
    work.progress.figures.messages += i64::try_from(subjects.len()).unwrap_or(0);
    work.progress.erased_at = work.now_ms;
    Ok(())
}

/// What is to be done with each message.
#[derive(Default)]
struct Parted {
    /// They go now.
    gone: Vec<MessageId>,
    /// Those among them that were called back and are in their lanes yet. Their owner knows that no attempt begins.
    called_back: Vec<MessageId>,
    to_call_back: Vec<(MessageId, LaneId)>,
    /// What those that go refer to.
    files: Vec<MediaId>,
}

impl Parted {
    /// What has begun is let end: its turn comes in a later round.
    fn of(found: &[Personal], waiting: &HashSet<MessageId>) -> Self {
        let mut parted = Self::default();
        for message in found {
            let is_waiting = waiting.contains(&message.id);
            match (message.lane, message.status) {
                (Some(lane), Status::Queued) if is_waiting => {
                    parted.to_call_back.push((message.id, lane));
                    continue;
                }
                (_, Status::Cancelled) if is_waiting => parted.called_back.push(message.id),
                _ if is_waiting => continue,
                _ => {}
            }
            parted.gone.push(message.id);
            parted.files.extend_from_slice(&message.files);
        }
        parted
    }
}
