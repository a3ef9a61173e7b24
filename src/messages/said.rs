//! What a message of our own API says, as it comes.

use serde_json::{Map, Value};

use super::item::ItemRefused;
use crate::content::document::Place;
use crate::content::read;
use crate::content::rules::{ContentLimits, Writer};
use crate::values::{Content, ContentKind, ReasonCode};

/// The members of a message that say something.
#[derive(Debug)]
pub struct Said {
    pub kind: String,
    pub text: Option<Value>,
    pub subject: Option<Value>,
    pub content: Option<Value>,
}

/// Reads what is to be sent. What does not belong to its type is refused, and every fault is named with its place.
pub fn content(said: Said, limits: ContentLimits) -> Result<Content, ItemRefused> {
    let kind = ContentKind::from_word(&said.kind).ok_or_else(|| {
        let sentence = "type is not one that this gateway can send: use Text, Email or RichMedia";
        ItemRefused::reason(ReasonCode::Unsupported, sentence)
    })?;
    let members = [
        ("text", said.text),
        ("subject", said.subject),
        ("content", said.content),
    ];
    let members = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let message = Value::Object(members.collect::<Map<_, _>>());
    let place = Place::root(&message);
    let mut faults = Vec::new();
    let content = place.object(&mut faults).and_then(|message| {
        read::content(
            kind,
            &message,
            &limits.of(Writer::ContactCentre),
            &mut faults,
        )
    });
    content.map_err(|_| ItemRefused::faults(faults))
}
