//! The gate in front of every attempt's first byte.
//!
//! It opens only for a delivery whose recipient was found not to be suppressed within the last 50 ms, counted from
//! before the check's statement was sent, and only while the lease stands and the lane is neither paused nor being
//! given away. Whatever fails, or comes too late, keeps it shut. Checks of many attempts go in one statement.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use tokio::sync::{mpsc, oneshot};
use tracing::warn;

use crate::connectors::outcome::NotStarted;
use crate::lanes::model::Life;
use crate::lanes::ownership::Ownership;
use crate::platform::clock::Clock;
use crate::platform::database::Database;
use crate::platform::database::error::timed_out;
use crate::platform::lifecycle::Lifecycle;
use crate::platform::telemetry::metric;
use crate::suppressions::model::Route;
use crate::suppressions::proof::Proofs;
use crate::suppressions::store;

/// How old a suppression check may be when the first byte leaves.
pub const CHECK_AGE_MAX: Duration = Duration::from_millis(50);
/// A check that has no answer by then has failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);
const CHECKS_PER_STATEMENT: usize = 500;

/// Checks suppressions for attempts; cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate {
    questions: mpsc::Sender<Question>,
    clock: Clock,
    ownership: Arc<Ownership>,
}

#[derive(Debug)]
struct Question {
    route: Route,
    answer: oneshot::Sender<Answer>,
}

#[derive(Debug, Clone, Copy)]
struct Answer {
    suppressed: bool,
    asked_at: Instant,
}

/// Whether a lane's attempts may begin; shared between its loop and its gates.
#[derive(Debug, Default)]
pub struct LaneOpen(AtomicBool);

impl LaneOpen {
    pub fn set(&self, open: bool) {
        self.0.store(open, Ordering::Release);
    }

    pub fn is_open(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Gate {
    /// Starts the checker, which has a connection of its own.
    pub fn start(
        (database, proofs): (&Database, &Proofs),
        clock: Clock,
        ownership: Arc<Ownership>,
        lifecycle: &Lifecycle,
    ) -> Self {
        let (questions, receiver) = mpsc::channel(4_096);
        let checker = Checker {
            connect: Arc::clone(&database.hot),
            connection: None,
            proofs: proofs.clone(),
            clock: clock.clone(),
            receiver,
        };
        let over = lifecycle.over();
        lifecycle.spawn_until_stop("gate", async move {
            tokio::select! {
                () = checker.run() => {}
                () = over.cancelled() => {}
            }
        });
        Self {
            questions,
            clock,
            ownership,
        }
    }

    /// Waits until the attempt may begin, or says why it may not. `checked_at` is when it was last found not suppressed.
    pub async fn pass(
        &self,
        route: &Route,
        mut checked_at: Option<Instant>,
        (life, lane): (Life, &LaneOpen),
    ) -> Result<(), NotStarted> {
        loop {
            if !lane.is_open() || self.ownership.is_held() {
                return Err(NotStarted::LaneClosed);
            }
            // A later life of this process does not own what an earlier one claimed.
            if self.ownership.life() != Some(life) {
                return Err(NotStarted::LeaseLost);
            }
            // Read after everything above, so that nothing above makes it older than it may be.
            if checked_at
                .is_some_and(|at| self.clock.monotonic().duration_since(at) <= CHECK_AGE_MAX)
            {
                return Ok(());
            }
            let answer = self.ask(route).await?;
            if answer.suppressed {
                return Err(NotStarted::Suppressed);
            }
            checked_at = Some(answer.asked_at);
        }
    }

    async fn ask(&self, route: &Route) -> Result<Answer, NotStarted> {
        let (answer, receiver) = oneshot::channel();
        let question = Question {
            route: route.clone(),
            answer,
        };
        let asked = tokio::time::timeout(CHECK_TIMEOUT, async {
            self.questions
                .send(question)
                .await
                .map_err(|_| NotStarted::CheckFailed)?;
            receiver.await.map_err(|_| NotStarted::CheckFailed)
        });
        asked.await.unwrap_or(Err(NotStarted::CheckFailed))
    }
}

struct Checker {
    connect: Arc<PgConnectOptions>,
    connection: Option<PgConnection>,
    proofs: Proofs,
    clock: Clock,
    receiver: mpsc::Receiver<Question>,
}

impl Checker {
    async fn run(mut self) {
        let mut questions = Vec::new();
        while self
            .receiver
            .recv_many(&mut questions, CHECKS_PER_STATEMENT)
            .await
            > 0
        {
            let asked_at = self.clock.monotonic();
            let routes: Vec<Route> = questions
                .iter()
                .map(|question| question.route.clone())
                .collect();
            match tokio::time::timeout(CHECK_TIMEOUT, self.check(&routes)).await {
                Ok(Ok(suppressed)) => {
                    for (question, suppressed) in questions.drain(..).zip(suppressed) {
                        let _ = question.answer.send(Answer {
                            suppressed,
                            asked_at,
                        });
                    }
                }
                // Dropping the questions keeps their gates shut; the attempts begin anew when the store is back.
                Ok(Err(error)) => self.failed(&error),
                Err(_) => self.failed(&timed_out()),
            }
            questions.clear();
        }
    }

    fn failed(&mut self, error: &sqlx::Error) {
        metrics::counter!(metric::SUPPRESSION_CHECKS_FAILED).increment(1);
        warn!(error.cause = %error, "Suppressions could not be checked; no attempt begins without");
        self.connection = None;
    }

    async fn check(&mut self, routes: &[Route]) -> sqlx::Result<Vec<bool>> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect.connect().await?,
        };
        let connection = self.connection.insert(connection);
        store::check(connection, &self.proofs, routes, self.clock.now_ms()).await
    }
}
