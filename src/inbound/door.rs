//! The Third-Party Messaging API behind its signature: content into the store, receipts to their messages.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::warn;

use super::keyword;
use crate::connectors::third_party::CONNECTOR;
use crate::connectors::third_party::receive::{
    Inbound, InboundContent, InboundEvent, InboundReceipt, ReceiptStatus,
};
use crate::content::rules::ContentLimits;
use crate::history::model::Stream;
use crate::media::upload::Uploads;
use crate::messages::accept::Accept;
use crate::messages::agents::TypingSeen;
use crate::messages::dedup::{Direction, content_hash, dedup_key};
use crate::messages::known::KnownMessages;
use crate::messages::model::{AcceptError, Draft, Fingerprint, Purpose};
use crate::messages::status::Status;
use crate::provisioning::directory::{Channel, ReceivingChannel};
use crate::receipts::intake::{ReceiptError, Receipts};
use crate::receipts::model::{Reason, Receipt};
use crate::suppressions::keywords::{Keyword, KeywordSets};
use crate::suppressions::opt_outs::OptOuts;
use crate::values::{Address, Ccid, MessageId, Party, Priority, TraceContext};

/// The answer to whatever changes a suppression waits this long after its commit: longer than any gate trusts a check.
const SUPPRESSION_SETTLES: Duration = Duration::from_millis(60);

/// Why a verified body was not taken. Nothing of it was stored, but where nothing can be stored at this moment: then its
/// content may have been, and the same body again has the same ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InboundError {
    #[error("a message with the same messageId and other content was accepted before")]
    Conflict {
        /// The place in the body's `messages`.
        index: usize,
    },
    #[error("this content cannot be stored")]
    Refused,
    #[error("too many receipts wait for messages that are not known")]
    ParkingFull,
    #[error("nothing can be stored at this moment")]
    Unavailable,
}

/// Takes verified bodies.
#[derive(Debug)]
pub struct InboundDoor {
    pub accept: Accept,
    pub receipts: Receipts,
    pub keywords: KeywordSets,
    /// How much one message may say.
    pub limits: ContentLimits,
    /// Which messages are here already, and where their files go.
    pub known: KnownMessages,
    /// Where it is kept who must not be sent to.
    pub opt_outs: OptOuts,
    pub files: Uploads,
    /// Who types to agents elsewhere.
    pub typing: mpsc::Sender<TypingSeen>,
}

impl InboundDoor {
    /// Stores the content messages and takes the receipts, all of them or none; answers the ids of the content messages in
    /// order. They are stored apart, so room for the receipts is asked for before the content is stored.
    pub async fn take(
        &self,
        channel: &Arc<Channel>,
        messages: Vec<Inbound>,
        trace: &TraceContext,
    ) -> Result<Vec<MessageId>, InboundError> {
        let receiving = channel.receiving();
        let mut receipts = Vec::new();
        let mut contents = Vec::new();
        for (index, message) in messages.into_iter().enumerate() {
            match message {
                Inbound::Receipt(receipt) => receipts.push(self.receipt(channel, receipt)),
                Inbound::Content(content) => {
                    let draft = self.draft(&receiving, Direction::Inbound, content, trace);
                    contents.push((index, draft));
                }
                // What is stored would come too late for anybody who shows who is typing.
                Inbound::Event(event) => self.note_typing(channel, event),
            }
        }
        if contents.is_empty() {
            if !receipts.is_empty() {
                self.receipts.take(&receipts).await?;
            }
            return Ok(Vec::new());
        }
        let promised = if receipts.is_empty() {
            None
        } else {
            Some(self.receipts.promise(&receipts).await?)
        };
        let ids = self.store(contents).await?;
        if let Some(promised) = promised {
            self.receipts.take_promised(promised).await?;
        }
        Ok(ids)
    }

    /// Tells agents elsewhere, if there are any. It is for this moment alone, so none of it is kept.
    fn note_typing(&self, channel: &Channel, event: InboundEvent) {
        let chat = channel.chat.as_ref();
        let is_handed_over = chat.is_some_and(|sender| sender.options.handover);
        if is_handed_over && event.typing.iter().any(|typing| typing.on) {
            let seen = TypingSeen {
                ccid: channel.ccid,
                channel_id: channel.channel_id.clone(),
                consumer: event.from.address,
            };
            // Where too many wait to be told of, this one is not.
            let _ = self.typing.try_send(seen);
        }
    }

    /// Stores the drafts, each with its place in the body; the answer to a STOP waits until no send under the old state
    /// can begin.
    pub(super) async fn store(
        &self,
        contents: Vec<(usize, Draft)>,
    ) -> Result<Vec<MessageId>, InboundError> {
        // A STOP that repeats an earlier one changes nothing, but the first may have been stored this very moment.
        let stops = contents
            .iter()
            .any(|(_, draft)| draft.keyword() == Some(Keyword::Stop));
        let ids = self.store_each_once(contents).await?;
        if stops {
            tokio::time::sleep(SUPPRESSION_SETTLES).await;
        }
        Ok(ids)
    }

    /// A body may name the same message twice: then both have one id, or the body is refused.
    async fn store_each_once(
        &self,
        contents: Vec<(usize, Draft)>,
    ) -> Result<Vec<MessageId>, InboundError> {
        let mut places = Vec::with_capacity(contents.len());
        let mut indexes = Vec::with_capacity(contents.len());
        let mut drafts: Vec<Draft> = Vec::with_capacity(contents.len());
        let mut first_of_key: HashMap<[u8; 16], usize> = HashMap::new();
        for (index, draft) in contents {
            let earlier = draft
                .fingerprint
                .and_then(|mine| Some((mine, *first_of_key.get(&mine.key)?)));
            if let Some((mine, place)) = earlier {
                if drafts[place]
                    .fingerprint
                    .is_some_and(|first| first.content != mine.content)
                {
                    return Err(InboundError::Conflict { index });
                }
                places.push(place);
                continue;
            }
            if let Some(fingerprint) = draft.fingerprint {
                first_of_key.insert(fingerprint.key, drafts.len());
            }
            places.push(drafts.len());
            indexes.push(index);
            drafts.push(draft);
        }
        let accepted = self
            .accept
            .store(drafts)
            .await
            .map_err(|error| match error {
                AcceptError::Conflict { index } => InboundError::Conflict {
                    index: indexes[index],
                },
                AcceptError::Refused | AcceptError::Suppressed | AcceptError::KeyUsed => {
                    InboundError::Refused
                }
                AcceptError::Unavailable => InboundError::Unavailable,
            })?;
        Ok(places.into_iter().map(|place| accepted[place].id).collect())
    }

    /// Stores a message of a provider that repeats what it had no answer to; answers its id.
    ///
    /// The same again changes nothing whatever it says, since a refusal would only make the provider repeat it. `None`
    /// where it said something else before.
    pub(super) async fn store_once(
        &self,
        draft: Draft,
        connector: &str,
    ) -> Result<Option<MessageId>, InboundError> {
        let ccid = draft.ccid;
        match self.store(vec![(0, draft)]).await {
            Ok(ids) => Ok(ids.first().copied()),
            Err(InboundError::Conflict { .. }) => {
                said_otherwise(ccid, connector);
                Ok(None)
            }
            Err(
                error @ (InboundError::Refused
                | InboundError::ParkingFull
                | InboundError::Unavailable),
            ) => Err(error),
        }
    }

    pub(super) fn draft(
        &self,
        channel: &ReceivingChannel,
        by: Direction,
        content: InboundContent,
        trace: &TraceContext,
    ) -> Draft {
        let InboundContent {
            from,
            to,
            message_id,
            content,
        } = content;
        let keyword = keyword::of(&content, &self.keywords);
        let fingerprint = Fingerprint {
            key: dedup_key(&channel.channel_id, by, &message_id),
            content: content_hash(&content, &from.address, &to.address),
        };
        Draft {
            ccid: channel.ccid,
            channel_id: channel.channel_id.clone(),
            from,
            to,
            reply_to: None,
            external_id: Some(message_id),
            content,
            trace: trace.clone(),
            metadata: None,
            campaign_id: None,
            priority: Priority::Normal,
            stream: if channel.cxc_only {
                Stream::Cxc
            } else {
                Stream::Chat
            },
            fingerprint: Some(fingerprint),
            purpose: Purpose::Receive { keyword },
        }
    }

    #[expect(
        clippy::unused_self,
        reason = "a method beside its sibling reads better"
    )]
    fn receipt(&self, channel: &Channel, receipt: InboundReceipt) -> Receipt {
        let reasons = receipt.reasons.into_iter().map(|reason| Reason {
            code: i64::from(reason.code),
            message: reason.message,
        });
        Receipt {
            ccid: channel.ccid,
            channel_id: Some(channel.channel_id.clone()),
            connector: CONNECTOR,
            provider_message_id: receipt.message_id,
            status: match receipt.status {
                ReceiptStatus::Delivered => Status::Delivered,
                ReceiptStatus::Removed => Status::Removed,
                ReceiptStatus::Failed => Status::Failed,
            },
            reasons: reasons.collect(),
            said: None,
        }
    }
}

/// A provider has used an id for two messages.
pub(super) fn said_otherwise(ccid: Ccid, connector: &str) {
    warn!(%ccid, connector.name = connector, "A message_id came again with other content; nothing was changed");
}

/// Somebody of whom a provider tells no name.
pub(super) fn nameless(address: Address) -> Party {
    Party {
        address,
        name: None,
    }
}

impl From<ReceiptError> for InboundError {
    fn from(error: ReceiptError) -> Self {
        match error {
            ReceiptError::Unavailable => Self::Unavailable,
            ReceiptError::ParkingFull => Self::ParkingFull,
            ReceiptError::Refused => Self::Refused,
        }
    }
}
