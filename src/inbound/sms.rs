//! What the aggregation service hands in: one message or one receipt a call.

use tracing::warn;

use super::attachments::{self, SmsRefused};
use super::door::{InboundDoor, InboundError};
use crate::connectors::portico::CONNECTOR;
use crate::connectors::portico::receive::{SmsMessage, SmsReceipt, Verdict};
use crate::connectors::third_party::receive::InboundContent;
use crate::media::deposit::Deposit;
use crate::messages::dedup::{Direction, content_hash, dedup_key};
use crate::messages::model::Fingerprint;
use crate::messages::status::Status;
use crate::provisioning::directory::ReceivingChannel;
use crate::receipts::model::{Reason, Receipt};
use crate::values::{Address, Ccid, MessageId, Party, TraceContext};

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
    ) -> Result<Option<MessageId>, SmsRefused> {
        let by = Direction::InboundBy(CONNECTOR);
        let key = dedup_key(&channel.channel_id, by, &message.message_id);
        let files = self.judge_attachments(channel, key, message.attachments)?;
        // Compared is what the files are, not when they came.
        let timeless = attachments::content(message.text.clone(), &files, |file| file.timeless);
        let fingerprint = Fingerprint {
            key,
            content: content_hash(&timeless, &message.from, &message.to),
        };
        let content = attachments::content(message.text, &files, |file| file.file.id);
        if let Some(first) = self.keep_files(channel, fingerprint, files).await? {
            return Ok(first);
        }
        let content = InboundContent {
            from: party(message.from),
            to: party(message.to),
            message_id: message.message_id,
            content,
        };
        let mut draft = self.draft(channel, by, content, trace);
        draft.fingerprint = Some(fingerprint);
        match self.store(vec![(0, draft)]).await {
            Ok(ids) => Ok(ids.first().copied()),
            Err(InboundError::Conflict { .. }) => {
                said_otherwise(channel);
                Ok(None)
            }
            Err(
                error @ (InboundError::Refused
                | InboundError::ParkingFull
                | InboundError::Unavailable),
            ) => Err(error.into()),
        }
    }

    /// Stores the files of a message that is new; of one that is here already, what it is answered with. Of two such
    /// calls at the same moment both may store, and what they store has the same ids.
    async fn keep_files(
        &self,
        channel: &ReceivingChannel,
        fingerprint: Fingerprint,
        files: Vec<Deposit>,
    ) -> Result<Option<Option<MessageId>>, SmsRefused> {
        if files.is_empty() {
            return Ok(None);
        }
        let known = self.known.holder(channel.ccid, fingerprint.key).await;
        match known.map_err(|error| {
            warn!(error.cause = %error, "Whether a message is here could not be looked up");
            InboundError::Unavailable
        })? {
            Some(first) if first.content == fingerprint.content => Ok(Some(Some(first.id))),
            Some(_) => {
                said_otherwise(channel);
                Ok(Some(None))
            }
            None => {
                let tenant = (channel.ccid, &channel.channel_id);
                self.files.keep(tenant, files).await?;
                Ok(None)
            }
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

fn party(address: Address) -> Party {
    Party {
        address,
        name: None,
    }
}

fn said_otherwise(channel: &ReceivingChannel) {
    warn!(
        ccid = %channel.ccid,
        connector.name = CONNECTOR,
        "A message_id came again with other content; nothing was changed",
    );
}
