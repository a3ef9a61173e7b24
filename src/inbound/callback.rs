//! What providers call us with at an address of their own: texts and receipts.

use tracing::debug;

use super::door::{InboundDoor, InboundError, nameless};
use crate::connectors::callback::{Receipt as ProvidersReceipt, Text};
use crate::connectors::third_party::receive::InboundContent;
use crate::connectors::verdict::Verdict;
use crate::messages::dedup::Direction;
use crate::messages::status::Status;
use crate::provisioning::directory::ReceivingChannel;
use crate::receipts::model::{Reason, Receipt};
use crate::values::{Address, Ccid, Content, MessageId, TraceContext};

impl InboundDoor {
    /// Stores a text that a provider hands in, as `store_once` does.
    pub async fn take_text(
        &self,
        connector: &'static str,
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
        let draft = self.draft(channel, Direction::InboundBy(connector), content, trace);
        self.store_once(draft, connector).await
    }

    /// Applies a provider's receipts, or parks each until its text is known; all of them or none. Their ids are those of
    /// the whole tenant.
    pub async fn take_receipts(
        &self,
        connector: &'static str,
        ccid: Ccid,
        receipts: Vec<ProvidersReceipt>,
    ) -> Result<(), InboundError> {
        if receipts.is_empty() {
            return Ok(());
        }
        let receipts: Vec<(Receipt, Option<Address>)> = receipts
            .into_iter()
            .map(|mut receipt| {
                let recipient = receipt.recipient.take();
                (providers_receipt(connector, ccid, receipt), recipient)
            })
            .collect();
        Ok(self.receipts.take_about(&receipts).await?)
    }
}

fn providers_receipt(connector: &'static str, ccid: Ccid, receipt: ProvidersReceipt) -> Receipt {
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
            debug!(%ccid, connector.name = connector, code = receipt.code, "A status code is in no table");
            (Status::Sent, Vec::new())
        }
    };
    Receipt {
        ccid,
        channel_id: None,
        connector,
        provider_message_id: receipt.message_id,
        status,
        reasons,
        said: Some(receipt.said),
    }
}
