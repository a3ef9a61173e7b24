//! What the aggregation service hands in: one message or one receipt a call.

use tracing::warn;

use super::door::{InboundDoor, InboundError};
use crate::connectors::portico::CONNECTOR;
use crate::connectors::portico::receive::{SmsMessage, SmsReceipt, Verdict};
use crate::connectors::third_party::receive::InboundContent;
use crate::messages::dedup::Direction;
use crate::messages::status::Status;
use crate::provisioning::directory::ReceivingChannel;
use crate::receipts::model::{Reason, Receipt};
use crate::values::{Ccid, Content, MessageId, Party, TraceContext};

impl InboundDoor {
    /// Stores the message; answers its id.
    ///
    /// The same `message_id` again changes nothing whatever it says: the service repeats what it had no answer to, and
    /// a refusal would only make it repeat again. `None` where it said something else before.
    pub async fn take_sms(
        &self,
        channel: &ReceivingChannel,
        message: SmsMessage,
        trace: &TraceContext,
    ) -> Result<Option<MessageId>, InboundError> {
        let party = |address| Party {
            address,
            name: None,
        };
        let content = InboundContent {
            from: party(message.from),
            to: party(message.to),
            message_id: message.message_id,
            content: Content::Text(message.text),
        };
        let draft = self.draft(channel, Direction::InboundBy(CONNECTOR), content, trace);
        match self.store(vec![(0, draft)]).await {
            Ok(ids) => Ok(ids.first().copied()),
            Err(InboundError::Conflict { .. }) => {
                warn!(
                    ccid = %channel.ccid,
                    connector.name = CONNECTOR,
                    "A message_id came again with other content; nothing was changed",
                );
                Ok(None)
            }
            Err(
                error @ (InboundError::Refused
                | InboundError::ParkingFull
                | InboundError::Unavailable),
            ) => Err(error),
        }
    }

    /// Applies the receipt, or parks it until its message is known. It names no channel: the service's ids are those of
    /// the whole tenant.
    pub async fn take_sms_receipt(
        &self,
        ccid: Ccid,
        receipt: SmsReceipt,
    ) -> Result<(), InboundError> {
        let (status, reasons) = match receipt.verdict {
            // The service has it: that raises no message that is known to have been sent.
            Verdict::UnderWay => (Status::Sent, Vec::new()),
            Verdict::Delivered => (Status::Delivered, Vec::new()),
            Verdict::Failed { reason, why } => {
                let reason = Reason {
                    code: i64::from(reason.code()),
                    message: Some(why.to_owned()),
                };
                (Status::Failed, vec![reason])
            }
        };
        let receipt = Receipt {
            ccid,
            channel_id: None,
            connector: CONNECTOR,
            provider_message_id: receipt.message_id,
            status,
            reasons,
            said: Some(receipt.said),
        };
        Ok(self.receipts.take(&[receipt]).await?)
    }
}
