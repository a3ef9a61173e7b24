//! The aggregation service behind Genesys Cloud as a caller: forms under HTTP Basic, of which it is told with its numbers.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::simulator::aggregation::{ConsumerSms, receipt_members};
use crate::simulator::callback::{Became, Callback, ConsumerText, Taken};
use crate::simulator::caller::CallbackRules;
use crate::simulator::form;

/// `None`: nobody has said for which tenant, or with which key.
pub(in crate::simulator) fn receipt(
    taken: &Taken,
    became: Became,
    rules: &CallbackRules,
) -> Option<Callback> {
    let message_state = match became {
        Became::Sent => 1,
        Became::Delivered => 2,
        Became::Failed => 5,
    };
    let members = receipt_members(&taken.id, message_state, 0);
    called("/receipt", &members, rules)
}

pub(in crate::simulator) fn text(text: &ConsumerText, rules: &CallbackRules) -> Option<Callback> {
    let message = ConsumerSms {
        message_id: &text.id,
        shortcode: &text.to,
        phone_number: &text.from,
        message: &text.text,
    };
    called("/message", &message.members(), rules)
}

fn called(
    path: &'static str,
    members: &[(&'static str, String)],
    rules: &CallbackRules,
) -> Option<Callback> {
    let (user, password) = (rules.ccid.as_deref()?, rules.password.as_deref()?);
    let pair = BASE64_STANDARD.encode(format!("{user}:{password}"));
    let fields: Vec<(&str, &str)> = members
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let mut callback = form::post(&fields);
    callback.path = path;
    callback
        .headers
        .push(("authorization", format!("Basic {pair}")));
    Some(callback)
}
