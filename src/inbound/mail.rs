//! Mails of consumers that a provider hands in as they travel: stored like any other, their files as files of the tenant.

use tracing::info;

use super::attachments::SmsRefused;
use super::door::InboundDoor;
use crate::connectors::mail::{Attached, Words};
use crate::connectors::sparkpost::CONNECTOR;
use crate::connectors::sparkpost::receive::Relayed;
use crate::connectors::third_party::receive::InboundContent;
use crate::media::deposit::Deposit;
use crate::media::file_name::FileName;
use crate::messages::dedup::{Direction, content_hash, dedup_key};
use crate::messages::model::Fingerprint;
use crate::provisioning::directory::ReceivingChannel;
use crate::values::{
    Content, Email, EmailPart, Media, MediaId, MediaUrl, MessageId, Party, TraceContext,
};

impl InboundDoor {
    /// Stores a mail that SparkPost relays, as `store_once` does; `None` also for one that a program has written, which is
    /// passed over: nobody knows where it would end if it were answered.
    ///
    /// A file that is not taken does not keep the mail out: it is named in it.
    pub async fn take_relayed(
        &self,
        channel: &ReceivingChannel,
        relayed: Relayed,
        trace: &TraceContext,
    ) -> Result<Option<MessageId>, SmsRefused> {
        let Relayed {
            to,
            from,
            mail,
            digest,
            ..
        } = relayed;
        if mail.is_automatic {
            info!(ccid = %channel.ccid, connector.name = CONNECTOR, "A mail that a program has written was passed over");
            return Ok(None);
        }
        let by = Direction::InboundBy(CONNECTOR);
        let message_id = mail.id.unwrap_or_else(|| hex::encode(digest));
        // One mail to two addresses of the domain comes twice, and is two messages.
        let key = format!("{message_id} {}", to.as_str());
        let key = dedup_key(&channel.channel_id, by, &key);
        let (files, left_out) = self.files_of(channel, key, mail.attachments);
        let said = Said {
            subject: mail.subject,
            parts: self.parts(mail.texts, &left_out, mail.is_cut),
        };
        let timeless = said.with(&files, |file| file.timeless);
        let fingerprint = Fingerprint {
            key,
            content: content_hash(&timeless, &from, &to),
        };
        let content = said.with(&files, |file| file.file.id);
        let place = (channel, CONNECTOR);
        if let Some(first) = self.keep_files(place, fingerprint, files).await? {
            return Ok(first);
        }
        let party = |address, name| Party { address, name };
        let content = InboundContent {
            from: party(from, mail.from_name),
            to: party(to, None),
            message_id,
            content,
        };
        let mut draft = self.draft(channel, by, content, trace);
        draft.fingerprint = Some(fingerprint);
        Ok(self.store_once(draft, CONNECTOR).await?)
    }

    /// The files that a mail's would be, and the names of those that are not taken.
    fn files_of(
        &self,
        channel: &ReceivingChannel,
        key: [u8; 16],
        attachments: Vec<Attached>,
    ) -> (Vec<Deposit>, Vec<String>) {
        let ccid = channel.ccid.as_uuid();
        let (mut files, mut left_out) = (Vec::new(), Vec::new());
        for (number, attached) in (1_u16..).zip(attachments) {
            let name = FileName::parse(attached.name.as_deref());
            let name =
                name.unwrap_or_else(|_| FileName::from_stored(format!("attachment-{number}")));
            let shown = name.to_string();
            let origin: [&[u8]; 3] = [ccid.as_bytes(), &key, &number.to_be_bytes()];
            let described = (name, attached.declared.as_deref());
            match self.files.judge(&origin, described, attached.bytes) {
                Ok(file) if files.len() < self.limits.parts_max => files.push(file),
                Ok(_) | Err(_) => left_out.push(shown),
            }
        }
        (files, left_out)
    }

    /// The words of a mail, cut where they are too long, and what was left out of it.
    fn parts(&self, texts: Vec<Words>, left_out: &[String], is_cut: bool) -> Vec<EmailPart> {
        let mut room = self.limits.bytes_max / 2;
        let mut is_cut = is_cut || texts.len() > self.limits.parts_max;
        let mut parts = Vec::new();
        for words in texts.into_iter().take(self.limits.parts_max) {
            let (Words::Plain(text) | Words::Html(text)) = &words;
            let end = text.floor_char_boundary(room.min(text.len()));
            is_cut |= end < text.len();
            room -= end;
            parts.push(match words {
                Words::Plain(mut text) => {
                    text.truncate(end);
                    EmailPart::Text(text)
                }
                Words::Html(mut text) => {
                    text.truncate(end);
                    EmailPart::Html(text)
                }
            });
        }
        let mut note = Vec::new();
        if !left_out.is_empty() {
            note.push(format!("[Not taken: {}]", left_out.join(", ")));
        }
        if is_cut {
            note.push("[The rest of this mail was left out.]".to_owned());
        }
        if !note.is_empty() || parts.is_empty() {
            parts.push(EmailPart::Text(note.join("\n")));
        }
        parts
    }
}

/// What a mail says, before its files have their ids.
struct Said {
    subject: String,
    parts: Vec<EmailPart>,
}

impl Said {
    fn with(&self, files: &[Deposit], of: impl Fn(&Deposit) -> MediaId) -> Content {
        let attached = files.iter().map(|file| {
            let facts = &file.file.facts;
            EmailPart::Attachment(Media {
                url: MediaUrl::Uploaded(of(file)),
                mime: Some(facts.mimetype.clone()),
                filename: Some(facts.file_name.to_string()),
            })
        });
        Content::Email(Email {
            subject: self.subject.clone(),
            parts: self.parts.iter().cloned().chain(attached).collect(),
        })
    }
}
