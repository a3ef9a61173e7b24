use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::connectors::answer::classify_http;
use crate::platform::outbound::TlsFault;

const NOW: i64 = 1_800_000_000_000;
const DAY_MS: i64 = 86_400_000;

fn facts(schedule: &RetrySchedule) -> DeliveryFacts<'_> {
    DeliveryFacts {
        attempt: 1,
        now_ms: NOW,
        valid_until_ms: NOW + 3 * DAY_MS,
        unknown: UnknownPolicy::Retry,
        unknown_hold: Duration::from_mins(30),
        schedule,
        jitter: 0.5,
    }
}

fn after_status(status: u16) -> Ruling {
    decide(
        classify_http(status, None),
        &facts(&RetrySchedule::default()),
    )
}

fn failed(reason: ReasonCode) -> Decision {
    Decision::Failed {
        reason,
        dead_letter: true,
    }
}

/// The table of the webhook's contract, written out a second time and differently.
fn by_the_contract(status: u16) -> (Decision, EndpointVerdict) {
    let redelivered = Decision::WaitUntil {
        due_ms: NOW + 2_500,
    };
    if (200..300).contains(&status) {
        (
            Decision::Sent {
                provider_message_id: None,
            },
            EndpointVerdict::Success,
        )
    } else if status >= 500 || [408, 425, 429].contains(&status) || status < 200 {
        (redelivered, EndpointVerdict::Fault)
    } else if status == 410 {
        (failed(ReasonCode::General), EndpointVerdict::Pause)
    } else if status < 400 || [401, 403, 404, 405, 407].contains(&status) {
        (failed(ReasonCode::General), EndpointVerdict::Fault)
    } else {
        (failed(ReasonCode::General), EndpointVerdict::Neutral)
    }
}

#[test]
fn every_status_has_the_outcome_of_the_contract() {
    for status in 100..=599 {
        let (decision, endpoint) = by_the_contract(status);
        assert_eq!(
            after_status(status),
            Ruling { decision, endpoint },
            "{status}"
        );
    }
}

#[test]
fn a_status_that_http_does_not_have_counts_as_a_5xx() {
    for status in [0, 1, 99, 600, 999, u16::MAX] {
        assert_eq!(after_status(status), after_status(500), "{status}");
    }
}

#[test]
fn an_endpoint_that_could_not_be_reached_gets_the_message_again() {
    for reason in [
        AttemptError::Timeout,
        AttemptError::Dns,
        AttemptError::Connect,
        AttemptError::Tls(TlsFault::Expired),
    ] {
        let outcome = Outcome::Retry {
            reason,
            after: None,
            endpoint_fault: true,
        };
        let ruling = decide(outcome, &facts(&RetrySchedule::default()));
        assert_eq!(
            ruling.decision,
            Decision::WaitUntil {
                due_ms: NOW + 2_500
            }
        );
        assert_eq!(ruling.endpoint, EndpointVerdict::Fault);
    }
}

#[test]
fn what_the_endpoint_asks_for_is_waited() {
    let asked = Some(Duration::from_secs(90));
    for status in [429, 503] {
        let ruling = decide(
            classify_http(status, asked),
            &facts(&RetrySchedule::default()),
        );
        assert_eq!(
            ruling.decision,
            Decision::WaitUntil {
                due_ms: NOW + 90_000
            }
        );
    }
    let ruling = decide(classify_http(400, asked), &facts(&RetrySchedule::default()));
    assert_eq!(ruling.decision, failed(ReasonCode::General));
}

#[test]
fn the_id_that_the_provider_gave_is_kept() {
    let outcome = Outcome::Accepted {
        provider_message_id: Some("abc-1".to_owned()),
    };
    let ruling = decide(outcome, &facts(&RetrySchedule::default()));
    assert_eq!(
        ruling.decision,
        Decision::Sent {
            provider_message_id: Some("abc-1".to_owned())
        }
    );
}

#[test]
fn a_message_that_may_have_arrived_is_sent_again_only_where_that_is_safe() {
    let schedule = RetrySchedule::default();
    let unknown = Outcome::Unknown {
        reason: AttemptError::ConnectionLost,
    };
    let safe = decide(unknown.clone(), &facts(&schedule));
    let unsafe_ = decide(
        unknown,
        &DeliveryFacts {
            unknown: UnknownPolicy::Hold(None),
            ..facts(&schedule)
        },
    );
    assert_eq!(
        safe.decision,
        Decision::WaitUntil {
            due_ms: NOW + 2_500
        }
    );
    let until_ms = NOW + 1_800_000;
    assert_eq!(unsafe_.decision, Decision::HoldUnknown { until_ms });
    assert_eq!(
        (safe.endpoint, unsafe_.endpoint),
        (EndpointVerdict::Fault, EndpointVerdict::Fault)
    );
}

#[test]
fn what_may_have_been_sent_is_held_sent_again_or_given_up_as_the_tenant_wants_it() {
    let schedule = RetrySchedule::default();
    let by = |unknown| {
        let facts = DeliveryFacts {
            unknown,
            ..facts(&schedule)
        };
        let reason = AttemptError::Timeout;
        decide(Outcome::Unknown { reason }, &facts).decision
    };
    assert_eq!(
        by(UnknownPolicy::Hold(Some(Duration::from_mins(1)))),
        Decision::HoldUnknown {
            until_ms: NOW + 60_000
        }
    );
    assert_eq!(by(UnknownPolicy::Fail), failed(ReasonCode::General));
    assert!(matches!(
        by(UnknownPolicy::Retry),
        Decision::WaitUntil { .. }
    ));
}

#[test]
fn what_the_endpoint_bars_goes_back_to_its_place() {
    let schedule = RetrySchedule::default();
    for until in [None, Some(NOW + 5)] {
        let reason = AttemptError::Quota;
        let ruling = decide(Outcome::Barred { reason, until }, &facts(&schedule));
        assert_eq!(ruling.decision, Decision::PutBack);
        assert_eq!(ruling.endpoint, EndpointVerdict::Bar { until_ms: until });
    }
}

#[test]
fn an_attempt_that_we_broke_off_ourselves_says_nothing_about_the_endpoint() {
    let schedule = RetrySchedule::default();
    for unknown in [UnknownPolicy::Retry, UnknownPolicy::Hold(None)] {
        let facts = DeliveryFacts {
            unknown,
            ..facts(&schedule)
        };
        let ruling = decide(
            Outcome::Unknown {
                reason: AttemptError::Interrupted,
            },
            &facts,
        );
        assert_eq!(ruling.endpoint, EndpointVerdict::Neutral);
    }
}

#[test]
fn after_the_last_redelivery_the_message_is_a_dead_letter() {
    let schedule = RetrySchedule::from_seconds(&[1.0, 2.0]).unwrap();
    let after_attempt = |attempt| {
        decide(
            classify_http(503, None),
            &DeliveryFacts {
                attempt,
                ..facts(&schedule)
            },
        )
        .decision
    };
    assert_eq!(
        after_attempt(2),
        Decision::WaitUntil {
            due_ms: NOW + 1_000
        }
    );
    assert_eq!(after_attempt(3), failed(ReasonCode::General));
}

#[test]
fn a_message_whose_next_attempt_would_come_after_its_end_has_expired() {
    let schedule = RetrySchedule::default();
    let with_end = |valid_until_ms| {
        decide(
            classify_http(503, None),
            &DeliveryFacts {
                valid_until_ms,
                ..facts(&schedule)
            },
        )
        .decision
    };
    assert_eq!(
        with_end(NOW + 2_500),
        Decision::WaitUntil {
            due_ms: NOW + 2_500
        }
    );
    assert_eq!(with_end(NOW + 2_499), failed(ReasonCode::Expired));
    assert_eq!(with_end(NOW - 1), failed(ReasonCode::Expired));
    assert_eq!(with_end(i64::MIN), failed(ReasonCode::Expired));
}

#[test]
fn an_endpoint_can_put_a_message_off_until_its_end_but_not_beyond() {
    let schedule = RetrySchedule::default();
    let facts = DeliveryFacts {
        valid_until_ms: NOW + 60_000,
        ..facts(&schedule)
    };
    let ruling = decide(classify_http(429, Some(Duration::from_mins(10))), &facts);
    assert_eq!(
        ruling.decision,
        Decision::WaitUntil {
            due_ms: NOW + 60_000
        }
    );
}

#[test]
fn an_attempt_that_did_not_begin_charges_nothing_and_says_nothing_about_the_endpoint() {
    let schedule = RetrySchedule::default();
    let after = |why| decide(Outcome::NotStarted { why }, &facts(&schedule));
    for why in [
        NotStarted::LaneClosed,
        NotStarted::LeaseLost,
        NotStarted::CheckFailed,
    ] {
        assert_eq!(
            after(why),
            Ruling {
                decision: Decision::Requeue,
                endpoint: EndpointVerdict::Neutral
            }
        );
    }
    assert_eq!(after(NotStarted::Cancelled).decision, Decision::Withdrawn);
    assert_eq!(
        after(NotStarted::Expired).decision,
        failed(ReasonCode::Expired)
    );
    let stopped = Decision::Failed {
        reason: ReasonCode::NotAllowed,
        dead_letter: false,
    };
    assert_eq!(after(NotStarted::Suppressed).decision, stopped);
}

proptest! {
    #[test]
    fn a_wait_ends_before_the_message_does_and_not_before_it_was_asked_to(
        status in select(vec![408_u16, 425, 429, 500, 502, 503, 504]),
        attempt in 1_u32..12,
        asked in option::of(0_u64..100_000),
        life_ms in 0_i64..3 * DAY_MS,
        jitter in 0.0..1.0_f64,
    ) {
        let schedule = RetrySchedule::default();
        let facts = DeliveryFacts { attempt, valid_until_ms: NOW + life_ms, jitter, ..facts(&schedule) };
        let asked = asked.map(Duration::from_secs);
        match decide(classify_http(status, asked), &facts).decision {
            Decision::WaitUntil { due_ms } => {
                prop_assert!(NOW <= due_ms && due_ms <= facts.valid_until_ms);
                let floor = asked.unwrap_or_default().min(Duration::from_hours(1));
                prop_assert!(due_ms >= facts.valid_until_ms.min(NOW + i64::try_from(floor.as_millis()).unwrap()));
            }
            Decision::Failed { reason, dead_letter } => {
                prop_assert!(dead_letter);
                prop_assert_eq!(reason == ReasonCode::General, attempt > 8);
            }
            Decision::Sent { .. } | Decision::PutBack | Decision::HoldUnknown { .. } | Decision::Requeue | Decision::Withdrawn => {
                prop_assert!(false, "nothing else follows from a failure that is retried");
            }
        }
    }
}

#[test]
fn what_may_have_been_sent_fails_when_no_receipt_has_come_in_time_and_is_left_alone_when_one_has() {
    let schedule = RetrySchedule::default();
    for unknown in [UnknownPolicy::Retry, UnknownPolicy::Hold(None)] {
        let facts = DeliveryFacts {
            unknown,
            ..facts(&schedule)
        };
        let not_started = |why| decide(Outcome::NotStarted { why }, &facts).decision;
        assert_eq!(
            not_started(NotStarted::HoldEnded),
            failed(ReasonCode::General)
        );
        assert_eq!(not_started(NotStarted::Resolved), Decision::Withdrawn);
    }
}
