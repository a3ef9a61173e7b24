use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000;

fn guesses(source_per_minute: u32, tenant_per_minute: u32) -> (Guesses, Clock) {
    let clock = Clock::system();
    let limits = GuessLimits {
        source_per_minute,
        tenant_per_minute,
    };
    (Guesses::new(limits, clock.clone()), clock)
}

fn at(address: &str) -> IpAddr {
    address.parse().unwrap()
}

#[test]
fn so_many_failures_are_told_and_the_next_has_to_wait_for_its_share_of_a_minute() {
    let budget = Budget::new(6);
    for _ in 0..6 {
        assert_eq!(budget.spend(&"a", 0), None);
    }
    assert_eq!(budget.spend(&"a", 0), Some(Duration::from_secs(10)));
    assert_eq!(budget.spend(&"a", 4 * SECOND), Some(Duration::from_secs(6)));
    assert_eq!(budget.spend(&"a", 10 * SECOND), None);
    assert_eq!(
        budget.spend(&"a", 10 * SECOND),
        Some(Duration::from_secs(10))
    );
}

#[test]
fn what_is_told_to_wait_does_not_make_the_wait_longer() {
    let budget = Budget::new(1);
    assert_eq!(budget.spend(&"a", 0), None);
    for _ in 0..1_000 {
        assert_eq!(budget.spend(&"a", 0), Some(Duration::from_mins(1)));
    }
    assert_eq!(budget.spend(&"a", 60 * SECOND), None);
}

#[test]
fn one_address_does_not_spend_the_budget_of_another() {
    let (guesses, _) = guesses(1, 1_000);
    for last in 1..=8 {
        assert_eq!(
            guesses.failed(at(&format!("198.51.100.{last}")), None),
            None
        );
    }
    assert!(guesses.failed(at("198.51.100.1"), None).is_some());
}

#[test]
fn a_host_has_one_budget_for_all_addresses_of_its_network() {
    let (guesses, _) = guesses(2, 1_000);
    assert_eq!(guesses.failed(at("2001:db8:1:2::1"), None), None);
    assert_eq!(guesses.failed(at("2001:db8:1:2:ffff::7"), None), None);
    assert!(guesses.failed(at("2001:db8:1:2:9:9:9:9"), None).is_some());
    assert_eq!(guesses.failed(at("2001:db8:1:3::1"), None), None);
}

#[test]
fn a_tenant_is_guarded_against_many_addresses() {
    let (guesses, clock) = guesses(1_000, 3);
    let tenant = Some(Ccid::from_uuid(uuid::Uuid::new_v4()));
    for last in 1..=3 {
        assert_eq!(
            guesses.failed(at(&format!("198.51.100.{last}")), tenant),
            None
        );
    }
    assert!(guesses.failed(at("203.0.113.9"), tenant).is_some());
    assert_eq!(guesses.failed(at("203.0.113.9"), None), None);
    clock.advance(Duration::from_secs(21));
    assert_eq!(guesses.failed(at("203.0.113.9"), tenant), None);
}

#[test]
fn a_budget_is_told_of_once_a_minute() {
    let budget = Budget::new(1);
    assert!(budget.may_be_told(0));
    assert!(!budget.may_be_told(59 * SECOND));
    assert!(budget.may_be_told(60 * SECOND));
}

proptest! {
    #[test]
    fn in_no_time_are_more_failures_told_than_the_budget_and_what_comes_back_meanwhile(
        per_minute in 1_u32..500,
        pauses in prop::collection::vec(0_i64..2 * SECOND, 1..400),
    ) {
        let budget = Budget::new(per_minute);
        let (mut now, mut told) = (0, 0_i64);
        for pause in pauses {
            now += pause;
            told += i64::from(budget.spend(&"a", now).is_none());
        }
        prop_assert!(told <= i64::from(per_minute) + now * i64::from(per_minute) / MINUTE_MICROS + 1);
    }
}
