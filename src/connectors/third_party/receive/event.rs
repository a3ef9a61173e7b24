//! What consumers do at this moment.

use serde_json::Value;

use super::content::sides;
use super::{InboundEvent, Typing};
use crate::content::document::{Fault, Noted, Object, Place};
use crate::values::{ChannelId, ReasonCode};

/// Most events in one message.
const EVENTS_MAX: usize = 20;

/// Reads a message of type `Event`. It needs no id of its own, since nothing ever refers to it.
pub(super) fn event(
    channel: &ChannelId,
    message: &Object<'_>,
    faults: &mut Vec<Fault>,
) -> Result<InboundEvent, Noted> {
    let envelope = message.member("channel");
    let envelope = envelope.object(faults);
    let sides = envelope.and_then(|envelope| sides(channel, &envelope, faults));
    let typing = events(&message.member("events"), faults);
    let (from, to) = sides?;
    Ok(InboundEvent {
        from,
        to,
        typing: typing?,
    })
}

fn events(list: &Place<'_>, faults: &mut Vec<Fault>) -> Result<Vec<Typing>, Noted> {
    let items: &[Value] = list.array(faults)?;
    if !(1..=EVENTS_MAX).contains(&items.len()) {
        let sentence = format!("must have 1 to {EVENTS_MAX} events");
        return list.fault(faults, ReasonCode::InvalidStructure, sentence);
    }
    let events = items.iter().enumerate();
    let events = events.map(|(index, item)| typing(&list.item(index, item), faults));
    events.collect::<Vec<_>>().into_iter().collect()
}

fn typing(place: &Place<'_>, faults: &mut Vec<Fault>) -> Result<Typing, Noted> {
    let event = place.object(faults)?;
    let kind = event.member("eventType");
    if kind.text(faults)? != "Typing" {
        return kind.fault(faults, ReasonCode::Unsupported, "must be Typing");
    }
    let typing = event.member("typing");
    let typing = typing.object(faults)?;
    let state = typing.member("type");
    let on = match state.text(faults)? {
        "On" => Ok(true),
        "Off" => Ok(false),
        _ => state.fault(faults, ReasonCode::InvalidStructure, "must be On or Off"),
    };
    let duration = typing.member("duration");
    let duration_ms = if duration.is_absent() {
        Ok(None)
    } else {
        duration.integer(faults).map(Some)
    };
    Ok(Typing {
        on: on?,
        duration_ms: duration_ms?,
    })
}
