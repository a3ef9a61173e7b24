//! Which delivery is started next, and how.

use std::sync::Arc;

use super::{LaneCore, Surroundings};
use crate::dispatch::attempt;
use crate::lanes::model::Arrival;
use crate::provisioning::directory::Channel;

/// What is to be begun.
#[derive(Debug)]
pub struct Start<S> {
    pub arrival: Arrival,
    pub channel: Arc<Channel>,
    pub slot: S,
    pub how: How,
}

/// What is begun of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// An attempt.
    Send,
    /// None: it needs a decision only.
    Report,
    /// None: it may have been sent and has waited for a receipt, and somebody is asked what became of it.
    Resolve,
}

impl LaneCore {
    /// The next delivery to begin, if one may.
    pub(super) fn start<A: Surroundings>(
        &mut self,
        around: &A,
        attempts_open: usize,
        now_ms: i64,
    ) -> Option<Start<A::Slot>> {
        if !self.may_start(around, now_ms) || !self.queue.has_ready() {
            return None;
        }
        let Some(channel) = around.channel() else {
            self.brakes.set_back(now_ms);
            return None;
        };
        let attempts_max = channel.max_in_flight(self.settings.lane_max_in_flight);
        if attempts_open >= attempts_max || !self.brakes.admit(now_ms) {
            return None;
        }
        // Last, since whoever asks for a slot in vain waits for its turn.
        let Some(slot) = around.take_slot() else {
            self.brakes.breaker.not_started();
            return None;
        };
        let arrival = self.queue.pop()?;
        let how = self.how(&arrival, &channel, now_ms);
        Some(Start {
            arrival,
            channel,
            slot,
            how,
        })
    }

    /// Whether this lane may begin an attempt at all.
    fn may_start(&self, around: &impl Surroundings, now_ms: i64) -> bool {
        !self.unread.pause
            && !self.unread.holding
            && around.lets_send()
            && self.brakes.let_go(now_ms)
    }

    /// What is begun of a delivery; an attempt is charged to the lane's rate.
    fn how(&mut self, arrival: &Arrival, channel: &Channel, now_ms: i64) -> How {
        if arrival.delivery.was_held() {
            self.brakes.breaker.not_started();
            return How::Resolve;
        }
        // What a restore left open is sent again where that is safe.
        let is_open = arrival.delivery.announced_at.is_some() && !channel.repeats_safe();
        if arrival.delivery.expires_at <= now_ms || is_open {
            self.brakes.breaker.not_started();
            return How::Report;
        }
        self.brakes.charge(|| attempt::parts(arrival), now_ms);
        How::Send
    }
}
