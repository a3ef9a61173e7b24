//! What history says of attempts and of messages that end without one.

use serde_json::{Value, json};

use super::attempt::Report;
use super::endpoint_event::EndpointEvent;
use super::judgement::Judge;
use crate::history::model::{Entry, Kind, Stream};
use crate::lanes::model::{Arrival, LaneId};
use crate::messages::status::Status;
use crate::platform::clock::rfc3339;
use crate::values::{Ccid, ReasonCode};

/// An attempt that came back. `status`: what the message became by it, where it is not tried again.
pub(super) fn attempt(
    judge: &Judge<'_>,
    arrival: &Arrival,
    report: &Report,
    status: Option<(Status, Option<ReasonCode>)>,
    next_attempt_at: Option<i64>,
) -> Entry {
    let mut detail = json!({
        "attempt": arrival.delivery.attempt + 1,
        "durationMilliseconds": u64::try_from(report.duration.as_millis()).unwrap_or(u64::MAX),
    });
    if let Some(http_status) = report.http_status {
        detail["httpStatus"] = json!(http_status);
    }
    if let Some(error) = report.outcome.error() {
        detail["error"] = json!(error.class());
        // What a success answers is not worth its bytes.
        if let Some(excerpt) = &report.excerpt {
            detail["answer"] = json!(excerpt);
        }
    }
    if let Some((_, Some(reason))) = status {
        detail["reasons"] = json!([{ "code": reason.code(), "message": reason.sentence() }]);
    }
    if let Some(at) = next_attempt_at {
        detail["nextAttemptAt"] = json!(rfc3339(at));
    }
    Entry {
        stream: status.map(|_| arrival.message.stream),
        status: status.map(|(status, _)| status.rank()),
        ..of_message(judge, arrival, Kind::Attempt, &detail)
    }
}

/// A message that failed without an attempt.
pub(super) fn settled(judge: &Judge<'_>, arrival: &Arrival, reason: ReasonCode) -> Entry {
    let message = if reason == ReasonCode::NotAllowed {
        "recipient opted out"
    } else {
        reason.sentence()
    };
    let detail = json!({ "reasons": [{ "code": reason.code(), "message": message }] });
    Entry {
        detail: Some(detail.to_string()),
        ..Entry::settled(
            (arrival.delivery.ccid, arrival.message.id),
            judge.ids.next_of(judge.life),
            arrival.message.stream,
            Status::Failed.rank(),
        )
    }
}

/// What an endpoint's consumers are told of a change of its row. It is stored only where the row changes so.
pub(super) fn endpoint(judge: &Judge<'_>, arrival: &Arrival, event: &EndpointEvent) -> Entry {
    let place = (
        arrival.delivery.ccid,
        arrival.delivery.lane,
        arrival.message.channel_id.as_str(),
    );
    of_endpoint(place, judge.ids.next_of(judge.life), event)
}

/// The same, of whichever endpoint: whose, by which lane, and what it sends for.
pub(super) fn of_endpoint(
    (ccid, lane, target): (Ccid, LaneId, &str),
    id: i64,
    event: &EndpointEvent,
) -> Entry {
    let mut detail = json!({
        "endpointId": lane.0.to_string(),
        "channelId": target,
        "reason": event.reason,
    });
    if let Some(error) = &event.last_error {
        detail["lastError"] = json!(error);
    }
    for (member, time) in [("since", event.since), ("nextProbeAt", event.next_probe_at)] {
        if let Some(time) = time {
            detail[member] = json!(rfc3339(time));
        }
    }
    Entry {
        detail: Some(detail.to_string()),
        ..Entry::event(ccid, id, lane.0, event.kind, Stream::Both)
    }
}

fn of_message(judge: &Judge<'_>, arrival: &Arrival, kind: Kind, detail: &Value) -> Entry {
    Entry {
        ccid: arrival.delivery.ccid,
        id: judge.ids.next_of(judge.life),
        subject: arrival.message.id.as_i64(),
        kind,
        stream: None,
        status: None,
        detail: Some(detail.to_string()),
    }
}
