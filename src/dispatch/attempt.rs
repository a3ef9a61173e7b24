//! One attempt: the gate, the request, the answer.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::context::DispatchContext;
use super::gate::LaneOpen;
use super::sending::{Gates, Refusal, post};
use crate::connectors::allowance::Allowance;
use crate::connectors::outcome::{AttemptError, NotStarted, Outcome};
use crate::lanes::model::{Arrival, Delivery, Life};
use crate::platform::outbound::GateRefused;
use crate::provisioning::directory::Channel;
use crate::suppressions::model::Route;
use crate::values::{Content, Segments};

/// What an attempt came to, and what history says of it.
#[derive(Debug)]
pub struct Report {
    pub outcome: Outcome,
    pub duration: Duration,
    pub http_status: Option<u16>,
    pub excerpt: Option<String>,
    /// What the provider says may still be sent.
    pub allowance: Option<Allowance>,
}

impl Report {
    /// A delivery that needs a decision but no attempt: its message has expired, or an attempt was announced whose
    /// result is lost.
    pub fn without_attempt(delivery: &Delivery) -> Self {
        if delivery.announced_at.is_some() {
            Self::of(Outcome::Unknown {
                reason: AttemptError::Interrupted,
            })
        } else {
            Self::of(Outcome::NotStarted {
                why: NotStarted::Expired,
            })
        }
    }

    /// An attempt that came to a defect of ours. Whatever was sent, it is tried again by the schedule and ends as a dead
    /// letter, so that one message never stops its lane.
    pub fn failed_here() -> Self {
        Self::of(Outcome::Retry {
            reason: AttemptError::BadRequest,
            after: None,
            endpoint_fault: false,
        })
    }

    pub(super) fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            duration: Duration::ZERO,
            http_status: None,
            excerpt: None,
            allowance: None,
        }
    }
}

/// How many parts the message has for rate limits: SMS segments, or one.
pub fn parts(arrival: &Arrival) -> u32 {
    match &arrival.message.content {
        Content::Text(text) => u32::from(Segments::measure(text).count),
        Content::Email(_) | Content::RichMedia(_) => 1,
    }
}

/// Whose attempt it is.
#[derive(Debug)]
pub struct Attempt {
    pub context: Arc<DispatchContext>,
    pub life: Life,
    pub channel: Arc<Channel>,
    pub open: Arc<LaneOpen>,
}

impl Attempt {
    /// Sends one message once, unless it was called back.
    pub async fn run(&self, arrival: &Arrival) -> Report {
        if let Err(why) = self.enter(arrival).await {
            return Report::of(Outcome::NotStarted { why });
        }
        let cut = self.context.lifecycle.cut();
        let report = tokio::select! {
            report = self.send(arrival) => report,
            () = cut.cancelled() => Report::of(Outcome::Unknown { reason: AttemptError::Interrupted }),
        };
        self.leave(arrival, &report);
        report
    }

    /// Reports a delivery that needs a decision but no attempt, unless it was called back.
    pub async fn skip(&self, arrival: &Arrival) -> Report {
        let why = match self.enter(arrival).await {
            Ok(()) => return Report::without_attempt(&arrival.delivery),
            Err(why) => why,
        };
        Report::of(Outcome::NotStarted { why })
    }

    /// From here until its result is durable the message cannot be called back.
    async fn enter(&self, arrival: &Arrival) -> Result<(), NotStarted> {
        if arrival.message.cancelled {
            return Err(NotStarted::Cancelled);
        }
        let cut = self.context.lifecycle.cut();
        tokio::select! {
            began = self.context.withdrawals.begin(arrival.message.id) => {
                if began { Ok(()) } else { Err(NotStarted::Cancelled) }
            }
            () = cut.cancelled() => Err(NotStarted::LaneClosed),
        }
    }

    /// What did not begin and has no result is not under way any more.
    fn leave(&self, arrival: &Arrival, report: &Report) {
        let begins_anew = match report.outcome {
            Outcome::NotStarted { why } => matches!(
                why,
                NotStarted::LaneClosed | NotStarted::LeaseLost | NotStarted::CheckFailed
            ),
            Outcome::Accepted { .. }
            | Outcome::Retry { .. }
            | Outcome::Refused { .. }
            | Outcome::Barred { .. }
            | Outcome::Unknown { .. } => false,
        };
        if begins_anew {
            self.context.withdrawals.ended(arrival.message.id);
        }
    }

    async fn send(&self, arrival: &Arrival) -> Report {
        let gates = Gates::new(|refusal| self.gate(arrival, refusal));
        post(&self.context, &self.channel, &arrival.message, &gates).await
    }

    /// The gate of one request. Why it stays shut is left in `refusal`.
    fn gate(
        &self,
        arrival: &Arrival,
        refusal: Refusal,
    ) -> BoxFuture<'static, Result<(), GateRefused>> {
        let (context, open, life) = (Arc::clone(&self.context), Arc::clone(&self.open), self.life);
        let announce = (!self.channel.repeats_safe()).then_some(arrival.delivery);
        let checked_at = arrival.checked_at;
        let route = Route {
            ccid: arrival.message.ccid,
            channel_id: arrival.message.channel_id.clone(),
            address: arrival.message.to.address.clone(),
        };
        async move {
            let passed = async {
                if let Some(delivery) = announce {
                    context.announcer.announce(life, delivery).await?;
                }
                context.gate.pass(&route, checked_at, (life, &open)).await
            };
            passed.await.map_err(|why| {
                refusal.set(why);
                GateRefused
            })
        }
        .boxed()
    }
}
