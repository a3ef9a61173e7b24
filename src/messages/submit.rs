//! Submissions: what applications, campaign jobs and agents want sent. Each message stands for itself.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::value::RawValue;

use super::accept::Accept;
use super::attached;
use super::dedup::{Direction, content_hash, dedup_key};
use super::item::{ItemRefused, SubmitItem, WireParty, party, priority, time};
use super::keyed::{ReplyRefused, Submission, only};
use super::model::{AcceptError, Accepted, Draft, Fingerprint, Outcome, Purpose};
use super::said;
use crate::content::rules::ContentLimits;
use crate::history::model::Stream;
use crate::lanes::backlog::Backlogs;
use crate::media::references::References;
use crate::platform::clock::Clock;
use crate::platform::database::group_commit::Line;
use crate::platform::http::idempotency::KeyedCall;
use crate::platform::telemetry::metric;
use crate::provisioning::directory::{CannotSend, Channel, Snapshot};
use crate::values::{
    Address, Ccid, ChannelId, ChannelType, Content, ConversationId, Party, Priority, ReasonCode,
    Segments, TraceContext,
};

/// How far ahead `notBefore` and `validUntil` may lie.
const AHEAD_MAX_MS: i64 = 30 * 24 * 3_600_000;
/// Longest text, in SMS parts: what the segment counter of a concatenated message can number.
const SEGMENTS_MAX: u16 = 255;

/// A message that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemAccepted {
    pub accepted: Accepted,
    /// Measured where the channel is SMS.
    pub segments: Option<Segments>,
}

/// Takes submissions.
#[derive(Debug)]
pub struct Submit {
    pub accept: Accept,
    pub clock: Clock,
    /// What waits in each lane already.
    pub backlogs: Backlogs,
    /// How long a message without `validUntil` lives.
    pub message_age_max_ms: i64,
    /// How much one message may say.
    pub limits: ContentLimits,
    /// Which stored files it may refer to.
    pub media: References,
}

/// What an agent has answered.
#[derive(Debug)]
pub struct Reply {
    /// `None`: the agent speaks first.
    pub conversation: Option<ConversationId>,
    pub from: Party,
    pub to: Party,
    pub content: Content,
    pub trace: TraceContext,
    /// Its id elsewhere: the same again is sent once.
    pub external_id: Option<String>,
    /// Where it is to be sent once, whatever its caller repeats.
    pub call: Option<KeyedCall>,
}

impl Submit {
    /// Stores each message that can be stored; answers in order.
    pub async fn messages(
        &self,
        ccid: Ccid,
        directory: &Snapshot,
        items: &[Box<RawValue>],
        trace: &TraceContext,
    ) -> Vec<Result<ItemAccepted, ItemRefused>> {
        let drafts = self.drafts(ccid, directory, items, trace).await;
        let line = self.accept.line();
        let mut waiting = Vec::with_capacity(drafts.len());
        for draft in drafts {
            waiting.push(self.offer(line, draft).await);
        }
        join_all(waiting.into_iter().map(|offered| async {
            let (answer, segments) = offered?;
            let outcome = answer.await.unwrap_or(Err(AcceptError::Unavailable));
            let accepted = only(outcome).map_err(refused)?;
            Ok(ItemAccepted { accepted, segments })
        }))
        .await
    }

    /// Each message as it could be stored, or why not.
    pub(super) async fn drafts(
        &self,
        ccid: Ccid,
        directory: &Snapshot,
        items: &[Box<RawValue>],
        trace: &TraceContext,
    ) -> Vec<Result<Measured, ItemRefused>> {
        let read = items
            .iter()
            .map(|item| self.draft(ccid, directory, SubmitItem::read(item)?, trace));
        let mut drafts: Vec<_> = read.collect();
        attached::refuse_unknown(&self.media, ccid, &mut drafts).await;
        drafts
    }

    /// Sends an agent's words in a conversation.
    pub async fn reply(
        &self,
        channel: &Arc<Channel>,
        reply: Reply,
    ) -> Result<ItemAccepted, ReplyRefused> {
        let segments = measure(channel, &reply.content)?;
        let now_ms = self.clock.now_ms();
        let ends = (&reply.from.address, &reply.to.address);
        let fingerprint = reply
            .external_id
            .as_deref()
            .map(|id| fingerprint(&channel.channel_id, id, &reply.content, ends));
        let draft = Draft {
            ccid: channel.ccid,
            channel_id: channel.channel_id.clone(),
            from: reply.from,
            to: reply.to,
            reply_to: None,
            external_id: reply.external_id,
            content: reply.content,
            trace: reply.trace,
            metadata: None,
            campaign_id: None,
            priority: Priority::Interactive,
            stream: Stream::Chat,
            fingerprint,
            purpose: Purpose::Send {
                lane: channel.lane,
                due_at: None,
                expires_at: now_ms + self.message_age_max_ms,
                conversation: reply.conversation,
            },
        };
        let mut drafts = [Ok((draft, segments))];
        attached::refuse_unknown(&self.media, channel.ccid, &mut drafts).await;
        let [draft] = drafts;
        let (draft, segments) = draft?;
        self.admit(&draft).await?;
        let items = vec![Ok(segments)];
        let outcome = match reply.call {
            Some(call) => {
                let submission = Submission { call, items };
                self.accept.store_once(vec![draft], submission).await
            }
            None => self
                .accept
                .offer(self.accept.line(), vec![draft])
                .await
                .unwrap_or(Err(AcceptError::Unavailable)),
        };
        match only(outcome) {
            Ok(accepted) => Ok(ItemAccepted { accepted, segments }),
            Err(AcceptError::KeyUsed) => Err(ReplyRefused::KeyUsed),
            Err(error) => Err(refused(error).into()),
        }
    }

    async fn offer(
        &self,
        line: Line,
        draft: Result<Measured, ItemRefused>,
    ) -> Result<Offered, ItemRefused> {
        let (draft, segments) = self.admitted(draft).await?;
        Ok((self.accept.offer(line, vec![draft]), segments))
    }

    /// The same if its lane takes one more.
    pub(super) async fn admitted(
        &self,
        draft: Result<Measured, ItemRefused>,
    ) -> Result<Measured, ItemRefused> {
        let (draft, segments) = draft?;
        self.admit(&draft).await?;
        Ok((draft, segments))
    }

    /// Whether the message's lane takes one more.
    async fn admit(&self, draft: &Draft) -> Result<(), ItemRefused> {
        // Where nothing can be stored, there is nothing to count either.
        let Some(lane) = draft.lane().filter(|_| self.accept.available()) else {
            return Ok(());
        };
        self.backlogs.admit(draft.ccid, lane).await.map_err(|full| {
            metrics::counter!(metric::MESSAGES_REFUSED, "reason" => "backlog").increment(1);
            ItemRefused::reason(ReasonCode::RateLimit, full.to_string())
        })
    }

    fn draft(
        &self,
        ccid: Ccid,
        directory: &Snapshot,
        mut item: SubmitItem,
        trace: &TraceContext,
    ) -> Result<Measured, ItemRefused> {
        let said = item.said();
        let from = party(item.channel.from, "/channel/from", unknown_channel)?;
        let to = party(item.channel.to, "/channel/to", || {
            ItemRefused::reason(
                ReasonCode::InvalidDestination,
                "channel.to.id is not an address",
            )
        })?;
        let priority = priority(item.priority.as_deref())?;
        let for_campaign = item.campaign_id.is_some() || priority == Priority::Bulk;
        let channel = sending_channel(ccid, directory, &from.address, for_campaign)?;
        if to.address.channel_type() != channel.channel_id.channel_type() {
            let message = "channel.to.id is not an address that this channel can send to";
            return Err(ItemRefused::reason(ReasonCode::InvalidDestination, message));
        }
        let content = said::content(said, self.limits)?;
        let segments = measure(channel, &content)?;
        let (due_at, expires_at) =
            self.times(item.not_before.as_deref(), item.valid_until.as_deref())?;
        let reply_to = item.reply_to.map(|wire| reply_to(wire, channel));
        let reply_to = reply_to.transpose()?;
        let stream = if for_campaign {
            Stream::Cxc
        } else {
            Stream::Chat
        };
        let fingerprint = item.channel.message_id.as_deref().map(|message_id| {
            fingerprint(
                &channel.channel_id,
                message_id,
                &content,
                (&from.address, &to.address),
            )
        });
        let draft = Draft {
            ccid,
            channel_id: channel.channel_id.clone(),
            from,
            to,
            reply_to,
            external_id: item.channel.message_id,
            content,
            trace: trace.clone(),
            metadata: item.metadata.map(|metadata| metadata.get().to_owned()),
            campaign_id: item.campaign_id,
            priority,
            stream,
            fingerprint,
            purpose: Purpose::Send {
                lane: channel.lane,
                due_at,
                expires_at,
                conversation: None,
            },
        };
        Ok((draft, segments))
    }

    /// `notBefore` and `validUntil` as Unix milliseconds.
    fn times(
        &self,
        not_before: Option<&str>,
        valid_until: Option<&str>,
    ) -> Result<(Option<i64>, i64), ItemRefused> {
        let now_ms = self.clock.now_ms();
        let not_before = not_before.map(|text| time("notBefore", text)).transpose()?;
        let valid_until = valid_until
            .map(|text| time("validUntil", text))
            .transpose()?;
        for (member, time) in [("notBefore", not_before), ("validUntil", valid_until)] {
            if time.is_some_and(|time| time > now_ms + AHEAD_MAX_MS) {
                return Err(ItemRefused::new(
                    422,
                    format!("{member} may lie at most 30 days ahead"),
                ));
            }
        }
        let due_at = not_before.filter(|due_at| *due_at > now_ms);
        let expires_at = valid_until.unwrap_or(due_at.unwrap_or(now_ms) + self.message_age_max_ms);
        if expires_at <= due_at.unwrap_or(now_ms) {
            return Err(ItemRefused::reason(
                ReasonCode::Expired,
                "validUntil is past before the message could be sent",
            ));
        }
        Ok((due_at, expires_at))
    }
}

/// A message that could be stored, with its length where the channel is SMS.
pub(super) type Measured = (Draft, Option<Segments>);

type Offered = (tokio::sync::oneshot::Receiver<Outcome>, Option<Segments>);

fn measure(channel: &Channel, content: &Content) -> Result<Option<Segments>, ItemRefused> {
    if let Some((reason, sentence)) = channel.refuses(content) {
        return Err(ItemRefused::reason(reason, sentence));
    }
    let channel_type = channel.channel_id.channel_type();
    match (channel_type, content) {
        (ChannelType::Sms, Content::Text(text)) => {
            let segments = Segments::measure(text);
            if segments.count > SEGMENTS_MAX {
                let message = format!(
                    "the text needs {} parts; {SEGMENTS_MAX} are the most",
                    segments.count
                );
                return Err(ItemRefused::reason(ReasonCode::InvalidStructure, message));
            }
            Ok(Some(segments))
        }
        (ChannelType::Sms, Content::RichMedia(_)) | (ChannelType::Email, Content::Email(_)) => {
            Ok(None)
        }
        (ChannelType::Sms, Content::Email(_)) => Err(ItemRefused::reason(
            ReasonCode::Unsupported,
            "an SMS channel sends messages of type Text or RichMedia",
        )),
        (ChannelType::Email, Content::Text(_) | Content::RichMedia(_)) => Err(ItemRefused::reason(
            ReasonCode::Unsupported,
            "an email channel sends messages of type Email, with attachments where there are media",
        )),
    }
}

/// Whom a recipient's answer goes to, who need not be of this tenant: but a mail is answered with a mail.
fn reply_to(wire: WireParty, channel: &Channel) -> Result<Party, ItemRefused> {
    let no_address = || ItemRefused::new(422, "replyTo.id is not an address");
    let reply_to = party(wire, "/replyTo", no_address)?;
    if reply_to.address.channel_type() == channel.channel_id.channel_type() {
        Ok(reply_to)
    } else {
        let message = "replyTo.id is not an address that a message of this channel is answered to";
        Err(ItemRefused::new(422, message))
    }
}

/// The channel that an address sends from: the number itself, or the domain of the address.
fn sending_channel<'a>(
    ccid: Ccid,
    directory: &'a Snapshot,
    from: &Address,
    for_campaign: bool,
) -> Result<&'a Arc<Channel>, ItemRefused> {
    let name = from
        .as_str()
        .rsplit_once('@')
        .map_or(from.as_str(), |(_, domain)| domain);
    let channel_id: ChannelId = name.parse().map_err(|_| unknown_channel())?;
    directory
        .channel_to_send(ccid, &channel_id, for_campaign)
        .map_err(|cannot| match cannot {
            CannotSend::UnknownChannel => unknown_channel(),
            CannotSend::NotInAsync | CannotSend::NoService(_) => {
                ItemRefused::new(422, cannot.to_string())
            }
        })
}

fn unknown_channel() -> ItemRefused {
    ItemRefused::new(
        404,
        "channel.from.id is no channel of this tenant that can send",
    )
}

fn fingerprint(
    channel: &ChannelId,
    message_id: &str,
    content: &Content,
    (from, to): (&Address, &Address),
) -> Fingerprint {
    Fingerprint {
        key: dedup_key(channel, Direction::Outbound, message_id),
        content: content_hash(content, from, to),
    }
}

pub(super) fn refused(error: AcceptError) -> ItemRefused {
    match error {
        AcceptError::Conflict { .. } | AcceptError::KeyUsed => {
            ItemRefused::new(409, error.to_string())
        }
        AcceptError::Suppressed => ItemRefused::reason(ReasonCode::NotAllowed, error.to_string()),
        AcceptError::Refused => {
            ItemRefused::reason(ReasonCode::InvalidStructure, error.to_string())
        }
        AcceptError::Unavailable => ItemRefused::new(503, error.to_string()),
    }
}
