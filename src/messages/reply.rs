//! An agent's reply: from the channel to the consumer of an open conversation.

use super::desk::Desk;
use super::error::MessageError;
use super::item::ItemRefused;
use super::model::Accepted;
use super::said::{self, Said};
use super::store::conversation::{self, LastReceived};
use super::submit::Reply;
use crate::conversations;
use crate::conversations::model::Conversation;
use crate::platform::http::idempotency::KeyedCall;
use crate::values::{
    Address, Ccid, ChannelId, ChannelType, Content, ContentKind, ConversationId, Party,
    TraceContext,
};

/// Characters of a consumer's subject that a reply repeats: with "Re:" before it, it is still a subject.
const SUBJECT_CHARS_MAX: usize = 900;

impl Desk {
    /// Sends an agent's words to the consumer of an open conversation.
    pub async fn reply(
        &self,
        (ccid, id): (Ccid, ConversationId),
        mut said: Said,
        trace: TraceContext,
        call: Option<KeyedCall>,
    ) -> Result<Accepted, MessageError> {
        let (conversation, last) = self.open_conversation(ccid, id).await?;
        let directory = self.directory.snapshot();
        let channel = directory
            .channel_to_send(ccid, &conversation.channel_id, false)
            .map_err(MessageError::CannotSend)?;
        if said.kind == ContentKind::Email.as_str() && said.subject.is_none() {
            said.subject = last.as_ref().and_then(subject).map(Into::into);
        }
        let content = said::content(said, self.submit.limits).map_err(MessageError::Item)?;
        let default = directory.defaults(ccid).email;
        let from = sender(&conversation.channel_id, last.as_ref(), default);
        let from = from.ok_or_else(no_sender).map_err(MessageError::Item)?;
        let reply = Reply {
            conversation: Some(id),
            from: Party {
                address: from,
                name: None,
            },
            to: Party {
                address: conversation.consumer,
                name: conversation.consumer_name,
            },
            content,
            trace,
            external_id: None,
            call,
        };
        Ok(self.submit.reply(channel, reply).await?.accepted)
    }

    /// The conversation, and the last mail in it where it is one of mails.
    async fn open_conversation(
        &self,
        ccid: Ccid,
        id: ConversationId,
    ) -> Result<(Conversation, Option<LastReceived>), MessageError> {
        let mut connection = self.database.reads.acquire().await?;
        let found = conversations::store::find(&mut connection, ccid, id).await?;
        let found = found.ok_or(MessageError::UnknownConversation)?;
        if found.closed_at.is_some() {
            return Err(MessageError::ConversationClosed);
        }
        drop(connection);
        let last = self.last_mail(ccid, Some(&found)).await?;
        Ok((found, last))
    }

    /// What the consumer has written last in a conversation of mails.
    pub(super) async fn last_mail(
        &self,
        ccid: Ccid,
        conversation: Option<&Conversation>,
    ) -> Result<Option<LastReceived>, MessageError> {
        let is_of_mails = |of: &&Conversation| of.channel_id.channel_type() == ChannelType::Email;
        let Some(of) = conversation.filter(is_of_mails) else {
            return Ok(None);
        };
        let mut connection = self.database.reads.acquire().await?;
        let last = conversation::last_received(&mut connection, ccid, &of.consumer, of.id).await?;
        Ok(last)
    }
}

/// The channel's own number; in its domain the address that the consumer wrote to, or else the tenant's default.
pub(super) fn sender(
    channel: &ChannelId,
    last: Option<&LastReceived>,
    default: Option<Address>,
) -> Option<Address> {
    match channel.channel_type() {
        ChannelType::Sms => channel.as_str().parse().ok(),
        ChannelType::Email => {
            let written_to = last.map(|last| last.recipient.clone());
            let default = default.filter(|address| address.belongs_to(channel));
            written_to.or(default)
        }
    }
}

/// What a reply to the consumer's last mail is about, where the agent does not say.
pub(super) fn subject(last: &LastReceived) -> Option<String> {
    let Content::Email(email) = &last.content else {
        return None;
    };
    let line = email.subject.replace(char::is_control, " ");
    let line: String = line.trim().chars().take(SUBJECT_CHARS_MAX).collect();
    let is_reply = line
        .get(..3)
        .is_some_and(|start| start.eq_ignore_ascii_case("re:"));
    Some(if is_reply {
        line
    } else {
        format!("Re: {line}").trim_end().to_owned()
    })
}

pub(super) fn no_sender() -> ItemRefused {
    let sentence =
        "the conversation has no address to reply from; set defaultSender of the Email service";
    ItemRefused::new(422, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::Email;

    fn last(subject: &str) -> LastReceived {
        let email = Email {
            subject: subject.to_owned(),
            parts: Vec::new(),
        };
        LastReceived {
            recipient: "help@company.com".parse().unwrap(),
            content: Content::Email(email),
        }
    }

    #[test]
    fn a_reply_is_about_what_the_consumer_wrote_about() {
        for (asked, about) in [
            ("Where is my order?", "Re: Where is my order?"),
            ("RE: Where is my order?", "RE: Where is my order?"),
            (" a\r\n b ", "Re: a   b"),
            ("größer", "Re: größer"),
            ("é", "Re: é"),
            ("", "Re:"),
        ] {
            assert_eq!(subject(&last(asked)).as_deref(), Some(about));
        }
        let long = subject(&last(&"x".repeat(998))).unwrap();
        assert!(long.chars().count() <= 998);
    }

    #[test]
    fn a_reply_comes_from_the_address_that_was_written_to_or_the_default_of_the_domain() {
        let channel: ChannelId = "company.com".parse().unwrap();
        let address = |text: &str| text.parse::<Address>().ok();
        let default = address("no-reply@company.com");
        let received = last("Hello");
        assert_eq!(
            sender(&channel, Some(&received), default.clone()),
            address("help@company.com")
        );
        assert_eq!(sender(&channel, None, default.clone()), default);
        assert_eq!(sender(&channel, None, address("no-reply@other.com")), None);
        assert_eq!(sender(&channel, None, None), None);
        let number: ChannelId = "16504661149".parse().unwrap();
        assert_eq!(sender(&number, None, default), address("16504661149"));
    }
}
