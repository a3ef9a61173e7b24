//! Reading the feed, and waiting for it to grow.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::cursor::Cursor;
use crate::history::model::{Horizon, Recorded, Stream};
use crate::history::store::{self, Position};
use crate::platform::database::Database;
use crate::values::Ccid;

/// Somebody waiting looks this often although nobody said that there is something: what was said may be lost.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);
/// What was committed is readable as soon as older transactions have ended: very soon, so first it is looked for after
/// this, then after twice as long, and so on up to the other.
const SETTLE_INTERVAL: Duration = Duration::from_millis(2);
const SETTLE_INTERVAL_MAX: Duration = Duration::from_millis(50);

/// What a consumer wants to see.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub ccid: Ccid,
    /// `None`: from the beginning of what is kept.
    pub after: Option<Cursor>,
    /// `None`: all of them.
    pub stream: Option<Stream>,
    /// Event types; empty: all of them.
    pub types: Vec<String>,
    /// Most entries that are looked at in one reading.
    pub limit: i64,
}

/// A page of the feed.
#[derive(Debug)]
pub struct PageOfFeed {
    pub entries: Vec<Recorded>,
    /// Where to go on, also when nothing was found.
    pub next: Cursor,
    /// Whether there may be more behind it, wanted or not.
    pub more: bool,
    horizon: Horizon,
}

/// Reads what is there now.
pub async fn read(database: &Database, wanted: &Wanted) -> sqlx::Result<PageOfFeed> {
    let mut connection = database.reads.acquire().await?;
    let after = wanted.after.unwrap_or(Cursor::BEGINNING);
    let read = store::read_feed(
        &mut connection,
        wanted.ccid,
        (after.generation, after.position),
        wanted.stream,
        wanted.limit,
    )
    .await?;
    let generation = read.generation;
    // A cursor of an incarnation before this one, or none, was read from the beginning: at least once.
    let start = if after.generation == generation {
        after.position
    } else {
        Position::START
    };
    let wants = |entry: &Recorded| {
        let word = entry.kind.event_type();
        wanted.types.is_empty() || wanted.types.iter().any(|wanted| wanted == word)
    };
    Ok(PageOfFeed {
        entries: read.entries.into_iter().filter(wants).collect(),
        next: Cursor {
            generation,
            position: read.last.unwrap_or(start),
        },
        more: read.is_full,
        horizon: read.horizon,
    })
}

/// Somebody who reads the feed on and on. Costs the store nothing while the feed does not grow.
#[derive(Debug)]
pub struct Follower {
    grew: watch::Receiver<()>,
    /// What was committed before this transaction is waited for.
    settles_below: Option<i64>,
    settle_interval: Duration,
}

impl Follower {
    /// Told of growth by [`crate::history::growth::FeedGrowth::follow`]; what is there already is read first.
    pub fn new(grew: watch::Receiver<()>) -> Self {
        Self {
            grew,
            settles_below: None,
            settle_interval: SETTLE_INTERVAL,
        }
    }

    /// Reads the next page with something in it; an empty one at the `deadline`. What was passed over is not read again.
    pub async fn next(
        &mut self,
        database: &Database,
        wanted: &mut Wanted,
        deadline: Instant,
    ) -> sqlx::Result<PageOfFeed> {
        loop {
            self.grew.mark_unchanged();
            let page = read(database, wanted).await?;
            wanted.after = Some(page.next);
            if !page.entries.is_empty() || Instant::now() >= deadline {
                return Ok(page);
            }
            if !page.more {
                self.wait(page.horizon, deadline).await;
            }
        }
    }

    /// Waits until there may be something that was not there when the feed was read up to this horizon.
    async fn wait(&mut self, read: Horizon, deadline: Instant) {
        let look_again = self.look_again_after(read);
        tokio::select! {
            () = tokio::time::sleep_until((Instant::now() + look_again).min(deadline)) => {}
            grew = self.grew.changed(), if self.settles_below.is_none() => {
                if grew.is_err() {
                    tokio::time::sleep_until(deadline).await;
                }
            }
        }
    }

    /// When to look again without being told. What was committed already becomes readable without a word.
    fn look_again_after(&mut self, read: Horizon) -> Duration {
        let below = *self.settles_below.get_or_insert(read.next);
        if read.oldest_open >= below {
            self.settles_below = None;
            self.settle_interval = SETTLE_INTERVAL;
            return LOOK_INTERVAL;
        }
        let interval = self.settle_interval;
        self.settle_interval = interval.saturating_mul(2).min(SETTLE_INTERVAL_MAX);
        interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::growth::FeedGrowth;

    #[test]
    fn what_was_committed_behind_an_open_transaction_is_looked_for_until_that_has_ended() {
        let growth = FeedGrowth::default();
        let mut follower = Follower::new(growth.follow(Ccid::from_uuid(uuid::Uuid::nil())));
        let mut waits =
            |oldest_open, next| follower.look_again_after(Horizon { oldest_open, next });
        assert_eq!(waits(7, 9), SETTLE_INTERVAL);
        // A transaction that began later is not waited for.
        assert_eq!(waits(8, 30), SETTLE_INTERVAL * 2);
        assert_eq!(waits(9, 31), LOOK_INTERVAL);
        assert_eq!(waits(31, 31), LOOK_INTERVAL);
        assert_eq!(waits(31, 32), SETTLE_INTERVAL);
    }
}
