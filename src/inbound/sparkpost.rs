//! What SparkPost's batches say about mails, and about who gets no more of them.

use std::collections::HashMap;
use std::time::Duration;

use tracing::warn;

use super::door::{InboundDoor, InboundError};
use crate::connectors::sparkpost::CONNECTOR;
use crate::connectors::sparkpost::receive::{Event, OptOut as Why, Verdict};
use crate::messages::status::Status;
use crate::messages::store::sent::Sent;
use crate::receipts::model::{Reason, Receipt};
use crate::suppressions::model::{OptOut, Source};
use crate::values::{Ccid, MessageId};

/// A mail that comes back without its id is one of those that were sent this long before.
const COMES_BACK_WITHIN: Duration = Duration::from_hours(7 * 24);

impl InboundDoor {
    /// Suppresses whom a batch tells of, then applies what it says about mails, or parks it until they are known. The same
    /// batch again, also after a part of it was taken, changes nothing.
    pub async fn take_sparkpost_events(
        &self,
        ccid: Ccid,
        mut events: Vec<Event>,
    ) -> Result<(), InboundError> {
        self.name(ccid, &mut events).await?;
        let ids: Vec<MessageId> = events.iter().filter_map(|event| event.message_id).collect();
        let sent = self.known.sent(ccid, &ids).await.map_err(unavailable)?;
        let opt_outs = self.opt_outs_told(ccid, &events, &sent).await?;
        self.opt_outs
            .take(ccid, opt_outs)
            .await
            .map_err(unavailable)?;
        self.receipts
            .learn((ccid, CONNECTOR), &names(&events, &sent))
            .await?;
        let receipts: Vec<Receipt> = events
            .into_iter()
            .filter_map(|event| receipt(ccid, event))
            .collect();
        if receipts.is_empty() {
            return Ok(());
        }
        Ok(self.receipts.take(&receipts).await?)
    }

    /// Puts our ids to events that have SparkPost's alone, where those are known.
    async fn name(&self, ccid: Ccid, events: &mut [Event]) -> Result<(), InboundError> {
        let nameless = events.iter().filter(|event| event.message_id.is_none());
        let theirs: Vec<String> = nameless
            .filter_map(|event| event.provider_message_id.clone())
            .collect();
        let ours = self.receipts.named((ccid, CONNECTOR), &theirs).await?;
        for event in events.iter_mut().filter(|event| event.message_id.is_none()) {
            let theirs = event.provider_message_id.as_ref();
            event.message_id = theirs.and_then(|id| ours.get(id)).copied();
        }
        Ok(())
    }

    /// Who gets no more mails, and through which channels. A mail that came back without saying which it is was one of the
    /// latest to its recipient: nobody is there, whichever it was.
    async fn opt_outs_told(
        &self,
        ccid: Ccid,
        events: &[Event],
        sent: &HashMap<MessageId, Sent>,
    ) -> Result<Vec<OptOut>, InboundError> {
        let mut told = Vec::new();
        for event in events {
            let Some(why) = event.opt_out else { continue };
            if let Some(id) = event.message_id {
                told.extend(
                    sent.get(&id)
                        .map(|sent| opt_out(why, event, sent, Some(id))),
                );
            } else if why == Why::Bounced && !event.recipients.is_empty() {
                let person = (ccid, event.recipients.as_slice());
                let latest = self.known.sent_to(person, COMES_BACK_WITHIN).await;
                let latest = latest.map_err(unavailable)?;
                told.extend(latest.iter().map(|sent| opt_out(why, event, sent, None)));
            }
        }
        Ok(told)
    }
}

/// By which ids SparkPost knows mails of ours: an event that comes late may have no other.
fn names(events: &[Event], sent: &HashMap<MessageId, Sent>) -> Vec<(String, MessageId)> {
    let delivered = events
        .iter()
        .filter(|event| event.verdict == Some(Verdict::Delivered));
    let names = delivered.filter_map(|event| {
        let ours = event.message_id.filter(|id| sent.contains_key(id))?;
        Some((event.provider_message_id.clone()?, ours))
    });
    names.collect()
}

fn opt_out(why: Why, event: &Event, sent: &Sent, evidence: Option<MessageId>) -> OptOut {
    let word = |name: &str| event.said[name].as_str().map(str::to_owned);
    OptOut {
        channel_id: sent.channel_id.clone(),
        address: sent.recipient.clone(),
        source: match why {
            Why::Bounced => Source::Bounce,
            Why::Complained => Source::Complaint,
            Why::Unsubscribed => Source::Unsubscribe,
        },
        reason: word("reason").or_else(|| word("type")),
        evidence,
    }
}

/// `None`: it says nothing about the mail, or does not say which.
fn receipt(ccid: Ccid, event: Event) -> Option<Receipt> {
    let (status, reason) = match event.verdict? {
        Verdict::UnderWay => (Status::Sent, None),
        Verdict::Delivered => (Status::Delivered, None),
        Verdict::Failed(reason) => (Status::Failed, Some(reason)),
        Verdict::Returned(reason) => (Status::Bounced, Some(reason)),
    };
    let reasons = reason.map(|reason| Reason {
        code: i64::from(reason.code()),
        message: event.said["reason"].as_str().map(str::to_owned),
    });
    let ours = event.message_id.map(|id| id.to_string());
    Some(Receipt {
        ccid,
        channel_id: None,
        connector: CONNECTOR,
        provider_message_id: ours.or(event.provider_message_id)?,
        status,
        reasons: reasons.into_iter().collect(),
        said: Some(event.said),
    })
}

/// SparkPost sends what was not taken again.
fn unavailable(cause: impl std::error::Error) -> InboundError {
    warn!(error.cause = %cause, "What a batch of events is about could not be looked up or stored");
    InboundError::Unavailable
}
