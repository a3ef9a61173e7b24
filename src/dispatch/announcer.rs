//! Announcements: where a provider would take a repeat for a second message, an attempt is written down before its
//! first byte leaves. Whoever finds an announced delivery without a result knows that it may have been sent.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgConnection;
use tokio::sync::oneshot;

use crate::connectors::outcome::NotStarted;
use crate::lanes::model::{Delivery, Life};
use crate::lanes::store;
use crate::platform::clock::Clock;
use crate::platform::database::Database;
use crate::platform::database::group_commit::{Flush, GroupCommit, GroupCommitOptions, NotWritten};
use crate::platform::lifecycle::Lifecycle;

/// Announces attempts, many in one statement; cheap to clone.
#[derive(Clone)]
pub struct Announcer {
    committer: GroupCommit<Writer>,
}

impl std::fmt::Debug for Announcer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Announcer").finish_non_exhaustive()
    }
}

impl Announcer {
    /// Connects when the first attempt is announced.
    pub fn start(database: &Database, clock: Clock, lifecycle: &Lifecycle) -> Self {
        let options = GroupCommitOptions {
            name: "announcements",
            committers: 1,
            batch_rows_max: 500,
            waiting_max: 4_096,
            patience: Some(Duration::from_millis(700)),
            window: Duration::ZERO,
        };
        Self {
            committer: GroupCommit::start(
                &options,
                &database.hot,
                &Arc::new(Writer { clock }),
                lifecycle,
            ),
        }
    }

    /// Answers once the announcement is durable; until then no byte may leave.
    pub async fn announce(&self, life: Life, delivery: Delivery) -> Result<(), NotStarted> {
        let (reply, answer) = oneshot::channel();
        self.committer
            .offer(Announcement {
                life,
                delivery,
                reply,
            })
            .map_err(|_| NotStarted::CheckFailed)?;
        if answer.await.unwrap_or(false) {
            Ok(())
        } else {
            Err(NotStarted::LeaseLost)
        }
    }
}

/// One attempt that is about to begin.
#[derive(Debug)]
pub struct Announcement {
    life: Life,
    delivery: Delivery,
    reply: oneshot::Sender<bool>,
}

struct Writer {
    clock: Clock,
}

impl Flush for Writer {
    type Item = Announcement;
    /// Whether the life stands.
    type Answer = bool;

    fn weight(&self, _announcement: &Announcement) -> usize {
        64
    }

    fn fits(&self, batch: &[Announcement], announcement: &Announcement) -> bool {
        batch.iter().all(|other| other.life == announcement.life)
    }

    async fn flush(
        &self,
        connection: &mut PgConnection,
        batch: &mut [Announcement],
        _repeat: bool,
    ) -> sqlx::Result<bool> {
        let Some(life) = batch.first().map(|announcement| announcement.life) else {
            return Ok(true);
        };
        let deliveries: Vec<&Delivery> = batch
            .iter()
            .map(|announcement| &announcement.delivery)
            .collect();
        store::announce(connection, life, &deliveries, self.clock.now_ms()).await
    }

    fn written(&self, batch: Vec<Announcement>, stands: bool) {
        for announcement in batch {
            let _ = announcement.reply.send(stands);
        }
    }

    fn not_written(&self, batch: Vec<Announcement>, _why: NotWritten) {
        for announcement in batch {
            let _ = announcement.reply.send(false);
        }
    }
}
