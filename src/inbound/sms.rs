//! What the aggregation service hands in: one message or one receipt a call.

use tracing::warn;

use super::attachments::{self, SmsRefused};
use super::door::{InboundDoor, InboundError, nameless, said_otherwise};
use crate::connectors::portico::CONNECTOR;
use crate::connectors::portico::receive::{SmsMessage, SmsReceipt, Verdict};
use crate::connectors::third_party::receive::InboundContent;
use crate::media::deposit::Deposit;
use crate::messages::dedup::{Direction, content_hash, dedup_key};
use crate::messages::model::Fingerprint;
use crate::messages::status::Status;
use crate::provisioning::directory::ReceivingChannel;
use crate::receipts::model::{Reason, Receipt};
use crate::values::{Ccid, MessageId, TraceContext};

impl InboundDoor {
    /// Stores the message, as `store_once` does.
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
        if let Some(first) = self
            .keep_files((channel, CONNECTOR), fingerprint, files)
            .await?
        {
            return Ok(first);
        }
        let content = InboundContent {
            from: nameless(message.from),
            to: nameless(message.to),
            message_id: message.message_id,
            content,
        };
        let mut draft = self.draft(channel, by, content, trace);
        draft.fingerprint = Some(fingerprint);
        Ok(self.store_once(draft, CONNECTOR).await?)
    }

    /// Stores the files of a message that is new; of one that is here already, what it is answered with. Of two such
    /// calls at the same moment both may store, and what they store has the same ids.
    pub(super) async fn keep_files(
        &self,
        (channel, connector): (&ReceivingChannel, &str),
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
                said_otherwise(channel.ccid, connector);
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
