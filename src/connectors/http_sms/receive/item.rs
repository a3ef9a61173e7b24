//! One receipt, or one text of a consumer.

use serde_json::Value;

use super::{Call, PlacedText};
use crate::connectors::callback::{Receipt, Text, number, own_number};
use crate::connectors::form::MemberFault;
use crate::connectors::http_sms::place::Place;
use crate::connectors::http_sms::settings::{CallbackRules, MessagePlaces, ReceiptPlaces};
use crate::connectors::verdict::Verdict;

/// Longest id and longest status, in characters.
const WORD_CHARS_MAX: usize = 255;

/// An item, and where it is in its call.
type Item<'a> = (&'a Value, &'a str);

/// Adds what an item says to the call. An item that has a text is a text, any other a receipt.
pub(super) fn read(rules: &CallbackRules, item: Item<'_>, text_bytes_max: usize, call: &mut Call) {
    let text = rules.message.as_ref();
    let text = text.and_then(|places| Some((places, places.text.said(item.0)?)));
    match (text, &rules.receipt) {
        (Some((places, said)), _) => match text_of(places, item, (said, text_bytes_max)) {
            Ok(text) => call.texts.push(PlacedText {
                text,
                to: name(item.1, &places.to),
            }),
            Err(faults) => call.faults.extend(faults),
        },
        (None, Some(places)) => match receipt_of(places, item) {
            Ok(receipt) => call.receipts.push(receipt),
            Err(faults) => call.faults.extend(faults),
        },
        (None, None) => {
            let message = "is no text, and the service says nothing of receipts";
            call.faults.push(MemberFault::new(item.1, message));
        }
    }
}

fn text_of(
    places: &MessagePlaces,
    item: Item<'_>,
    (text, bytes_max): (String, usize),
) -> Result<Text, Vec<MemberFault>> {
    let at = |place: &Place| name(item.1, place);
    let id = needed(item, &places.id);
    let from = needed(item, &places.from).and_then(|said| number(&said, &at(&places.from)));
    let to = needed(item, &places.to).and_then(|said| own_number(&said, &at(&places.to)));
    let text = if text.len() > bytes_max {
        let message = format!("says more than {bytes_max} bytes");
        Err(MemberFault::new(&at(&places.text), message))
    } else {
        Ok(text)
    };
    match (id, from, to, text) {
        (Ok(message_id), Ok(from), Ok((channel_id, to)), Ok(text)) => Ok(Text {
            message_id,
            from,
            to,
            channel_id,
            text,
        }),
        (id, from, to, text) => {
            let faults = [id.err(), from.err(), to.err(), text.err()];
            Err(faults.into_iter().flatten().collect())
        }
    }
}

fn receipt_of(places: &ReceiptPlaces, item: Item<'_>) -> Result<Receipt, Vec<MemberFault>> {
    let id = needed(item, places.id.place());
    let status = needed(item, &places.status);
    let (message_id, status) = match (id, status) {
        (Ok(id), Ok(status)) => (id, status),
        (id, status) => return Err([id.err(), status.err()].into_iter().flatten().collect()),
    };
    let place = places.to.as_ref();
    let recipient = place.and_then(|place| place.said(item.0)?.parse().ok());
    let code = places.code.as_ref();
    let code = code.and_then(|place| place.said(item.0));
    let verdict = match (places.statuses.of(&status), &code) {
        // A failure may have a reason of its own.
        (Some(Verdict::Failed(reason)), Some(code)) => match places.codes.of(code) {
            Some(verdict @ Verdict::Failed(_)) => Some(verdict),
            Some(Verdict::UnderWay | Verdict::Delivered) | None => Some(Verdict::Failed(reason)),
        },
        (verdict, _) => verdict,
    };
    Ok(Receipt {
        message_id,
        recipient,
        code: code.filter(|code| is_word(code)).unwrap_or(status),
        verdict,
        said: item.0.clone(),
    })
}

/// What has to be said there, and can be kept.
fn needed((value, at): Item<'_>, place: &Place) -> Result<String, MemberFault> {
    let said = place.said(value).unwrap_or_default();
    let said = said.trim();
    if said.is_empty() {
        return Err(MemberFault::new(&name(at, place), "is missing"));
    }
    if !is_word(said) {
        let message =
            format!("must have at most {WORD_CHARS_MAX} characters and no control characters");
        return Err(MemberFault::new(&name(at, place), message));
    }
    Ok(said.to_owned())
}

fn is_word(text: &str) -> bool {
    text.chars().count() <= WORD_CHARS_MAX && !text.contains(char::is_control)
}

/// The name of a place in the whole call.
fn name(item: &str, place: &Place) -> String {
    format!("{item}{}", place.pointer())
        .trim_start_matches('/')
        .to_owned()
}
