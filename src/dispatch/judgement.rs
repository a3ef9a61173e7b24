//! From an attempt's report to what is recorded: the decision, the breaker's view, and the rows that say so.

use std::sync::Arc;

use super::attempt::Report;
use super::backoff::RetrySchedule;
use super::breaker::Breaker;
use super::context::DispatchSettings;
use super::decision::{Decision, DeliveryFacts, EndpointVerdict, Ruling, decide};
use super::endpoint_event::Before;
use super::entries;
use super::queue::Wait;
use super::results::{EndpointChange, Fate, ResultRow, StateChange};
use super::tally;
use crate::connectors::outcome::{NotStarted, Outcome};
use crate::lanes::ids::Ids;
use crate::lanes::model::{Arrival, Life};
use crate::lanes::ownership::OwnedLane;
use crate::messages::status::Status;
use crate::provisioning::directory::Channel;
use crate::receipts::model::receipt_key;
use crate::values::ReasonCode;

/// What is to be done about a delivery whose attempt has come back.
#[derive(Debug)]
pub enum Judged {
    /// Record it; the delivery is done.
    Ended(Box<ResultRow>),
    /// Record it; the delivery is tried again.
    Waits(Box<ResultRow>, Wait),
    /// Record it; the delivery is as it was, and its endpoint takes nothing.
    PutBack(Box<ResultRow>),
    /// Record it; the delivery waits for a receipt until then (Unix ms), and is not sent again.
    Held(Box<ResultRow>, i64),
    /// Nothing happened: the gate kept it from beginning.
    NotStarted(NotStarted),
}

/// Whose attempts are judged, and when.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'a> {
    pub settings: &'a DispatchSettings,
    pub ids: &'a Ids,
    pub life: Life,
    pub owner: &'a Arc<OwnedLane>,
    pub channel: &'a Channel,
    /// Unix milliseconds.
    pub now_ms: i64,
    /// Drawn from 0 (inclusive) to 1 (exclusive).
    pub jitter: f64,
}

/// Judges one report and tells the breaker.
pub fn judge(
    judge: &Judge<'_>,
    arrival: &Arrival,
    report: &Report,
    breaker: &mut Breaker,
) -> Judged {
    let now_ms = judge.now_ms;
    let Ruling {
        decision,
        endpoint: verdict,
    } = ruling(judge, arrival, report, now_ms);
    let before = Before::of(breaker);
    let endpoint = tell_breaker(arrival, report, verdict, breaker, now_ms);
    let event = endpoint
        .as_ref()
        .and_then(|change| before.event(breaker, change));
    let told = event.map(|event| entries::endpoint(judge, arrival, &event));
    if let Outcome::NotStarted { why } = report.outcome {
        tally::not_started(why);
        return not_started(judge, arrival, &decision, why, now_ms);
    }
    tally::attempt(judge.channel.connector_name(), arrival, report, now_ms);
    let (mut row, next) = match decision {
        Decision::Sent {
            provider_message_id,
        } => {
            let row = sent(judge, arrival, provider_message_id.as_deref(), now_ms);
            (row, Next::Nothing)
        }
        Decision::Failed {
            reason,
            dead_letter,
        } => {
            let row = failed(judge, arrival, reason, dead_letter, now_ms);
            (row, Next::Nothing)
        }
        Decision::HoldUnknown { until_ms } => {
            let row = unknown(judge, arrival, until_ms, now_ms);
            (row, Next::Receipt(until_ms))
        }
        Decision::PutBack => (put_back(judge, arrival, now_ms), Next::Endpoint),
        Decision::WaitUntil { due_ms } => {
            let wait = wait(judge.settings, arrival, due_ms, now_ms);
            (waiting(judge, arrival, wait, now_ms), Next::Attempt(wait))
        }
        Decision::Requeue | Decision::Withdrawn => {
            return Judged::NotStarted(NotStarted::CheckFailed);
        }
    };
    let status = row.state.as_ref().map(|state| (state.status, state.reason));
    let entry = entries::attempt(judge, arrival, report, status, next.attempt_at());
    row.entries.push(entry);
    row.entries.extend(told);
    row.endpoint = endpoint;
    next.judged(row)
}

/// What a delivery waits for once its attempt is recorded.
enum Next {
    Nothing,
    /// Until then (Unix ms).
    Receipt(i64),
    Endpoint,
    Attempt(Wait),
}

impl Next {
    fn attempt_at(&self) -> Option<i64> {
        match self {
            Self::Attempt(wait) => Some(wait.due_at),
            Self::Nothing | Self::Receipt(_) | Self::Endpoint => None,
        }
    }

    fn judged(self, row: ResultRow) -> Judged {
        match self {
            Self::Nothing => {
                tally::result(&row);
                Judged::Ended(Box::new(row))
            }
            Self::Receipt(until_ms) => Judged::Held(Box::new(row), until_ms),
            Self::Endpoint => Judged::PutBack(Box::new(row)),
            Self::Attempt(wait) => Judged::Waits(Box::new(row), wait),
        }
    }
}

/// What the rules say about this report.
fn ruling(judge: &Judge<'_>, arrival: &Arrival, report: &Report, now_ms: i64) -> Ruling {
    let own_schedule = judge
        .channel
        .retry()
        .and_then(|rule| RetrySchedule::of(rule).ok());
    let facts = DeliveryFacts {
        attempt: u32::try_from(arrival.delivery.attempt + 1).unwrap_or(u32::MAX),
        now_ms,
        valid_until_ms: arrival.delivery.expires_at,
        unknown: judge.channel.unknown_policy(),
        unknown_hold: judge.settings.unknown_hold,
        schedule: own_schedule.as_ref().unwrap_or(&judge.settings.schedule),
        jitter: judge.jitter,
    };
    decide(report.outcome.clone(), &facts)
}

/// The gate kept the attempt from beginning: the message ends, or it is as if nothing had happened.
fn not_started(
    judge: &Judge<'_>,
    arrival: &Arrival,
    decision: &Decision,
    why: NotStarted,
    now_ms: i64,
) -> Judged {
    match *decision {
        Decision::Failed {
            reason,
            dead_letter,
        } => {
            let mut row = failed(judge, arrival, reason, dead_letter, now_ms);
            row.entries.push(entries::settled(judge, arrival, reason));
            tally::result(&row);
            Judged::Ended(Box::new(row))
        }
        Decision::Withdrawn => {
            let (owner, delivery) = (judge.owner, arrival.delivery);
            let row = ResultRow::new(owner, judge.life, delivery, Fate::Done, now_ms);
            Judged::Ended(Box::new(row))
        }
        Decision::Sent { .. }
        | Decision::WaitUntil { .. }
        | Decision::PutBack
        | Decision::HoldUnknown { .. }
        | Decision::Requeue => Judged::NotStarted(why),
    }
}

/// The head holds its successors from its first failure on, for as long as the configuration says.
fn wait(settings: &DispatchSettings, arrival: &Arrival, due_at: i64, now_ms: i64) -> Wait {
    let hold = i64::try_from(settings.head_hold.as_millis()).unwrap_or(i64::MAX);
    let holds_until = arrival
        .delivery
        .holds_until
        .unwrap_or(now_ms.saturating_add(hold));
    Wait {
        due_at,
        holds_until: Some(holds_until),
    }
}

fn sent(
    judge: &Judge<'_>,
    arrival: &Arrival,
    provider_message_id: Option<&str>,
    now_ms: i64,
) -> ResultRow {
    let own_id = arrival.message.id.to_string();
    let foreign_id = provider_message_id.filter(|id| *id != own_id);
    let mut row = ResultRow::new(
        judge.owner,
        judge.life,
        arrival.delivery,
        Fate::Done,
        now_ms,
    );
    let named_by = foreign_id.filter(|_| !judge.channel.receipts_name_our_id());
    row.receipt_key = Some(receipt_key(
        judge.channel.named_in_receipts(),
        judge.channel.connector_name(),
        named_by.unwrap_or(&own_id),
    ));
    row.foreign_id = foreign_id.is_some();
    row.state = Some(StateChange {
        status: Status::Sent,
        reason: None,
        provider_message_id: foreign_id.map(str::to_owned),
    });
    row
}

fn failed(
    judge: &Judge<'_>,
    arrival: &Arrival,
    reason: ReasonCode,
    dead_letter: bool,
    now_ms: i64,
) -> ResultRow {
    let mut row = ResultRow::new(
        judge.owner,
        judge.life,
        arrival.delivery,
        Fate::Done,
        now_ms,
    );
    row.state = Some(StateChange {
        status: Status::Failed,
        reason: Some(reason),
        provider_message_id: None,
    });
    // It may have arrived for all that, and its receipt may be there already.
    row.receipt_key = Some(receipt_key(
        judge.channel.named_in_receipts(),
        judge.channel.connector_name(),
        &arrival.message.id.to_string(),
    ));
    row.dead_letter = dead_letter.then_some(reason);
    row
}

/// It may have been sent: it waits for a receipt under our own id, and is never sent again by itself.
fn unknown(judge: &Judge<'_>, arrival: &Arrival, until: i64, now_ms: i64) -> ResultRow {
    let attempt = arrival.delivery.attempt + 1;
    let fate = Fate::Held { attempt, until };
    let mut row = ResultRow::new(judge.owner, judge.life, arrival.delivery, fate, now_ms);
    let own_id = arrival.message.id.to_string();
    row.receipt_key = Some(receipt_key(
        judge.channel.named_in_receipts(),
        judge.channel.connector_name(),
        &own_id,
    ));
    row.state = Some(StateChange {
        status: Status::Unknown,
        reason: None,
        provider_message_id: None,
    });
    row
}

/// It is tried again: the row stays in its table with its new time.
fn waiting(judge: &Judge<'_>, arrival: &Arrival, wait: Wait, now_ms: i64) -> ResultRow {
    let fate = Fate::Waits {
        attempt: arrival.delivery.attempt + 1,
        due_at: wait.due_at,
        holds_until: wait.holds_until,
    };
    ResultRow::new(judge.owner, judge.life, arrival.delivery, fate, now_ms)
}

/// Nothing came of it, and nothing is charged.
fn put_back(judge: &Judge<'_>, arrival: &Arrival, now_ms: i64) -> ResultRow {
    let attempt = arrival.delivery.attempt;
    let fate = Fate::PutBack { attempt };
    ResultRow::new(judge.owner, judge.life, arrival.delivery, fate, now_ms)
}

/// The breaker hears what the answer says about the endpoint; the lane's row changes only when its state does.
fn tell_breaker(
    arrival: &Arrival,
    report: &Report,
    verdict: EndpointVerdict,
    breaker: &mut Breaker,
    now_ms: i64,
) -> Option<EndpointChange> {
    let before = breaker.parked_until();
    match verdict {
        EndpointVerdict::Success => breaker.on_success(),
        EndpointVerdict::Fault => breaker.on_endpoint_failure(now_ms),
        EndpointVerdict::Bar { until_ms } => breaker.on_barred(now_ms, until_ms),
        EndpointVerdict::Neutral | EndpointVerdict::Pause => breaker.not_started(),
    }
    let pause = verdict == EndpointVerdict::Pause;
    let change = (pause || breaker.parked_until() != before).then(|| EndpointChange {
        lane: arrival.delivery.lane,
        parked_until: breaker.parked_until(),
        failures_in_a_row: i32::try_from(breaker.failures_in_a_row()).unwrap_or(i32::MAX),
        failing_since: breaker.failing_since(),
        pause,
        barred: match report.outcome {
            Outcome::Barred { reason, .. } => Some(reason),
            Outcome::Accepted { .. }
            | Outcome::Retry { .. }
            | Outcome::Refused { .. }
            | Outcome::Unknown { .. }
            | Outcome::NotStarted { .. } => None,
        },
        last_error: report
            .outcome
            .error()
            .map(|error| error.class().into_owned()),
    });
    change.inspect(tally::endpoint)
}
