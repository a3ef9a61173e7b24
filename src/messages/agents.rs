//! Agents who work elsewhere: what they say is sent in the consumer's conversation, and they know it by their own ids.

use super::desk::Desk;
use super::error::MessageError;
use super::model::Accepted;
use super::reply::{no_sender, sender, subject};
use super::store::conversation::{self, LastReceived};
use super::submit::Reply;
use crate::conversations;
use crate::conversations::model::Conversation;
use crate::provisioning::directory::{Channel, Handover};
use crate::values::{
    Address, Ccid, ChannelId, ChannelType, Content, Email, EmailPart, MediaPart, MediaUrl, Party,
    RichMedia, TraceContext,
};

/// Before their id where a message's own id from outside is kept.
const PREFIX: &str = "open-messaging:";

/// Somebody who is typing to agents elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypingSeen {
    pub ccid: Ccid,
    pub channel_id: ChannelId,
    pub consumer: Address,
}

/// What an agent says. `Debug` hides it.
pub struct AgentWords {
    /// The same again is the same message.
    pub their_id: String,
    pub to: Address,
    pub text: Option<String>,
    pub attachments: Vec<MediaPart>,
}

impl std::fmt::Debug for AgentWords {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "AgentWords({})", self.their_id)
    }
}

/// Under what a message of theirs is kept.
fn external_id(their_id: &str) -> String {
    format!("{PREFIX}{their_id}")
}

/// Their id of a message, by what it is kept under; `None` where it is not theirs.
pub fn their_id(external_id: &str) -> Option<&str> {
    external_id.strip_prefix(PREFIX)
}

impl Desk {
    /// Sends what an agent says: in the consumer's latest conversation on a channel that is handed over, be it closed, or,
    /// where the agent speaks first and there is one such channel only, from that one.
    pub async fn agent_says(
        &self,
        handover: &Handover,
        words: AgentWords,
        trace: TraceContext,
    ) -> Result<Accepted, MessageError> {
        let conversation = self.latest_conversation(handover, &words.to).await?;
        let channel_id = conversation
            .as_ref()
            .map(|conversation| &conversation.channel_id)
            .or_else(|| only_channel(handover, &words.to))
            .ok_or(MessageError::UnknownConversation)?;
        let directory = self.directory.snapshot();
        let channel = directory
            .channel_to_send(handover.ccid, channel_id, false)
            .map_err(MessageError::CannotSend)?;
        let last = self.last_mail(handover.ccid, conversation.as_ref()).await?;
        let default = directory.defaults(handover.ccid).email;
        let from = sender(channel_id, last.as_ref(), default);
        let from = from.ok_or_else(no_sender).map_err(MessageError::Item)?;
        let content = content(channel, (words.text, words.attachments), last.as_ref());
        let reply = Reply {
            conversation: conversation.as_ref().map(|conversation| conversation.id),
            from: Party {
                address: from,
                name: None,
            },
            to: Party {
                address: words.to,
                name: conversation.and_then(|conversation| conversation.consumer_name),
            },
            content,
            trace,
            external_id: Some(external_id(&words.their_id)),
            call: None,
        };
        Ok(self.submit.reply(channel, reply).await?.accepted)
    }

    async fn latest_conversation(
        &self,
        handover: &Handover,
        consumer: &Address,
    ) -> Result<Option<Conversation>, MessageError> {
        let channels: Vec<&str> = handover.channels.iter().map(ChannelId::as_str).collect();
        let mut connection = self.database.reads.acquire().await?;
        let of = (handover.ccid, consumer);
        match conversation::latest(&mut connection, of, &channels).await? {
            Some(id) => Ok(conversations::store::find(&mut connection, handover.ccid, id).await?),
            None => Ok(None),
        }
    }
}

/// From where an agent can speak first.
fn only_channel<'a>(handover: &'a Handover, to: &Address) -> Option<&'a ChannelId> {
    let mut channels = handover
        .channels
        .iter()
        .filter(|channel| channel.channel_type() == to.channel_type());
    let first = channels.next()?;
    channels.next().is_none().then_some(first)
}

/// As the channel sends it. A carrier of texts alone sends where the files are.
fn content(
    channel: &Channel,
    (text, attachments): (Option<String>, Vec<MediaPart>),
    last: Option<&LastReceived>,
) -> Content {
    match channel.channel_id.channel_type() {
        ChannelType::Email => {
            let text = text.map(EmailPart::Text).into_iter();
            let attachments = attachments.into_iter();
            let attachments = attachments.map(|part| EmailPart::Attachment(part.media));
            Content::Email(Email {
                subject: last.and_then(subject).unwrap_or_default(),
                parts: text.chain(attachments).collect(),
            })
        }
        ChannelType::Sms if attachments.is_empty() => Content::Text(text.unwrap_or_default()),
        ChannelType::Sms => {
            let rich = RichMedia {
                text,
                parts: attachments,
            };
            if channel.refuses_media() {
                text_of(rich)
            } else {
                Content::RichMedia(rich)
            }
        }
    }
}

fn text_of(rich: RichMedia) -> Content {
    let places = rich.parts.into_iter().map(|part| match part.media.url {
        MediaUrl::Link(url) => url,
        MediaUrl::Uploaded(id) => id.reference(),
    });
    let lines: Vec<String> = rich.text.into_iter().chain(places).collect();
    Content::Text(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_agents_elsewhere_said_has_an_id_of_theirs() {
        assert_eq!(their_id(&external_id("0a1b")), Some("0a1b"));
        assert_eq!(their_id("order-4711"), None);
    }

    #[test]
    fn files_that_a_carrier_does_not_take_become_lines_with_their_places() {
        let part = MediaPart {
            kind: crate::values::MediaKind::Image,
            media: crate::values::Media {
                url: "https://company.com/a.png".parse().unwrap(),
                mime: None,
                filename: None,
            },
        };
        let rich = RichMedia {
            text: Some("Look:".to_owned()),
            parts: vec![part.clone(), part],
        };
        let expected = "Look:\nhttps://company.com/a.png\nhttps://company.com/a.png";
        assert_eq!(text_of(rich), Content::Text(expected.to_owned()));
    }
}
