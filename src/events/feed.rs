//! Reading the feed, and waiting for it to grow.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::cursor::Cursor;
use crate::history::model::{Recorded, Stream};
use crate::history::store::{self, Position};
use crate::platform::database::Database;
use crate::values::Ccid;

/// What other replicas commit is noticed by looking this often while somebody waits.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// After a commit of ours its events become readable as soon as older transactions have ended: very soon.
const SETTLE_INTERVAL: Duration = Duration::from_millis(5);

/// What a consumer wants to see.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) ccid: Ccid,
    pub(super) after: Option<Cursor>,
    /// `None`: all of them.
    pub(super) stream: Option<Stream>,
    /// Event types; empty: all of them.
    pub(super) types: Vec<String>,
    pub(super) limit: i64,
}

/// A page of the feed.
#[derive(Debug)]
pub(super) struct PageOfFeed {
    pub(super) generation: i32,
    pub(super) entries: Vec<Recorded>,
    /// Where to go on, also when nothing was found.
    pub(super) next: Cursor,
    /// Whether there may be more behind it, wanted or not.
    more: bool,
}

/// Reads what is there now.
pub(super) async fn read(database: &Database, wanted: &Wanted) -> sqlx::Result<PageOfFeed> {
    let mut connection = database.reads.acquire().await?;
    let generation = store::feed_generation(&mut connection).await?;
    let start = match wanted.after {
        Some(cursor) if cursor.generation == generation => cursor.position,
        // A cursor of an incarnation before this one, or none: from the beginning of what is kept. At least once.
        Some(_) | None => Position {
            transaction: 0,
            id: 0,
        },
    };
    let entries = store::read_feed(
        &mut connection,
        wanted.ccid,
        start,
        wanted.stream,
        wanted.limit,
    )
    .await?;
    let more = i64::try_from(entries.len()).is_ok_and(|count| count == wanted.limit);
    let position = entries.last().map_or(start, |last| Position {
        transaction: last.transaction,
        id: last.id,
    });
    let wants = |entry: &Recorded| {
        wanted.types.is_empty()
            || wanted
                .types
                .iter()
                .any(|word| word == entry.kind.event_type())
    };
    let entries = entries.into_iter().filter(wants).collect();
    Ok(PageOfFeed {
        generation,
        entries,
        next: Cursor {
            generation,
            position,
        },
        more,
    })
}

/// Reads, and where there is nothing waits for it up to `patience`.
pub(super) async fn read_or_wait(
    database: &Database,
    mut wanted: Wanted,
    mut grew: watch::Receiver<u64>,
    patience: Duration,
) -> sqlx::Result<PageOfFeed> {
    let deadline = Instant::now() + patience;
    loop {
        grew.mark_unchanged();
        let page = read(database, &wanted).await?;
        if !page.entries.is_empty() || Instant::now() >= deadline {
            return Ok(page);
        }
        // What was passed over need not be read again.
        wanted.after = Some(page.next);
        if page.more {
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep_until((Instant::now() + LOOK_INTERVAL).min(deadline)) => {}
            changed = grew.changed() => {
                if changed.is_err() {
                    return Ok(page);
                }
                tokio::time::sleep(SETTLE_INTERVAL).await;
            }
        }
    }
}
