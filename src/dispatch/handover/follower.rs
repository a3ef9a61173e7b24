//! The loop of a lane to agents elsewhere: reads its tenant's events on from its place, does what they ask for, and moves
//! its place on when all of a page is done.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::warn;

use super::errands::{self, Errand};
use super::round::{Failed, MaySend, Round, Verdict, tell_given_up};
use crate::dispatch::brakes::Brakes;
use crate::dispatch::breaker::Breaker;
use crate::dispatch::context::DispatchContext;
use crate::dispatch::slots::Turn;
use crate::events::cursor::Cursor;
use crate::events::feed::{Follower, Wanted};
use crate::history;
use crate::history::model::Stream;
use crate::lanes::model::Life;
use crate::lanes::ownership::{LaneSignal, OwnedLane};
use crate::lanes::store::{self, LaneRow};
use crate::platform::telemetry::metric;
use crate::provisioning::directory::Handover;
use crate::values::Ccid;

/// Events of one page: all of them are done before the next is read.
const PAGE_MAX: i64 = 100;
/// How long the feed is followed at a time.
const PATIENCE: Duration = Duration::from_mins(1);
/// Nothing waits longer for its next attempt: the breaker is what spares an endpoint that fails.
const RETRY_MAX_MS: i64 = 60_000;

/// One lane's loop.
pub struct FollowerLoop {
    pub(super) context: Arc<DispatchContext>,
    pub(super) owned: Arc<OwnedLane>,
    pub(super) life: Life,
    pub(super) ccid: Ccid,
    pub(super) brakes: Brakes,
    inbox: mpsc::UnboundedReceiver<LaneSignal>,
    turn: Arc<Turn>,
    follower: Follower,
    /// `None` until the place was read.
    wanted: Option<Wanted>,
    /// What a page asked for and is not done, and the place behind that page.
    todo: Option<(Vec<Errand>, Cursor)>,
    /// Rounds in a row after which something of the page was not done, and when the next is due (Unix ms).
    failed_rounds: u32,
    due_at: Option<i64>,
    settings_of: Option<time::OffsetDateTime>,
}

impl std::fmt::Debug for FollowerLoop {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("FollowerLoop")
            .field("lane", &self.owned.lane)
            .finish_non_exhaustive()
    }
}

/// What the loop does next.
enum Next {
    /// Wait for a signal, or until a time (Unix ms).
    Wait(Option<i64>),
    LearnPlace,
    Follow(Arc<Handover>),
    Work(Arc<Handover>),
    End,
}

impl FollowerLoop {
    /// A lane as it was claimed.
    pub fn new(
        context: Arc<DispatchContext>,
        (owned, inbox): (Arc<OwnedLane>, mpsc::UnboundedReceiver<LaneSignal>),
        life: Life,
        row: &LaneRow,
    ) -> Self {
        let failures = u32::try_from(row.failures_in_a_row).unwrap_or(0);
        let breaker = Breaker::restore(
            context.settings.breaker,
            (failures, row.failing_since),
            row.parked_until,
        );
        Self {
            follower: Follower::new(context.growth.follow(row.ccid)),
            context,
            owned,
            life,
            ccid: row.ccid,
            brakes: Brakes::new(breaker, row.paused),
            inbox,
            turn: Arc::default(),
            wanted: None,
            todo: None,
            failed_rounds: 0,
            due_at: None,
            settings_of: None,
        }
    }

    /// Runs until the lane is given away, the life ends, or everything is cut.
    pub async fn run(mut self) {
        let owned = Arc::clone(&self.owned);
        let _running = owned.running();
        loop {
            while let Ok(signal) = self.inbox.try_recv() {
                self.listen(&signal).await;
            }
            match self.next() {
                Next::End => return,
                Next::Wait(until) => {
                    if !self.wait(until).await {
                        return;
                    }
                }
                Next::LearnPlace => self.learn_place().await,
                Next::Follow(handover) => {
                    if !self.follow(&handover).await {
                        return;
                    }
                }
                Next::Work(handover) => self.work(&handover).await,
            }
        }
    }

    fn next(&mut self) -> Next {
        if self.brakes.is_releasing() {
            return Next::End;
        }
        let now_ms = self.context.clock.now_ms();
        let snapshot = self.context.directory.snapshot();
        let handover = snapshot.handover_through(self.owned.lane);
        let lets_send =
            !self.context.ownership.is_held() && !self.context.lifecycle.draining().is_cancelled();
        let Some(handover) = handover.filter(|_| lets_send) else {
            // Told when the directory changes; a hold ends, and a stop begins, without a word.
            return Next::Wait(Some(now_ms + 500));
        };
        if self.settings_of.is_some_and(|of| of < handover.saved_at) {
            self.brakes.breaker.probe_soon(now_ms);
        }
        self.settings_of = Some(handover.saved_at);
        if self.wanted.is_none() {
            return if self.brakes.is_set_back(now_ms) {
                Next::Wait(self.brakes.loosen_at(now_ms, false))
            } else {
                Next::LearnPlace
            };
        }
        if self.todo.is_none() && !self.brakes.is_set_back(now_ms) {
            return Next::Follow(Arc::clone(handover));
        }
        let due_at = self.due_at.filter(|due_at| *due_at > now_ms);
        if due_at.is_some() || !self.brakes.let_go(now_ms) {
            let loosened = self.brakes.loosen_at(now_ms, true);
            return Next::Wait(due_at.into_iter().chain(loosened).max());
        }
        Next::Work(Arc::clone(handover))
    }

    /// Waits until something happens; `false` where nothing will happen any more.
    async fn wait(&mut self, until: Option<i64>) -> bool {
        let clock = self.context.clock.clone();
        tokio::select! {
            signal = self.inbox.recv() => match signal {
                Some(signal) => self.listen(&signal).await,
                None => return false,
            },
            () = self.turn.comes() => {}
            () = clock.sleep_until(until.unwrap_or(i64::MAX)) => {}
        }
        true
    }

    async fn listen(&mut self, signal: &LaneSignal) {
        match signal {
            LaneSignal::Release => self.brakes.release(),
            LaneSignal::LookForRows | LaneSignal::Refresh | LaneSignal::ReadAgain => {
                self.look_at_row().await;
            }
            // No message is handed over in memory here, and no result is recorded.
            LaneSignal::Arrived(arrivals) => self.owned.took_in(arrivals.len()),
            LaneSignal::Recorded { .. } => {}
        }
    }

    /// Somebody may have paused or resumed it.
    async fn look_at_row(&mut self) {
        let read = async {
            let mut connection = self.context.database.queue.acquire().await?;
            store::brakes(&mut connection, self.owned.lane).await
        };
        match read.await {
            Ok(row) => self.brakes.follow(row, self.context.settings.breaker),
            Err(error) => self.set_back(&error),
        }
    }

    async fn learn_place(&mut self) {
        let read = async {
            let mut connection = self.context.database.queue.acquire().await?;
            history::store::place_of_follower(&mut connection, self.ccid, self.owned.lane.0).await
        };
        match read.await {
            Ok(place) => {
                let after = place.map(|(generation, position)| Cursor {
                    generation,
                    position,
                });
                self.wanted = Some(Wanted {
                    ccid: self.ccid,
                    after,
                    stream: Some(Stream::Chat),
                    types: errands::TYPES.map(str::to_owned).to_vec(),
                    limit: PAGE_MAX,
                });
            }
            Err(error) => self.set_back(&error),
        }
    }

    /// Follows the feed until it says something; `false` where nothing will happen any more.
    async fn follow(&mut self, handover: &Handover) -> bool {
        let Some(wanted) = &mut self.wanted else {
            return true;
        };
        let database = &self.context.database;
        let read = tokio::select! {
            read = self.follower.next(database, wanted, Instant::now() + PATIENCE) => read,
            signal = self.inbox.recv() => {
                let Some(signal) = signal else { return false };
                self.listen(&signal).await;
                return true;
            }
        };
        let page = match read {
            Ok(page) => page,
            Err(error) => {
                self.set_back(&error);
                return true;
            }
        };
        let errands = async {
            let mut connection = database.reads.acquire().await?;
            let media = &self.context.media;
            errands::errands(&mut connection, handover, &page.entries, media).await
        };
        match errands.await {
            Ok(errands) if !errands.is_empty() => self.todo = Some((errands, page.next)),
            // Pages without anything for agents are read again after a change of owners, which costs little.
            Ok(_) => {}
            Err(error) => {
                // The page is read again.
                self.wanted = None;
                self.set_back(&error);
            }
        }
        true
    }

    /// Does what is left of a page, as far as it is taken.
    async fn work(&mut self, handover: &Arc<Handover>) {
        let Some(slot) = self.context.slots.take(self.ccid, &self.turn) else {
            // Whoever's turn it is hears of it.
            self.wait(None).await;
            return;
        };
        let Some((errands, place)) = self.todo.take() else {
            self.turn.pass_on();
            return;
        };
        let now_ms = self.context.clock.now_ms();
        if !self.brakes.admit(now_ms) {
            self.todo = Some((errands, place));
            return;
        }
        self.owned.set_open_attempts(1);
        let done = self.go_round(handover, errands).await;
        drop(slot);
        self.turn.pass_on();
        self.owned.set_open_attempts(0);
        // What was cut is done again by the next owner.
        let Some((left, verdict)) = done else { return };
        let failed = verdict.failed;
        tell_given_up(handover, &verdict.given_up);
        self.settle(&verdict).await;
        if left.is_empty() {
            self.failed_rounds = 0;
            self.due_at = None;
            self.move_on(place).await;
        } else {
            if failed.error.is_some() {
                self.put_off(failed);
            }
            self.todo = Some((left, place));
        }
    }

    /// One round, during which the lane may be paused or given away; `None` where it was cut.
    async fn go_round(
        &mut self,
        handover: &Arc<Handover>,
        errands: Vec<Errand>,
    ) -> Option<(Vec<Errand>, Verdict)> {
        let round = Round {
            agents: self.context.agents.clone(),
            handover: Arc::clone(handover),
            clock: self.context.clock.clone(),
            may_send: MaySend {
                open: self.brakes.open(),
                ownership: Arc::clone(&self.context.ownership),
                life: self.life,
            },
            head_hold: self.context.settings.head_hold,
            message_age_max: self.context.settings.message_age_max,
        };
        let cut = self.context.lifecycle.cut();
        let running = round.run(errands);
        tokio::pin!(running);
        loop {
            tokio::select! {
                done = &mut running => return Some(done),
                Some(signal) = self.inbox.recv() => self.listen(&signal).await,
                () = cut.cancelled() => return None,
            }
        }
    }

    fn put_off(&mut self, failed: Failed) {
        self.failed_rounds = self.failed_rounds.saturating_add(1);
        let schedule = &self.context.settings.schedule;
        let last = u32::try_from(schedule.entries().len()).unwrap_or(u32::MAX);
        let redelivery = self.failed_rounds.min(last);
        let delay = schedule.delay(redelivery, failed.after, rand::random());
        let delay = delay.unwrap_or(Duration::from_secs(30));
        let delay_ms = i64::try_from(delay.as_millis()).unwrap_or(RETRY_MAX_MS);
        let asked_ms = failed.after.map_or(0, |after| {
            i64::try_from(after.as_millis()).unwrap_or(RETRY_MAX_MS)
        });
        let now_ms = self.context.clock.now_ms();
        self.due_at = Some(now_ms + delay_ms.min(RETRY_MAX_MS).max(asked_ms));
    }

    /// Everything before this place is done.
    async fn move_on(&mut self, place: Cursor) {
        let moved = async {
            let mut transaction = self.context.database.queue.begin().await?;
            if store::stands(&mut transaction, self.life).await? {
                let follower = (self.ccid, self.owned.lane.0);
                let place = (place.generation, place.position);
                history::store::move_follower(&mut transaction, follower, place).await?;
            }
            transaction.commit().await
        };
        if let Err(error) = moved.await {
            // What is done twice is taken once.
            self.set_back(&error);
        }
    }

    /// Tells the breaker what a round came to; the lane's row changes only when its state does.
    async fn settle(&mut self, verdict: &Verdict) {
        if let Err(error) = self.record(verdict).await {
            self.set_back(&error);
        }
        if verdict.pause {
            self.brakes.pause();
        }
    }

    fn set_back(&mut self, error: &sqlx::Error) {
        metrics::counter!(metric::LANE_READS_FAILED).increment(1);
        warn!(lane.id = self.owned.lane.0, error.cause = %error, "A lane to agents could not be read or moved; it tries again");
        self.brakes.set_back(self.context.clock.now_ms());
    }
}
