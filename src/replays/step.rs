//! One step of one job: some dead letters are counted, or sent.

use tracing::{error, info};

use super::model::{Figures, Held, Job, Progress};
use super::pace::Pace;
use super::store;
use crate::messages::desk::Desk;
use crate::messages::narrowing::{Narrowed, Narrowing};
use crate::messages::redrive::Redriven;
use crate::messages::status::Status;
use crate::messages::store::dead_letters::{self, DeadLetter, Walk, Walked};
use crate::platform::telemetry::metric;
use crate::suppressions;
use crate::suppressions::model::Route;
use crate::values::{Ccid, MessageId};

/// Dead letters that one step looks at, some 20 ms.
const ROWS_MAX: i64 = 5_000;
/// A dead letter counts as there when its job began if it died no later than this after it, in milliseconds: the clocks
/// of replicas may differ by as much.
const CLOCKS_DIFFER_BY: i64 = 1_000;
/// How long a job waits for a lane that has as much as it may have, in milliseconds.
const FULL_LANE_WAIT_MS: i64 = 1_000;
/// How long a job waits whose filter this release cannot read, in milliseconds: one that can may take it over.
const UNREADABLE_WAIT_MS: i64 = 60_000;

/// What follows from a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Another one, no sooner than this time.
    At(i64),
    /// None of ours: the job has ended or is another's.
    Gone,
}

/// Does a job's next step.
pub(super) async fn step(desk: &Desk, held: Held) -> sqlx::Result<Next> {
    let mut connection = desk.database.jobs.acquire().await?;
    let Some(job) = store::job(&mut connection, held).await? else {
        return Ok(Next::Gone);
    };
    drop(connection);
    let now_ms = desk.clock.now_ms();
    if job.progress.counted && job.progress.next_at > now_ms {
        return Ok(Next::At(job.progress.next_at));
    }
    let filter = serde_json::from_str::<Narrowing>(&job.wanted.filter).ok();
    let Some(filter) = filter.and_then(|filter| filter.read().ok()) else {
        error!(replay.id = %held.id, ccid = %held.ccid, "A replay's filter cannot be read; it waits");
        return Ok(Next::At(now_ms + UNREADABLE_WAIT_MS));
    };
    if job.progress.counted {
        send(desk, held, &job, &filter).await
    } else {
        count(desk, held, &job, &filter).await
    }
}

/// Counts some dead letters. The count is over when nothing is left to be counted, and a dry run with it.
async fn count(desk: &Desk, held: Held, job: &Job, filter: &Narrowed) -> sqlx::Result<Next> {
    let walked = walk(desk, held.ccid, (job, filter), ROWS_MAX).await?;
    let mut after = job.progress;
    after.figures.matched += length(walked.found.len());
    after.counted = walked.next.is_none();
    after.place = walked.next.unwrap_or(MessageId::from_i64(0));
    let now_ms = desk.clock.now_ms();
    let ends = after.counted && (job.wanted.dry_run || after.figures.matched == 0);
    let mut transaction = desk.database.jobs.begin().await?;
    if !store::lock(&mut transaction, held, &job.progress).await? {
        return Ok(Next::Gone);
    }
    let ended_at = ends.then_some(now_ms);
    store::advance(&mut transaction, held, &after, ended_at).await?;
    transaction.commit().await?;
    Ok(followed(held, after, ended_at))
}

/// Sends some dead letters.
async fn send(desk: &Desk, held: Held, job: &Job, filter: &Narrowed) -> sqlx::Result<Next> {
    let pace = Pace::new(job.wanted.rate_per_second);
    let walked = walk(desk, held.ccid, (job, filter), pace.batch()).await?;
    let chosen = choose(desk, held.ccid, job.progress.place, &walked).await?;
    let mut transaction = desk.database.jobs.begin().await?;
    if !store::lock(&mut transaction, held, &job.progress).await? {
        return Ok(Next::Gone);
    }
    let redriven = desk
        .redrive(&mut transaction, held.ccid, &chosen.ids)
        .await?;
    let now_ms = desk.clock.now_ms();
    let sent = length(redriven.messages);
    let mut after = job.progress;
    after.figures.queued += sent;
    after.figures.skipped += chosen.considered - sent;
    after.next_at = pace.next_at(after.next_at, now_ms, sent);
    if chosen.lane_is_full {
        after.next_at = after.next_at.max(now_ms + FULL_LANE_WAIT_MS);
    }
    let ended_at = chosen.next.is_none().then_some(now_ms);
    after.place = chosen.next.unwrap_or(after.place);
    after.figures = settled(after.figures, ended_at.is_some());
    store::advance(&mut transaction, held, &after, ended_at).await?;
    transaction.commit().await?;
    tell(desk, redriven, &job.progress.figures, &after.figures);
    Ok(followed(held, after, ended_at))
}

/// Which of the dead letters that were met are sent.
struct Chosen {
    ids: Vec<MessageId>,
    /// How many were decided about.
    considered: i64,
    /// Behind which id the next step begins; `None` where nothing is left.
    next: Option<MessageId>,
    lane_is_full: bool,
}

/// Leaves out what is suppressed or has arrived after all, and stops before the first whose lane is full.
async fn choose(
    desk: &Desk,
    ccid: Ccid,
    place: MessageId,
    walked: &Walked,
) -> sqlx::Result<Chosen> {
    let suppressed = suppressed(desk, ccid, &walked.found).await?;
    let mut chosen = Chosen {
        ids: Vec::new(),
        considered: 0,
        next: walked.next,
        lane_is_full: false,
    };
    let mut place = place;
    for (letter, is_suppressed) in walked.found.iter().zip(suppressed) {
        if !is_suppressed && letter.status.raise(Status::Failed) == Status::Failed {
            if desk.make_room(ccid, letter.lane).await.is_err() {
                chosen.next = Some(place);
                chosen.lane_is_full = true;
                break;
            }
            chosen.ids.push(letter.id);
        }
        chosen.considered += 1;
        place = letter.id;
    }
    Ok(chosen)
}

async fn suppressed(desk: &Desk, ccid: Ccid, found: &[DeadLetter]) -> sqlx::Result<Vec<bool>> {
    let route = |letter: &DeadLetter| {
        Some(Route {
            ccid,
            channel_id: letter.channel_id.parse().ok()?,
            address: letter.recipient.parse().ok()?,
        })
    };
    let routes: Option<Vec<Route>> = found.iter().map(route).collect();
    // What cannot be read cannot be looked up, and so is not sent.
    let Some(routes) = routes else {
        return Ok(vec![true; found.len()]);
    };
    let mut connection = desk.database.jobs.acquire().await?;
    let now_ms = desk.clock.now_ms();
    suppressions::store::check(&mut connection, &desk.proofs, &routes, now_ms).await
}

async fn walk(
    desk: &Desk,
    ccid: Ccid,
    (job, narrowed): (&Job, &Narrowed),
    wanted: i64,
) -> sqlx::Result<Walked> {
    let before_lowest = MessageId::from_i64(narrowed.lowest.as_i64() - 1);
    let part = Walk {
        after: job.progress.place.max(before_lowest),
        below: narrowed.below,
        died_by: job.created_at + CLOCKS_DIFFER_BY,
        rows_max: ROWS_MAX,
        wanted,
    };
    let mut connection = desk.database.jobs.acquire().await?;
    dead_letters::walk(&mut connection, ccid, &narrowed.filter, part).await
}

/// What was counted and is not there any more when its turn comes was retried otherwise; it is known when the walk has
/// ended.
fn settled(figures: Figures, ended: bool) -> Figures {
    let met = figures.queued + figures.skipped;
    let matched = figures.matched.max(met);
    let skipped = if ended {
        matched - figures.queued
    } else {
        figures.skipped
    };
    Figures {
        matched,
        skipped,
        ..figures
    }
}

fn tell(desk: &Desk, redriven: Redriven, before: &Figures, after: &Figures) {
    desk.redriven(redriven);
    for (outcome, count) in [
        ("queued", after.queued - before.queued),
        ("skipped", after.skipped - before.skipped),
    ] {
        metrics::counter!(metric::REPLAYED_MESSAGES, "outcome" => outcome)
            .increment(count.unsigned_abs());
    }
}

fn followed(held: Held, after: Progress, ended_at: Option<i64>) -> Next {
    if ended_at.is_none() {
        return Next::At(after.next_at);
    }
    metrics::counter!(metric::REPLAYS, "state" => "completed").increment(1);
    let figures = after.figures;
    info!(
        replay.id = %held.id, ccid = %held.ccid,
        matched = figures.matched, queued = figures.queued, skipped = figures.skipped,
        "A replay is completed"
    );
    Next::Gone
}

fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
