//! Group commit: what arrives together is written together.
//!
//! A committer takes what is waiting (it never waits for more), writes it in one transaction on a connection of its
//! own, and answers each item. While the store is away items are refused at once instead of piling up. A batch with
//! an unstorable row is split until that row stands alone. A batch whose outcome is unknown is written again: it is
//! the handler's duty that a repeat changes nothing.

mod committer;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::{Notify, mpsc};

use committer::Committer;

use crate::platform::lifecycle::Lifecycle;

/// Why an item was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotWritten {
    #[error("the store is not available")]
    Unavailable,
    #[error("too much is waiting to be stored")]
    Full,
    #[error("the store refuses this content")]
    Refused,
}

/// What is written, and how.
pub trait Flush: Send + Sync + 'static {
    type Item: Send + 'static;
    type Answer: Send;

    /// Rough size of an item in bytes.
    fn weight(&self, item: &Self::Item) -> usize;

    /// How many rows an item stands for.
    fn rows(&self, _item: &Self::Item) -> usize {
        1
    }

    /// Whether `item` may be written together with `batch`; if not it opens the next one.
    fn fits(&self, _batch: &[Self::Item], _item: &Self::Item) -> bool {
        true
    }

    /// Writes the batch and commits. `repeat`: an earlier try of this very batch may have been committed.
    fn flush(
        &self,
        connection: &mut PgConnection,
        batch: &mut [Self::Item],
        repeat: bool,
    ) -> impl Future<Output = sqlx::Result<Self::Answer>> + Send;

    /// The batch is durable.
    fn written(&self, batch: Vec<Self::Item>, answer: Self::Answer);

    /// A try of the batch has failed and left open whether it was committed.
    fn in_doubt(&self, _batch: &[Self::Item]) {}

    /// The items will not be written, as far as is known.
    fn not_written(&self, batch: Vec<Self::Item>, why: NotWritten);
}

/// How a group of committers works.
#[derive(Debug, Clone)]
pub struct GroupCommitOptions {
    /// Names its tasks and log lines.
    pub name: &'static str,
    pub committers: usize,
    pub batch_rows_max: usize,
    /// Items that may wait for each committer; more are refused.
    pub waiting_max: usize,
    /// How long a batch is kept for the next connection when the store goes away. `None`: until the process stops.
    pub patience: Option<Duration>,
    /// How long a committer waits for more before it writes; zero on the accept path.
    pub window: Duration,
}

/// The way in; cheap to clone.
#[derive(Debug)]
pub struct GroupCommit<F: Flush> {
    queues: Arc<[Queue<F::Item>]>,
    /// With so many pending a committer has its next batch full.
    full_at: usize,
    state: Arc<State>,
}

/// What is offered in one line is written in the order of the offers.
#[derive(Debug, Clone, Copy)]
pub struct Line(usize);

/// What waits for one committer.
#[derive(Debug)]
struct Queue<T> {
    sender: mpsc::Sender<T>,
    /// Items handed over and not answered yet.
    pending: Arc<AtomicUsize>,
}

impl<F: Flush> Clone for GroupCommit<F> {
    fn clone(&self) -> Self {
        Self {
            queues: Arc::clone(&self.queues),
            full_at: self.full_at,
            state: Arc::clone(&self.state),
        }
    }
}

#[derive(Debug)]
struct State {
    available: AtomicBool,
    /// Items handed over and not answered yet, counted so that a stop can wait for none.
    pending: AtomicUsize,
    settled: Notify,
}

impl<F: Flush> GroupCommit<F> {
    /// Starts the committers. They end, after writing what waits, once every `GroupCommit` is dropped or when everything is over.
    pub fn start(
        options: &GroupCommitOptions,
        connect: &PgConnectOptions,
        flush: &Arc<F>,
        lifecycle: &Lifecycle,
    ) -> Self {
        let state = Arc::new(State {
            available: AtomicBool::new(true),
            pending: AtomicUsize::new(0),
            settled: Notify::new(),
        });
        let start_one = |_| {
            let (sender, receiver) = mpsc::channel(options.waiting_max);
            let pending = Arc::new(AtomicUsize::new(0));
            let committer = Committer {
                options: options.clone(),
                connect: connect.clone(),
                connection: None,
                flush: Arc::clone(flush),
                receiver,
                held_back: None,
                pending: Arc::clone(&pending),
                state: Arc::clone(&state),
            };
            let over = lifecycle.over();
            lifecycle.spawn_until_stop(options.name, async move {
                tokio::select! {
                    () = committer.run() => {}
                    () = over.cancelled() => {}
                }
            });
            Queue { sender, pending }
        };
        Self {
            queues: (0..options.committers).map(start_one).collect(),
            full_at: options.batch_rows_max,
            state,
        }
    }

    /// Begins a line: with an idle committer while little is pending, else with one whose batch it can join.
    pub fn line(&self) -> Line {
        let pending = |queue: &Queue<F::Item>| queue.pending.load(Ordering::Acquire);
        Line(choose(&self.queues.iter().map(pending), self.full_at))
    }

    /// Hands an item over, or gives it back with the reason.
    pub fn offer(&self, item: F::Item) -> Result<(), (F::Item, NotWritten)> {
        self.offer_in(self.line(), item)
    }

    /// The same in a line.
    pub fn offer_in(&self, line: Line, item: F::Item) -> Result<(), (F::Item, NotWritten)> {
        if !self.available() {
            return Err((item, NotWritten::Unavailable));
        }
        let queue = &self.queues[line.0];
        self.handed_over(queue);
        queue.sender.try_send(item).map_err(|error| {
            self.taken_back(queue);
            match error {
                mpsc::error::TrySendError::Full(item) => (item, NotWritten::Full),
                mpsc::error::TrySendError::Closed(item) => (item, NotWritten::Unavailable),
            }
        })
    }

    /// Hands an item over, waiting for room and not caring whether the store is there.
    pub async fn deliver(&self, item: F::Item) {
        let queue = &self.queues[self.line().0];
        self.handed_over(queue);
        if queue.sender.send(item).await.is_err() {
            self.taken_back(queue);
        }
    }

    fn handed_over(&self, queue: &Queue<F::Item>) {
        queue.pending.fetch_add(1, Ordering::AcqRel);
        self.state.pending.fetch_add(1, Ordering::AcqRel);
    }

    fn taken_back(&self, queue: &Queue<F::Item>) {
        queue.pending.fetch_sub(1, Ordering::AcqRel);
        self.state.pending.fetch_sub(1, Ordering::AcqRel);
    }

    /// Whether the last thing that a committer heard from the store was good.
    pub fn available(&self) -> bool {
        self.state.available.load(Ordering::Acquire)
    }

    /// Waits until everything that was handed over has been written or refused.
    pub async fn settled(&self) {
        loop {
            let settled = self.state.settled.notified();
            if self.state.pending.load(Ordering::Acquire) == 0 {
                return;
            }
            settled.await;
        }
    }
}

/// From so many pending items on a committer's next batch is worth joining.
const CROWD: usize = 16;

/// Which committer an item goes to, by what is pending with each.
///
/// While little is, to an idle one, so that nothing waits behind a flush that is under way. Once there is a crowd, to
/// the first that has room: a flush costs about as much for fifty items as for twenty, so the others stay idle.
fn choose(pending: &(impl Iterator<Item = usize> + Clone), full_at: usize) -> usize {
    let is_crowded = pending.clone().any(|items| items >= CROWD);
    let best = if is_crowded {
        pending.clone().position(|items| items < full_at)
    } else {
        None
    };
    let least = || pending.clone().enumerate().min_by_key(|(_, items)| *items);
    best.or_else(|| least().map(|(index, _)| index))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(pending: &[usize]) -> usize {
        choose(&pending.iter().copied(), 256)
    }

    #[test]
    fn few_items_go_to_whoever_has_least() {
        assert_eq!(chosen(&[0, 0]), 0);
        assert_eq!(chosen(&[1, 0]), 1);
        assert_eq!(chosen(&[9, 8]), 1);
    }

    #[test]
    fn a_crowd_stays_together_while_one_batch_holds_it() {
        assert_eq!(chosen(&[CROWD, 0]), 0);
        assert_eq!(chosen(&[255, 0]), 0);
        assert_eq!(chosen(&[3, CROWD]), 0);
        assert_eq!(chosen(&[256, 0]), 1);
        assert_eq!(chosen(&[256, 300, 12]), 2);
    }

    #[test]
    fn when_all_have_their_batches_full_the_least_burdened_is_next() {
        assert_eq!(chosen(&[400, 300, 500]), 1);
    }
}
