//! What a lane hears and reads, and how it comes into its queue.

use tracing::warn;

use super::LaneLoop;
use crate::dispatch::cursor::Page;
use crate::dispatch::known::Origin;
use crate::dispatch::queue::is_deferred;
use crate::lanes::model::Arrival;
use crate::lanes::ownership::LaneSignal;
use crate::platform::telemetry::metric;

impl LaneLoop {
    pub(super) fn hear(&mut self, signal: LaneSignal) {
        match signal {
            LaneSignal::Arrived(mut arrivals) => {
                let now_ms = self.context.clock.now_ms();
                self.rows.cursor.sift(&mut arrivals, self.room(), now_ms);
                self.take_in(arrivals, Origin::HandedOver);
            }
            LaneSignal::LookForRows => {
                self.rows.cursor.look();
                // Somebody may have paused or resumed the endpoint, or its settings may have changed.
                self.unread.pause = true;
                self.apply_settings();
            }
            LaneSignal::ReadAgain => {
                self.rows.read_again();
                self.unread.pause = true;
            }
            LaneSignal::Recorded {
                results,
                done,
                waiting,
            } => {
                let now_ms = self.context.clock.now_ms();
                self.unrecorded -= results;
                self.queue.forget(&done, now_ms);
                for place in waiting {
                    if let Some(due_at) = self.put_by.remove(&place) {
                        self.queue.forget(&[place], now_ms);
                        self.rows.due.note(due_at);
                    }
                }
            }
            LaneSignal::Release => self.brakes.release(),
        }
    }

    pub(super) fn apply_settings(&mut self) {
        if let Some(channel) = self.channel() {
            self.queue.set_ordered(channel.keeps_order());
            let now_ms = self.context.clock.now_ms();
            self.brakes.set_rate(channel.rate_per_second(), now_ms);
        }
    }

    fn take_in(&mut self, arrivals: Vec<Arrival>, origin: Origin) {
        let now_ms = self.context.clock.now_ms();
        for arrival in arrivals {
            if is_deferred(&arrival.delivery, now_ms)
                && !self.context.keeps_in_memory(&arrival.delivery, now_ms)
            {
                let holds_until = arrival.delivery.holds_until;
                self.queue.hold_successors(&arrival, holds_until, now_ms);
                self.rows
                    .due
                    .note(arrival.delivery.due_at.unwrap_or(now_ms));
            } else {
                self.queue.push(arrival, origin, now_ms);
            }
        }
    }

    /// Takes in a page of the table, after what was handed over from before it while it was read.
    fn take_in_page(&mut self, page: Page) {
        while let Ok(signal) = self.inbox.try_recv() {
            self.listen(signal);
        }
        let now_ms = self.context.clock.now_ms();
        let intake = self.rows.cursor.page_read(page, &mut self.unheard, now_ms);
        self.take_in(intake.handed_over, Origin::HandedOver);
        self.take_in(intake.read, Origin::Read);
    }

    /// Takes a signal from the inbox, which has room again then.
    pub(super) fn listen(&mut self, signal: LaneSignal) {
        if let LaneSignal::Arrived(arrivals) = &signal {
            self.owned.took_in(arrivals.len());
        }
        self.unheard.push_back(signal);
    }

    /// Reads from the database what has to be known, and what there is room for.
    pub(super) async fn refill(&mut self) {
        let now_ms = self.context.clock.now_ms();
        if self.brakes.is_releasing() || self.brakes.is_set_back(now_ms) {
            return;
        }
        if let Err(error) = self.read(now_ms).await {
            metrics::counter!(metric::LANE_READS_FAILED).increment(1);
            warn!(lane.id = self.owned.lane.0, error.cause = %error, "A lane could not be read; it tries again");
            self.brakes.set_back(self.context.clock.now_ms());
        }
    }

    async fn read(&mut self, now_ms: i64) -> sqlx::Result<()> {
        // What we decided ourselves counts at once, though the table says so only once it is recorded.
        let is_settled = self.unrecorded == 0 || !self.brakes.is_stopped();
        if self.unread.pause && is_settled {
            let row = self.rows.brakes().await?;
            self.brakes.follow(row, self.context.settings.breaker);
            self.unread.pause = false;
        }
        if self.unread.holding {
            let holding = self.rows.read_holding().await?;
            self.take_in(holding, Origin::Read);
            self.unread.holding = false;
        }
        if self.rows.due.next().is_some_and(|due| due <= now_ms) && self.room() > 0 {
            let (room, queue) = (self.room(), &self.queue);
            let is_known = |place| queue.knows(place);
            let due = self.rows.read_due(room, is_known).await?;
            self.take_in(due, Origin::Read);
        }
        if self.wants_page() {
            let (room, queue) = (self.room(), &self.queue);
            let is_known = |place| queue.knows(place);
            let page = self.rows.read_on(room, is_known).await?;
            self.take_in_page(page);
        }
        Ok(())
    }

    /// Whether there is a page to read, and room for it. Half empty before more is read, so that a page is worth its
    /// statement.
    pub(super) fn wants_page(&self) -> bool {
        let may_read =
            !self.brakes.is_releasing() && !self.brakes.is_set_back(self.context.clock.now_ms());
        let is_half_empty = self.queue.len() * 2 <= self.context.settings.memory_deliveries_max;
        self.rows.cursor.is_behind() && is_half_empty && may_read
    }

    pub(super) fn room(&self) -> usize {
        self.context
            .settings
            .memory_deliveries_max
            .saturating_sub(self.queue.len())
    }
}
