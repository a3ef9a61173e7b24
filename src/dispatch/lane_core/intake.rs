//! What a lane hears and reads, and how it comes into its queue.

use super::{LaneCore, Surroundings};
use crate::dispatch::cursor::Page;
use crate::dispatch::known::Origin;
use crate::dispatch::queue::{is_deferred, keeps_in_memory};
use crate::lanes::model::Arrival;
use crate::lanes::ownership::LaneSignal;
use crate::provisioning::directory::Channel;

impl LaneCore {
    /// Takes note of a signal, which is heard next.
    pub fn listen(&mut self, signal: LaneSignal) {
        self.unheard.push_back(signal);
    }

    pub(super) fn hear_all(&mut self, around: &impl Surroundings) {
        while let Some(signal) = self.unheard.pop_front() {
            self.hear(signal, around);
        }
    }

    fn hear(&mut self, signal: LaneSignal, around: &impl Surroundings) {
        match signal {
            LaneSignal::Arrived(mut arrivals) => {
                let now_ms = around.now_ms();
                self.cursor.sift(&mut arrivals, self.room(), now_ms);
                self.take_in(arrivals, Origin::HandedOver, now_ms);
            }
            LaneSignal::LookForRows => {
                self.cursor.look();
                // Somebody may have paused or resumed the endpoint.
                self.unread.pause = true;
                self.apply_settings(around.channel().as_deref(), around.now_ms());
            }
            LaneSignal::Refresh => {
                self.unread.pause |= self.brakes.is_stopped();
                self.apply_settings(around.channel().as_deref(), around.now_ms());
            }
            LaneSignal::ReadAgain => {
                self.read_again(around.now_ms());
                self.unread.pause = true;
            }
            LaneSignal::Recorded {
                results,
                done,
                waiting,
            } => {
                let now_ms = around.now_ms();
                self.unrecorded -= results;
                self.queue.forget(&done, now_ms);
                for place in waiting {
                    if let Some(due_at) = self.put_by.remove(&place) {
                        self.queue.forget(&[place], now_ms);
                        self.due.note(due_at);
                    }
                }
            }
            LaneSignal::Release => self.brakes.release(),
        }
    }

    pub(super) fn apply_settings(&mut self, channel: Option<&Channel>, now_ms: i64) {
        if let Some(channel) = channel {
            self.queue.set_ordered(channel.keeps_order());
            self.brakes.set_rate(channel.rate_per_second(), now_ms);
            if self.saved_at.replace(channel.saved_at) < Some(channel.saved_at) {
                self.brakes.breaker.probe_soon(now_ms);
            }
        }
    }

    pub(super) fn take_in_read(&mut self, arrivals: Vec<Arrival>, now_ms: i64) {
        self.take_in(arrivals, Origin::Read, now_ms);
    }

    fn take_in(&mut self, arrivals: Vec<Arrival>, origin: Origin, now_ms: i64) {
        for arrival in arrivals {
            if is_deferred(&arrival.delivery, now_ms) && !keeps_in_memory(&arrival.delivery, now_ms)
            {
                let holds_until = arrival.delivery.holds_until;
                self.queue.hold_successors(&arrival, holds_until, now_ms);
                self.due.note(arrival.delivery.due_at.unwrap_or(now_ms));
            } else {
                self.queue.push(arrival, origin, now_ms);
            }
        }
    }

    /// Takes in a page of the table, after what was handed over from before it while it was read.
    pub(super) fn take_in_page(&mut self, page: Page, now_ms: i64) {
        let intake = self.cursor.page_read(page, &mut self.unheard, now_ms);
        self.take_in(intake.handed_over, Origin::HandedOver, now_ms);
        self.take_in(intake.read, Origin::Read, now_ms);
    }
}
