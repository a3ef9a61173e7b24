//! What mGage calls us with: a text or a receipt.

use tracing::debug;

use super::door::{InboundDoor, InboundError, nameless};
use crate::connectors::mgage::CONNECTOR as MGAGE;
use crate::connectors::mgage::receive::{Receipt as MGageReceipt, Text};
use crate::connectors::mgage::settings::Verdict;
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
        let recipient = receipt.recipient;
        let receipt = Receipt {
            ccid,
            channel_id: None,
            connector: MGAGE,
            provider_message_id: receipt.message_id,
            status,
            reasons,
            said: Some(receipt.said),
        };
        match recipient {
            Some(recipient) => Ok(self.receipts.take_about(&receipt, &recipient).await?),
            None => Ok(self.receipts.take(&[receipt]).await?),
        }
    }
}
