//! What is counted of attempts and endpoints.

use std::time::Duration;

use tracing::warn;

use super::attempt::Report;
use super::results::{EndpointChange, ResultRow};
use crate::connectors::outcome::{AttemptError, NotStarted, Outcome};
use crate::lanes::model::Arrival;
use crate::platform::telemetry::metric;

/// An attempt that came back. `connector` is one of the few names of connectors.
pub(super) fn attempt(connector: &'static str, arrival: &Arrival, report: &Report, now_ms: i64) {
    let outcome = report.outcome.class();
    let labels = [
        ("connector", connector),
        ("outcome", outcome),
        (
            "error",
            report.outcome.error().map_or("none", AttemptError::family),
        ),
    ];
    metrics::counter!(metric::ATTEMPTS, &labels).increment(1);
    metrics::histogram!(metric::ATTEMPT_SECONDS, "connector" => connector, "outcome" => outcome)
        .record(report.duration);
    if matches!(report.outcome, Outcome::Accepted { .. }) {
        metrics::histogram!(metric::DELIVERY_SECONDS, "connector" => connector)
            .record(waited(arrival, now_ms));
    }
}

/// An attempt that the gate kept from beginning.
pub(super) fn not_started(why: NotStarted) {
    metrics::counter!(metric::ATTEMPTS_NOT_STARTED, "reason" => why.class()).increment(1);
}

/// What a result says beyond its attempt.
pub(super) fn result(row: &ResultRow) {
    if let Some(reason) = row.dead_letter {
        metrics::counter!(metric::DEAD_LETTERS, "code" => reason.code().to_string()).increment(1);
    }
}

/// A change of an endpoint's state.
pub(super) fn endpoint(change: &EndpointChange) {
    let lane = change.lane.0;
    let error = change.last_error.as_deref().unwrap_or("none");
    if change.parked_until.is_some() {
        warn!(
            lane.id = lane,
            error.class = error,
            failures_in_a_row = change.failures_in_a_row,
            "An endpoint fails again and again; it is parked"
        );
        metrics::counter!(metric::ENDPOINTS_PARKED).increment(1);
    }
    if change.pause {
        warn!(
            lane.id = lane,
            error.class = error,
            "An endpoint said that it is gone; it is paused until somebody resumes it"
        );
        metrics::counter!(metric::ENDPOINTS_PAUSED).increment(1);
    }
}

/// Since the message could have been sent. The time for which it was scheduled is known until its first attempt ended;
/// after that it counts from its acceptance.
fn waited(arrival: &Arrival, now_ms: i64) -> Duration {
    let scheduled = arrival
        .delivery
        .due_at
        .filter(|_| arrival.delivery.attempt == 0);
    let since = scheduled.unwrap_or(arrival.message.id.unix_ms());
    Duration::from_millis(u64::try_from(now_ms - since).unwrap_or(0))
}
