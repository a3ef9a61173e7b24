//! Starting and stopping: every long-lived task, and the timeline from SIGTERM to exit.
//!
//! | At | What |
//! |---|---|
//! | 0 | `draining`: not ready; no attempt starts; answers carry `Connection: close` |
//! | the later of the drain delay and the end of the last attempt | `listeners_closed` |
//! | 10.5 s, or the second signal | `cut`: attempts and connections that are open are dropped; the attempts are recorded |
//! | everything is recorded and the life has ended | `over`: what only served others ends |
//! | 12 s | the process has exited |

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, error, info, info_span, warn};

/// From SIGTERM until what is still open is cut.
pub const CUT_AFTER: Duration = Duration::from_millis(10_500);
/// From SIGTERM until the process has exited. Keep the orchestrator's kill time-out above this.
pub const STOP_BUDGET: Duration = Duration::from_secs(12);

/// When the stages of the stop come at the latest, counted from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopTimeline {
    /// Listeners stay open at least this long, so that a load balancer sees in time that it has to go elsewhere.
    pub drain_delay: Duration,
    pub cut_after: Duration,
    pub exit_within: Duration,
}

impl StopTimeline {
    /// The product's timeline.
    pub const fn with_drain_delay(drain_delay: Duration) -> Self {
        Self {
            drain_delay,
            cut_after: CUT_AFTER,
            exit_within: STOP_BUDGET,
        }
    }
}

/// SIGTERM and SIGINT.
#[derive(Debug)]
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// From here on neither signal ends the process by itself.
    pub fn listen() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self {
            terminate,
            interrupt,
        })
    }

    /// Waits for the next of either.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Owns the tasks and the stages of the stop; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    tasks: TaskTracker,
    draining: CancellationToken,
    listeners_closed: CancellationToken,
    cut: CancellationToken,
    over: CancellationToken,
}

impl Lifecycle {
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a task that has to live as long as the process: if it returns or panics before the stop, everything stops.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let stopping = self.clone();
        let guard = Ending { name, stopping };
        self.spawn_until_stop(name, async move {
            let _guard = guard;
            task.await;
        });
    }

    /// Runs a task that may end by itself; the stop waits for it.
    pub fn spawn_until_stop(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.tasks
            .spawn(task.instrument(info_span!("task", task.name = name)));
    }

    /// Cancelled when the stop begins.
    pub fn draining(&self) -> CancellationToken {
        self.draining.clone()
    }

    /// Cancelled when no further connection is accepted.
    pub fn listeners_closed(&self) -> CancellationToken {
        self.listeners_closed.clone()
    }

    /// Cancelled when attempts and connections that are still open are dropped.
    pub fn cut(&self) -> CancellationToken {
        self.cut.clone()
    }

    /// Begins the stop.
    pub fn drain(&self) {
        self.draining.cancel();
    }

    pub fn close_listeners(&self) {
        self.listeners_closed.cancel();
    }

    /// Drops attempts and connections that are still open.
    pub fn cut_now(&self) {
        self.draining.cancel();
        self.listeners_closed.cancel();
        self.cut.cancel();
    }

    /// Stops along the timeline and returns when every task has ended or the time is up, whichever is first. The owner
    /// of the process calls this after a signal, or when [`Lifecycle::draining`] is cancelled because a task ended.
    ///
    /// `attempts_ended` and `connections_ended` are waited for in this order; then what is still open is cut. After it
    /// come the `last_words`: what has to be stored, the attempts that were cut among it; they limit their own time.
    /// `again` is the second signal, which skips to the cut. True: every task has ended.
    pub async fn stop(
        &self,
        timeline: StopTimeline,
        attempts_ended: impl Future<Output = ()>,
        connections_ended: impl Future<Output = ()>,
        last_words: impl Future<Output = ()>,
        again: impl Future<Output = ()>,
    ) -> bool {
        let began = Instant::now();
        info!("The stop begins");
        self.drain();
        let calm = async {
            tokio::join!(sleep(timeline.drain_delay), attempts_ended);
            self.close_listeners();
            connections_ended.await;
        };
        tokio::select! {
            done = timeout(timeline.cut_after, calm) => if done.is_err() {
                warn!("What is still open is cut");
            },
            () = again => warn!("A second signal: what is still open is cut"),
        }
        self.cut_now();
        last_words.await;
        self.over.cancel();
        let ended = timeout_at(began + timeline.exit_within, self.wait_all()).await;
        if ended.is_err() {
            error!("Tasks are still running at the end of the stop");
        }
        ended.is_ok()
    }

    /// Cancelled when everything is recorded: what only served others ends.
    pub fn over(&self) -> CancellationToken {
        self.over.clone()
    }

    /// Waits until every task has ended.
    pub async fn wait_all(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Stops everything when a task that should live on has ended.
struct Ending {
    name: &'static str,
    stopping: Lifecycle,
}

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.stopping.draining.is_cancelled() {
            error!(
                task.name = self.name,
                "A task that has to live ended; the process stops"
            );
            self.stopping.drain();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_stops_the_process() {
        let lifecycle = Lifecycle::new();
        lifecycle.spawn("doomed", async { panic!("on purpose") });
        timeout(Duration::from_secs(5), lifecycle.draining().cancelled())
            .await
            .unwrap();
    }

    const PROMPT: Duration = Duration::from_secs(5);

    fn timeline() -> StopTimeline {
        StopTimeline::with_drain_delay(Duration::ZERO)
    }

    #[tokio::test]
    async fn listeners_close_only_after_the_last_attempt_and_the_cut_comes_after_the_last_connection()
     {
        let lifecycle = Lifecycle::new();
        let attempts = async {
            assert!(lifecycle.draining().is_cancelled());
            tokio::task::yield_now().await;
            assert!(!lifecycle.listeners_closed().is_cancelled());
        };
        let connections = async {
            assert!(lifecycle.listeners_closed().is_cancelled());
            tokio::task::yield_now().await;
            assert!(!lifecycle.cut().is_cancelled());
        };
        let last_words = async { assert!(!lifecycle.over().is_cancelled()) };
        let stop = lifecycle.stop(timeline(), attempts, connections, last_words, pending());
        assert!(timeout(PROMPT, stop).await.unwrap());
        assert!(lifecycle.cut().is_cancelled());
    }

    #[tokio::test]
    async fn a_drain_delay_keeps_listeners_open() {
        let lifecycle = Lifecycle::new();
        let (began, closed) = (Instant::now(), lifecycle.listeners_closed());
        let delay = Duration::from_millis(200);
        let connections = async { assert!(began.elapsed() >= delay) };
        let stop = lifecycle.stop(
            StopTimeline::with_drain_delay(delay),
            ready(()),
            connections,
            ready(()),
            pending(),
        );
        assert!(timeout(PROMPT, stop).await.unwrap());
        assert!(closed.is_cancelled());
    }

    #[tokio::test]
    async fn what_is_still_open_is_cut_when_its_time_is_over() {
        let lifecycle = Lifecycle::new();
        let timeline = StopTimeline {
            cut_after: Duration::from_millis(50),
            ..timeline()
        };
        let cut = lifecycle.cut();
        lifecycle.spawn("open until the cut", async move { cut.cancelled().await });
        let stop = lifecycle.stop(timeline, pending(), pending(), ready(()), pending());
        assert!(timeout(PROMPT, stop).await.unwrap());
    }

    #[tokio::test]
    async fn a_second_signal_skips_to_the_cut() {
        let lifecycle = Lifecycle::new();
        let stop = lifecycle.stop(timeline(), pending(), pending(), ready(()), ready(()));
        assert!(timeout(PROMPT, stop).await.unwrap());
        assert!(lifecycle.cut().is_cancelled());
    }

    #[tokio::test]
    async fn a_task_that_outlives_the_cut_does_not_hold_the_process() {
        let lifecycle = Lifecycle::new();
        lifecycle.spawn_until_stop("stuck", pending());
        let timeline = StopTimeline {
            exit_within: Duration::from_millis(50),
            ..timeline()
        };
        let stop = lifecycle.stop(timeline, ready(()), ready(()), ready(()), pending());
        assert!(!timeout(PROMPT, stop).await.unwrap());
    }

    #[tokio::test]
    async fn a_task_that_may_end_stops_nothing() {
        let lifecycle = Lifecycle::new();
        lifecycle.spawn_until_stop("short", async {});
        lifecycle.wait_all().await;
        assert!(!lifecycle.draining().is_cancelled());
    }
}
