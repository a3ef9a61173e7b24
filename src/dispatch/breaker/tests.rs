use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// The longest an attempt takes in these tests, as long as the first pause.
const ATTEMPT_MAX_MS: i64 = 10_000;

const SETTINGS: BreakerSettings = BreakerSettings {
    failures: 3,
    pause_first: Duration::from_secs(10),
    pause_max: Duration::from_mins(1),
};

fn parked(now: i64) -> Breaker {
    let mut breaker = Breaker::new(SETTINGS);
    for _ in 0..SETTINGS.failures {
        assert_eq!(breaker.may_start(now), Admission::Go);
        breaker.on_endpoint_failure(now);
    }
    breaker
}

#[test]
fn an_endpoint_is_parked_after_so_many_failures_in_a_row() {
    let mut breaker = Breaker::new(SETTINGS);
    breaker.on_endpoint_failure(0);
    breaker.on_endpoint_failure(0);
    breaker.on_success();
    breaker.on_endpoint_failure(0);
    breaker.on_endpoint_failure(0);
    assert_eq!(breaker.may_start(0), Admission::Go);
    breaker.on_endpoint_failure(5);
    assert_eq!(breaker.may_start(5), Admission::WaitUntil(10_005));
    assert_eq!(breaker.may_start(10_004), Admission::WaitUntil(10_005));
}

#[test]
fn an_endpoint_that_bars_is_parked_at_once_for_as_long_as_it_says_or_as_after_so_many_failures() {
    let mut breaker = Breaker::new(SETTINGS);
    breaker.on_barred(5, None);
    assert_eq!(breaker.may_start(5), Admission::WaitUntil(10_005));
    // Those that were under way lengthen nothing.
    breaker.on_barred(7, Some(90_000));
    assert_eq!(breaker.parked_until(), Some(10_005));
    assert_eq!(breaker.may_start(10_005), Admission::Probe);
    breaker.on_barred(10_006, Some(90_000));
    assert_eq!(breaker.may_start(89_999), Admission::WaitUntil(90_000));
    assert_eq!(breaker.failing_since(), Some(5));
    breaker.on_success();
    assert_eq!(breaker.may_start(90_000), Admission::Go);
}

#[test]
fn what_may_be_mended_is_probed_at_once_and_by_one() {
    let mut breaker = parked(0);
    breaker.probe_soon(3);
    assert_eq!(breaker.may_start(3), Admission::Probe);
    breaker.probe_soon(4);
    assert!(matches!(breaker.may_start(4), Admission::WaitUntil(_)));
    breaker.on_endpoint_failure(5);
    assert_eq!(breaker.may_start(5), Admission::WaitUntil(20_005));
    let mut closed = Breaker::new(SETTINGS);
    closed.probe_soon(9);
    assert_eq!(closed.may_start(9), Admission::Go);
}

#[test]
fn a_refusal_that_speaks_about_a_message_neither_counts_nor_clears() {
    let mut breaker = Breaker::new(SETTINGS);
    breaker.on_endpoint_failure(0);
    breaker.on_endpoint_failure(0);
    breaker.not_started();
    assert_eq!(breaker.failures_in_a_row(), 2);
    breaker.on_endpoint_failure(0);
    assert_eq!(breaker.parked_until(), Some(10_000));
}

#[test]
fn after_the_pause_one_message_probes_and_the_others_wait_for_it() {
    let mut breaker = parked(0);
    assert_eq!(breaker.may_start(10_000), Admission::Probe);
    assert!(matches!(breaker.may_start(10_001), Admission::WaitUntil(_)));
    breaker.on_success();
    assert_eq!(breaker.may_start(10_002), Admission::Go);
    assert_eq!(
        (breaker.failures_in_a_row(), breaker.parked_until()),
        (0, None)
    );
}

#[test]
fn each_failed_probe_doubles_the_pause_up_to_the_longest() {
    let mut breaker = parked(0);
    let mut pauses = Vec::new();
    let mut now = 0;
    for _ in 0..40 {
        let until = breaker.parked_until().unwrap();
        pauses.push((until - now) / 1_000);
        now = until;
        assert_eq!(breaker.may_start(now), Admission::Probe);
        breaker.on_endpoint_failure(now);
    }
    assert_eq!(&pauses[..6], [10, 20, 40, 60, 60, 60]);
    assert!(pauses[6..].iter().all(|pause| *pause == 60));
}

#[test]
fn it_says_since_when_it_fails_and_when_its_pauses_grow_no_longer() {
    let mut breaker = parked(0);
    assert_eq!(breaker.failing_since(), Some(0));
    let mut longest = Vec::new();
    for _ in 0..4 {
        longest.push(breaker.is_parked_longest());
        let until = breaker.parked_until().unwrap();
        breaker.may_start(until);
        breaker.on_endpoint_failure(until);
    }
    assert_eq!(longest, [false, false, false, true]);
    breaker.on_success();
    assert_eq!(
        (breaker.failing_since(), breaker.is_parked_longest()),
        (None, false)
    );
}

#[test]
fn a_pause_after_a_recovery_begins_short_again() {
    let mut breaker = parked(0);
    breaker.may_start(10_000);
    breaker.on_endpoint_failure(10_000);
    breaker.may_start(30_000);
    breaker.on_success();
    for _ in 0..3 {
        breaker.on_endpoint_failure(40_000);
    }
    assert_eq!(breaker.parked_until(), Some(50_000));
}

#[test]
fn attempts_that_began_before_the_pause_do_not_lengthen_it() {
    let mut breaker = parked(0);
    for now in 1..100 {
        breaker.on_endpoint_failure(now);
    }
    assert_eq!(
        (breaker.failures_in_a_row(), breaker.parked_until()),
        (3, Some(10_000))
    );
    breaker.on_success();
    assert_eq!(breaker.may_start(101), Admission::Go);
}

#[test]
fn a_probe_that_never_began_leaves_the_next_message_to_probe() {
    let mut breaker = parked(0);
    assert_eq!(breaker.may_start(10_000), Admission::Probe);
    breaker.not_started();
    assert_eq!(breaker.may_start(10_001), Admission::Probe);
}

#[test]
fn a_probe_whose_result_is_lost_is_given_up_on() {
    let mut breaker = parked(0);
    assert_eq!(breaker.may_start(10_000), Admission::Probe);
    assert_eq!(breaker.may_start(69_999), Admission::WaitUntil(70_000));
    assert_eq!(breaker.may_start(70_000), Admission::Probe);
}

#[test]
fn a_new_owner_of_the_lane_goes_on_where_the_last_one_was() {
    let mut breaker = parked(0);
    breaker.may_start(10_000);
    breaker.on_endpoint_failure(10_000);
    let mut restored = Breaker::restore(
        SETTINGS,
        (breaker.failures_in_a_row(), breaker.failing_since()),
        breaker.parked_until(),
    );
    assert_eq!(restored.failing_since(), Some(0));
    assert_eq!(restored.may_start(29_999), Admission::WaitUntil(30_000));
    assert_eq!(restored.may_start(30_000), Admission::Probe);
    restored.on_endpoint_failure(30_000);
    assert_eq!(restored.parked_until(), Some(70_000));
    assert_eq!(
        Breaker::restore(SETTINGS, (0, None), None).may_start(0),
        Admission::Go
    );
}

#[test]
fn the_extremes_of_settings_and_time_do_no_harm() {
    let settings = BreakerSettings {
        failures: 0,
        pause_first: Duration::MAX,
        pause_max: Duration::MAX,
    };
    let mut breaker = Breaker::restore(settings, (u32::MAX, None), None);
    breaker.on_endpoint_failure(i64::MAX);
    assert_eq!(breaker.parked_until(), Some(i64::MAX));
    assert_eq!(breaker.may_start(i64::MIN), Admission::WaitUntil(i64::MAX));
    assert_eq!(breaker.may_start(i64::MAX), Admission::Probe);
}

/// How an attempt ends, and how long it takes.
#[derive(Debug, Clone, Copy)]
enum End {
    Success,
    Failure,
    Neutral,
}

#[derive(Debug, Clone, Copy)]
struct Attempt {
    ends_at: i64,
    end: End,
    probe: bool,
}

fn any_steps() -> impl Strategy<Value = Vec<(i64, i64, End)>> {
    let end =
        prop_oneof![1 => Just(End::Success), 6 => Just(End::Failure), 1 => Just(End::Neutral)];
    vec((0..4_000_i64, 0..ATTEMPT_MAX_MS, end), 0..200)
}

/// Tells the breaker of everything that ends up to `now`, in order.
fn settle(breaker: &mut Breaker, open: &mut Vec<Attempt>, now: i64) {
    open.sort_by_key(|attempt| attempt.ends_at);
    while let Some(attempt) = open
        .first()
        .copied()
        .filter(|attempt| attempt.ends_at <= now)
    {
        open.remove(0);
        match attempt.end {
            End::Success => breaker.on_success(),
            End::Failure => breaker.on_endpoint_failure(attempt.ends_at),
            End::Neutral => breaker.not_started(),
        }
    }
}

proptest! {
    /// A message wants to be sent at every step; those that may are under way for a while, many at once.
    #[test]
    fn an_endpoint_is_never_probed_twice_at_once(steps in any_steps()) {
        let mut breaker = Breaker::new(SETTINGS);
        let mut open: Vec<Attempt> = Vec::new();
        let mut now = 0;
        for (pause, duration, end) in steps {
            now += pause;
            settle(&mut breaker, &mut open, now);
            let admission = breaker.may_start(now);
            let probe = admission == Admission::Probe;
            prop_assert!(!probe || open.iter().all(|attempt| !attempt.probe));
            if probe || admission == Admission::Go {
                open.push(Attempt { ends_at: now + duration, end, probe });
            }
        }
    }

    #[test]
    fn a_fault_that_ends_is_always_recovered_from(steps in any_steps(), patience in 0..5_i64) {
        let mut breaker = Breaker::new(SETTINGS);
        let mut open: Vec<Attempt> = Vec::new();
        let mut now = 0;
        for (pause, duration, end) in steps {
            now += pause;
            settle(&mut breaker, &mut open, now);
            if !matches!(breaker.may_start(now), Admission::WaitUntil(_)) {
                open.push(Attempt { ends_at: now + duration, end, probe: false });
            }
        }
        // From here on the endpoint is well. At most one longest pause and one lost probe lie before the next attempt.
        settle(&mut breaker, &mut open, now + ATTEMPT_MAX_MS);
        now += ATTEMPT_MAX_MS + patience;
        let waits_for = match breaker.may_start(now) {
            Admission::Go | Admission::Probe => now,
            Admission::WaitUntil(until) => until,
        };
        prop_assert!(waits_for - now <= 60_000);
        prop_assert!(waits_for == now || breaker.may_start(waits_for) == Admission::Probe);
        breaker.on_success();
        prop_assert_eq!(breaker.may_start(waits_for), Admission::Go);
    }
}
