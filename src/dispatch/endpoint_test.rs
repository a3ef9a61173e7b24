//! One real, signed post to an endpoint, to see whether it works. Nothing of it is stored: no message, no attempt, no
//! change of the breaker, and a pause does not keep it from being made.
//!
//! What is posted is a text of the channel to itself, so that an endpoint which takes it for a message bothers nobody.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::attempt::Report;
use super::context::DispatchContext;
use super::sending::{self, Gates, Refusal};
use crate::connectors::outcome::NotStarted;
use crate::history::model::Stream;
use crate::lanes::LaneId;
use crate::lanes::ids::NoLease;
use crate::lanes::model::OutboundMessage;
use crate::platform::outbound::GateRefused;
use crate::platform::telemetry::metric;
use crate::provisioning::directory::{Channel, ConnectorSettings};
use crate::suppressions::model::Route;
use crate::suppressions::store;
use crate::values::{
    Address, Ccid, ChannelType, Content, MessageId, Party, Priority, TraceContext,
};

/// Between two tests of one endpoint through one replica.
const INTERVAL: Duration = Duration::from_secs(5);
const TEXT: &str = "This is a test of the connection. It needs no answer.";

/// Tests endpoints; cheap to clone.
#[derive(Debug, Clone)]
pub struct EndpointTests {
    context: Arc<DispatchContext>,
    /// When each endpoint was tested last; those beyond the interval are forgotten.
    last: Arc<Mutex<HashMap<LaneId, Instant>>>,
}

/// Why no test was made.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub enum NotTested {
    #[error("there is no such endpoint")]
    Unknown,
    #[error("the endpoint's channel is not provisioned any more")]
    ChannelGone,
    #[error("a test of this endpoint would be a message that somebody gets")]
    WouldBeSent,
    #[error("an endpoint is tested once in {} s", INTERVAL.as_secs())]
    TooSoon { retry_after_seconds: u32 },
    #[error(transparent)]
    NoLease(#[from] NoLease),
}

impl EndpointTests {
    pub fn new(context: Arc<DispatchContext>) -> Self {
        Self {
            context,
            last: Arc::default(),
        }
    }

    /// Posts one test to the tenant's endpoint, within the endpoint's own budget of time.
    pub async fn run(&self, ccid: Ccid, lane: LaneId) -> Result<Report, NotTested> {
        let directory = self.context.directory.snapshot();
        let is_theirs = directory
            .lanes()
            .any(|(known, owner)| (known, owner) == (lane, ccid));
        if !is_theirs {
            return Err(NotTested::Unknown);
        }
        if directory.handover_through(lane).is_some() {
            return Err(NotTested::WouldBeSent);
        }
        let channel = directory
            .lane(lane)
            .cloned()
            .ok_or(NotTested::ChannelGone)?;
        if !matches!(channel.connector, ConnectorSettings::ThirdParty(_)) {
            return Err(NotTested::WouldBeSent);
        }
        let id = self.context.ids.next(&self.context.ownership)?;
        let message = message(&channel, MessageId::from_i64(id)).ok_or(NotTested::ChannelGone)?;
        self.take_turn(lane)?;
        let gates = Gates::new(|refusal| self.gate(&message, refusal));
        let report = sending::post(&self.context, &channel, &message, &gates).await;
        metrics::counter!(metric::ENDPOINT_TESTS, "outcome" => report.outcome.class()).increment(1);
        Ok(report)
    }

    fn take_turn(&self, lane: LaneId) -> Result<(), NotTested> {
        let now = self.context.clock.monotonic();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.retain(|_, at| now.duration_since(*at) < INTERVAL);
        if let Some(at) = last.get(&lane) {
            let left = INTERVAL.saturating_sub(now.duration_since(*at));
            return Err(NotTested::TooSoon {
                retry_after_seconds: u32::try_from(left.as_secs()).unwrap_or(u32::MAX - 1) + 1,
            });
        }
        last.insert(lane, now);
        Ok(())
    }

    /// Even a test is not sent to who does not want it.
    fn gate(
        &self,
        message: &OutboundMessage,
        refusal: Refusal,
    ) -> BoxFuture<'static, Result<(), GateRefused>> {
        let context = Arc::clone(&self.context);
        let route = Route {
            ccid: message.ccid,
            channel_id: message.channel_id.clone(),
            address: message.to.address.clone(),
        };
        async move {
            let checked = async {
                let mut connection = context.database.reads.acquire().await?;
                store::check(
                    &mut connection,
                    &context.proofs,
                    std::slice::from_ref(&route),
                    context.clock.now_ms(),
                )
                .await
            };
            let why = match checked.await {
                Ok(suppressed) if suppressed == [false] => return Ok(()),
                Ok(_) => NotStarted::Suppressed,
                Err(_) => NotStarted::CheckFailed,
            };
            refusal.set(why);
            Err(GateRefused)
        }
        .boxed()
    }
}

/// A text of the channel to itself; `None` for a channel that has no address of its own.
fn message(channel: &Channel, id: MessageId) -> Option<OutboundMessage> {
    let own: Address = match channel.channel_id.channel_type() {
        ChannelType::Sms => channel.channel_id.as_str().parse().ok()?,
        ChannelType::Email => format!("test@{}", channel.channel_id.as_str())
            .parse()
            .ok()?,
    };
    let party = Party {
        address: own,
        name: None,
    };
    Some(OutboundMessage {
        id,
        ccid: channel.ccid,
        channel_id: channel.channel_id.clone(),
        from: party.clone(),
        to: party,
        reply_to: None,
        content: Content::Text(TEXT.to_owned()),
        trace: TraceContext::default(),
        conversation: None,
        priority: Priority::Normal,
        stream: Stream::Chat,
        cancelled: false,
    })
}
