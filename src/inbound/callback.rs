//! What providers call us with at an address of their own: a text, a receipt, or a batch of them.

use tracing::debug;

use super::door::{InboundDoor, InboundError, nameless};
use crate::connectors::mgage::CONNECTOR as MGAGE;
use crate::connectors::mgage::receive::{Receipt as MGageReceipt, Text};
use crate::connectors::mgage::settings::Verdict;
use crate::connectors::sparkpost::CONNECTOR as SPARKPOST;
use crate::connectors::sparkpost::receive::{self as sparkpost, Event};
use crate::connectors::third_party::receive::InboundContent;
use crate::messages::dedup::Direction;
use crate::messages::status::Status;
use crate::provisioning::directory::ReceivingChannel;
use crate::receipts::model::{Reason, Receipt};
use crate::values::{Ccid, Content, MessageId, TraceContext};

impl InboundDoor {
    /// Stores a text that mGage hands in, as `store_once` does.
    pub async fn take_mgage_text(
        &self,
        channel: &ReceivingChannel,
        text: Text,
        trace: &TraceContext,
    ) -> Result<Option<MessageId>, InboundError> {
        let content = InboundContent {
            from: nameless(text.from),
            to: nameless(text.to),
            message_id: text.message_id,
            content: Content::Text(text.text),
        };
        let draft = self.draft(channel, Direction::InboundBy(MGAGE), content, trace);
        self.store_once(draft, MGAGE).await
    }

    /// Applies mGage's receipt, or parks it until its text is known. Its ids are those of the whole tenant.
    pub async fn take_mgage_receipt(
        &self,
        ccid: Ccid,
        receipt: MGageReceipt,
    ) -> Result<(), InboundError> {
        let (status, reasons) = match receipt.verdict {
            Some(Verdict::Delivered) => (Status::Delivered, Vec::new()),
            Some(Verdict::Failed(reason)) => {
                let reason = Reason {
                    code: i64::from(reason.code()),
                    message: Some(format!("status code {}", receipt.code)),
                };
                (Status::Failed, vec![reason])
            }
            // The provider has it: that raises no text that is known to have been sent.
            Some(Verdict::UnderWay) => (Status::Sent, Vec::new()),
            None => {
                debug!(%ccid, connector.name = MGAGE, code = receipt.code, "A status code is in no table");
                (Status::Sent, Vec::new())
            }
        };
        let receipt = Receipt {
            ccid,
            channel_id: None,
            connector: MGAGE,
            provider_message_id: receipt.message_id,
            status,
            reasons,
            said: Some(receipt.said),
        };
        Ok(self.receipts.take(&[receipt]).await?)
    }
}

impl InboundDoor {
    /// Applies what a batch of SparkPost's says about mails, or parks it until they are known; all of it or nothing.
    pub async fn take_sparkpost_events(
        &self,
        ccid: Ccid,
        events: Vec<Event>,
    ) -> Result<(), InboundError> {
        let receipts: Vec<Receipt> = events
            .into_iter()
            .map(|event| sparkpost_receipt(ccid, event))
            .collect();
        if receipts.is_empty() {
            return Ok(());
        }
        Ok(self.receipts.take(&receipts).await?)
    }
}

fn sparkpost_receipt(ccid: Ccid, event: Event) -> Receipt {
    let (status, reason) = match event.verdict {
        sparkpost::Verdict::UnderWay => (Status::Sent, None),
        sparkpost::Verdict::Delivered => (Status::Delivered, None),
        sparkpost::Verdict::Failed(reason) => (Status::Failed, Some(reason)),
        sparkpost::Verdict::Returned(reason) => (Status::Bounced, Some(reason)),
    };
    let reasons = reason.map(|reason| Reason {
        code: i64::from(reason.code()),
        message: event.said["reason"].as_str().map(str::to_owned),
    });
    Receipt {
        ccid,
        channel_id: None,
        connector: SPARKPOST,
        provider_message_id: event.message_id.to_string(),
        status,
        reasons: reasons.into_iter().collect(),
        said: Some(event.said),
    }
}
