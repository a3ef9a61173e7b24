//! Reads what a message says from its members `text`, `subject` and `content`.

use super::document::{Fault, Noted, Object};
use super::read_parts::{email_parts, media_parts};
use super::rules::ContentRules;
use crate::values::{Content, ContentKind, Email, ReasonCode, RichMedia};

/// Longest subject, in characters. RFC 5322 gives a line 998; a subject may be folded, but nobody reads a longer one.
const SUBJECT_CHARS_MAX: usize = 998;
/// The members that say something.
const MEMBERS: [&str; 3] = ["text", "subject", "content"];

/// Reads a message's content. Every fault is named with its place in the document.
pub fn content(
    kind: ContentKind,
    message: &Object<'_>,
    rules: &ContentRules,
    faults: &mut Vec<Fault>,
) -> Result<Content, Noted> {
    let fits = if rules.is_strict() {
        refuse_members_of_other_kinds(kind, message, faults)
    } else {
        Ok(())
    };
    let content = match kind {
        ContentKind::Text => text(message, rules, faults).map(Content::Text),
        ContentKind::Email => email(message, rules, faults).map(Content::Email),
        ContentKind::RichMedia => rich_media(message, rules, faults).map(Content::RichMedia),
    };
    fits?;
    let content = content?;
    let bytes_max = rules.limits.bytes_max;
    if content.bytes() > bytes_max {
        let sentence = format!("says more than {bytes_max} bytes");
        return message
            .place()
            .fault(faults, ReasonCode::InvalidStructure, sentence);
    }
    Ok(content)
}

fn refuse_members_of_other_kinds(
    kind: ContentKind,
    message: &Object<'_>,
    faults: &mut Vec<Fault>,
) -> Result<(), Noted> {
    let own: &[&str] = match kind {
        ContentKind::Text => &["text"],
        ContentKind::Email => &["subject", "content"],
        ContentKind::RichMedia => &["text", "content"],
    };
    let others = MEMBERS.into_iter().filter(|member| !own.contains(member));
    let mut fits = Ok(());
    for place in others.map(|member| message.member(member)) {
        if !place.is_absent() {
            let sentence = format!("does not belong to a message of type {}", kind.as_str());
            fits = place.fault(faults, ReasonCode::InvalidStructure, sentence);
        }
    }
    fits
}

/// An empty text of a consumer is one: it can be sent.
fn text(
    message: &Object<'_>,
    rules: &ContentRules,
    faults: &mut Vec<Fault>,
) -> Result<String, Noted> {
    let place = message.member("text");
    let text = place.text(faults)?;
    if rules.is_strict() && text.is_empty() {
        return place.fault(faults, ReasonCode::InvalidStructure, "is empty");
    }
    Ok(text.to_owned())
}

fn email(
    message: &Object<'_>,
    rules: &ContentRules,
    faults: &mut Vec<Fault>,
) -> Result<Email, Noted> {
    let subject = subject(message, rules, faults);
    let parts = email_parts(&message.member("content"), rules, faults);
    Ok(Email {
        subject: subject?,
        parts: parts?,
    })
}

/// Mail has subjects without a word in them. What is sent has one, and none that would become further header lines.
fn subject(
    message: &Object<'_>,
    rules: &ContentRules,
    faults: &mut Vec<Fault>,
) -> Result<String, Noted> {
    let place = message.member("subject");
    let subject = place.text(faults)?;
    let sentence = if subject.chars().count() > SUBJECT_CHARS_MAX {
        format!("must have at most {SUBJECT_CHARS_MAX} characters")
    } else if rules.is_strict() && subject.trim().is_empty() {
        "is empty".to_owned()
    } else if rules.is_strict() && subject.contains(char::is_control) {
        "must be one line without control characters".to_owned()
    } else {
        return Ok(subject.to_owned());
    };
    place.fault(faults, ReasonCode::InvalidStructure, sentence)
}

fn rich_media(
    message: &Object<'_>,
    rules: &ContentRules,
    faults: &mut Vec<Fault>,
) -> Result<RichMedia, Noted> {
    let place = message.member("text");
    let text = if place.is_absent() {
        Ok(None)
    } else {
        text(message, rules, faults).map(Some)
    };
    let parts = media_parts(&message.member("content"), rules, faults);
    Ok(RichMedia {
        text: text?,
        parts: parts?,
    })
}
