//! The attempts of one lane that are under way.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::task::JoinSet;

use super::attempt::{Attempt, Report};
use super::held;
use super::slots::Slot;
use crate::lanes::model::Arrival;
use crate::provisioning::directory::Channel;

/// An attempt that has come back, with the settings under which it was made.
#[derive(Debug)]
pub struct Ended {
    pub arrival: Arrival,
    pub report: Report,
    pub channel: Arc<Channel>,
}

/// Dropping it drops the attempts.
#[derive(Debug, Default)]
pub struct OpenAttempts(JoinSet<(Ended, Slot)>);

impl OpenAttempts {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sends one message once. A panic on the way is this message's trouble alone.
    pub fn begin(&mut self, attempt: Attempt, arrival: Arrival, slot: Slot) {
        self.0.spawn(async move {
            let report = AssertUnwindSafe(attempt.run(&arrival)).catch_unwind().await;
            let ended = Ended {
                arrival,
                report: report.unwrap_or_else(|_| Report::failed_here()),
                channel: attempt.channel,
            };
            (ended, slot)
        });
    }

    /// Lets a delivery come back that needs a decision but no attempt.
    pub fn skip(&mut self, attempt: Attempt, arrival: Arrival, slot: Slot) {
        self.0.spawn(async move {
            let report = attempt.skip(&arrival).await;
            let ended = Ended {
                arrival,
                report,
                channel: attempt.channel,
            };
            (ended, slot)
        });
    }

    /// Asks what became of a delivery that may have been sent and has waited for a receipt.
    pub fn resolve(&mut self, attempt: Attempt, arrival: Arrival, slot: Slot) {
        self.0.spawn(async move {
            let ended = Ended {
                report: held::report(&attempt.context, &arrival).await,
                arrival,
                channel: attempt.channel,
            };
            (ended, slot)
        });
    }

    /// The next that comes back; its slot is free again. `None` where none is under way.
    pub async fn next(&mut self) -> Option<Ended> {
        loop {
            // What panics is caught above, so none of them ends otherwise.
            if let Ok((ended, _slot)) = self.0.join_next().await? {
                return Some(ended);
            }
        }
    }
}
