//! The JSON of an agentless mail.

use serde::Serialize;

use crate::connectors::outbound::Outbound;
use crate::values::{Email, EmailPart, Party};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AgentlessEmail<'a> {
    sender_type: &'static str,
    from_address: Mailbox<'a>,
    /// One and no more is taken.
    to_addresses: [Mailbox<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to_address: Option<Mailbox<'a>>,
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html_body: Option<String>,
}

#[derive(Serialize)]
struct Mailbox<'a> {
    email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

impl<'a> AgentlessEmail<'a> {
    pub(super) fn of(message: &Outbound<'a>, mail: &'a Email) -> Self {
        Self {
            sender_type: "Outbound",
            from_address: message.from.into(),
            to_addresses: [message.to.into()],
            reply_to_address: message.reply_to.map(Into::into),
            subject: &mail.subject,
            text_body: mail.joined(|part| match part {
                EmailPart::Text(text) => Some(text),
                EmailPart::Html(_) | EmailPart::Attachment(_) => None,
            }),
            html_body: mail.joined(|part| match part {
                EmailPart::Html(html) => Some(html),
                EmailPart::Text(_) | EmailPart::Attachment(_) => None,
            }),
        }
    }
}

impl<'a> From<&'a Party> for Mailbox<'a> {
    fn from(party: &'a Party) -> Self {
        Self {
            email: party.address.as_str(),
            name: party.name.as_deref(),
        }
    }
}
