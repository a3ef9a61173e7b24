//! Reads the parts of a mail and the media of a message: the member `content`.

use super::document::{Fault, Noted, Object, Place};
use super::rules::ContentRules;
use crate::values::{EmailPart, Media, MediaKind, MediaPart, MediaUrl, ReasonCode};

/// Longest media type and longest file name, in characters.
const NAME_CHARS_MAX: usize = 255;

/// A consumer's mail may be one picture. What is sent says something, and that in each form only once: the forms are
/// alternatives of which a reader sees one.
pub(super) fn email_parts(
    list: &Place<'_>,
    rules: &ContentRules,
    faults: &mut Vec<Fault>,
) -> Result<Vec<EmailPart>, Noted> {
    let parts = each(list, rules, faults, email_part)?;
    if !rules.is_strict() {
        return Ok(parts);
    }
    let count = |word| parts.iter().filter(|part| part.as_str() == word).count();
    let sentence = match (count("text"), count("html")) {
        (0, 0) => "needs a part of type text or html",
        (0 | 1, 0 | 1) => return Ok(parts),
        _ => "has more than one part of type text, or of type html",
    };
    list.fault(faults, ReasonCode::InvalidStructure, sentence)
}

pub(super) fn media_parts(
    list: &Place<'_>,
    rules: &ContentRules,
    faults: &mut Vec<Fault>,
) -> Result<Vec<MediaPart>, Noted> {
    each(list, rules, faults, media_part)
}

/// Reads a list of parts. Every part is looked at, so that every fault is named.
fn each<T>(
    list: &Place<'_>,
    rules: &ContentRules,
    faults: &mut Vec<Fault>,
    read: fn(&Object<'_>, &ContentRules, &mut Vec<Fault>) -> Result<T, Noted>,
) -> Result<Vec<T>, Noted> {
    let items = list.array(faults)?;
    let parts_max = rules.limits.parts_max;
    if !(1..=parts_max).contains(&items.len()) {
        let sentence = format!("must have 1 to {parts_max} parts");
        return list.fault(faults, ReasonCode::InvalidStructure, sentence);
    }
    let parts = items.iter().enumerate().map(|(index, item)| {
        let place = list.item(index, item);
        let part = place.object(faults)?;
        read(&part, rules, faults)
    });
    parts.collect::<Vec<_>>().into_iter().collect()
}

fn email_part(
    part: &Object<'_>,
    rules: &ContentRules,
    faults: &mut Vec<Fault>,
) -> Result<EmailPart, Noted> {
    let place = part.member("type");
    match place.text(faults)? {
        "text" => words(part, rules, faults).map(EmailPart::Text),
        "html" => words(part, rules, faults).map(EmailPart::Html),
        "attachment" => media(part, rules, faults).map(EmailPart::Attachment),
        _ => {
            let sentence = "must be text, html or attachment";
            place.fault(faults, ReasonCode::Unsupported, sentence)
        }
    }
}

fn media_part(
    part: &Object<'_>,
    rules: &ContentRules,
    faults: &mut Vec<Fault>,
) -> Result<MediaPart, Noted> {
    let place = part.member("type");
    let Some(kind) = MediaKind::from_word(place.text(faults)?) else {
        let sentence = "must be image, video, audio or file";
        return place.fault(faults, ReasonCode::Unsupported, sentence);
    };
    let media = media(part, rules, faults)?;
    Ok(MediaPart { kind, media })
}

fn words(
    part: &Object<'_>,
    rules: &ContentRules,
    faults: &mut Vec<Fault>,
) -> Result<String, Noted> {
    let known = known_members(part, rules, &["type", "text"], faults);
    let place = part.member("text");
    let words = place.text(faults)?;
    if rules.is_strict() && words.is_empty() {
        return place.fault(faults, ReasonCode::InvalidStructure, "is empty");
    }
    known.map(|()| words.to_owned())
}

fn media(part: &Object<'_>, rules: &ContentRules, faults: &mut Vec<Fault>) -> Result<Media, Noted> {
    let known = known_members(part, rules, &["type", "url", "mime", "filename"], faults);
    let url = url(&part.member("url"), faults);
    let mime = name(&part.member("mime"), faults);
    let filename = name(&part.member("filename"), faults);
    known?;
    Ok(Media {
        url: url?,
        mime: mime?,
        filename: filename?,
    })
}

fn known_members(
    part: &Object<'_>,
    rules: &ContentRules,
    known: &[&str],
    faults: &mut Vec<Fault>,
) -> Result<(), Noted> {
    if rules.is_strict() {
        part.refuse_others(known, faults)
    } else {
        Ok(())
    }
}

fn url(place: &Place<'_>, faults: &mut Vec<Fault>) -> Result<MediaUrl, Noted> {
    match place.text(faults)?.parse::<MediaUrl>() {
        Ok(url) => Ok(url),
        Err(error) => place.fault(faults, ReasonCode::InvalidStructure, error.to_string()),
    }
}

/// A media type or file name. Both become parts of header lines further on, so neither may begin another.
fn name(place: &Place<'_>, faults: &mut Vec<Fault>) -> Result<Option<String>, Noted> {
    let name = place.short_text(NAME_CHARS_MAX, faults)?;
    if name
        .as_ref()
        .is_some_and(|name| name.contains(char::is_control))
    {
        let sentence = "must not contain control characters";
        return place.fault(faults, ReasonCode::InvalidStructure, sentence);
    }
    Ok(name)
}
