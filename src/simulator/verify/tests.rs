use http::HeaderValue;
use proptest::prelude::*;

use super::*;
use crate::auth::signature::standard_webhooks::WebhookKey;
use crate::auth::signature::{sign_sha1, sign_sha256};

/// The vector of the specification's own libraries.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const TIMESTAMP: &str = "1614265330";
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const STANDARD: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const SIGNED_AT_MS: i64 = 1_614_265_330_000;

fn headers(values: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in values {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn check_at(values: &[(&'static str, &str)], now_ms: i64) -> Signature {
    let secrets = [Secret::new(SECRET.to_owned())];
    check(&secrets, &headers(values), BODY, now_ms)
}

fn check_standard(id: &str, timestamp: &str, signature: &str) -> Signature {
    let values = [
        ("webhook-id", id),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", signature),
    ];
    check_at(&values, SIGNED_AT_MS)
}

#[test]
fn the_specification_s_example_is_good_and_every_change_of_it_is_not() {
    assert_eq!(check_standard(ID, TIMESTAMP, STANDARD), Signature::Good);
    let beside_others = format!("v1a,AAAA v1,AAAA {STANDARD} v2");
    assert_eq!(
        check_standard(ID, TIMESTAMP, &beside_others),
        Signature::Good
    );
    for (id, timestamp, signature) in [
        ("", TIMESTAMP, STANDARD),
        ("msg_2", TIMESTAMP, STANDARD),
        (ID, "1614265331", STANDARD),
        (ID, "then", STANDARD),
        (ID, "", STANDARD),
        (ID, TIMESTAMP, ""),
        (ID, TIMESTAMP, "v1,"),
        (ID, TIMESTAMP, &STANDARD[3..]),
        (ID, TIMESTAMP, &STANDARD.replace("v1", "v1a")),
        (ID, TIMESTAMP, &STANDARD.replace('=', "")),
    ] {
        assert_eq!(
            check_standard(id, timestamp, signature),
            Signature::Refused,
            "{id} {timestamp} {signature}"
        );
    }
}

#[test]
fn what_was_signed_more_than_five_minutes_away_is_refused() {
    let all = [
        ("webhook-id", ID),
        ("webhook-timestamp", TIMESTAMP),
        ("webhook-signature", STANDARD),
    ];
    for (seconds, expected) in [
        (300, Signature::Good),
        (-300, Signature::Good),
        (301, Signature::Refused),
        (-301, Signature::Refused),
    ] {
        let checked = check_at(&all, SIGNED_AT_MS + seconds * 1_000);
        assert_eq!(checked, expected, "{seconds}");
    }
}

#[test]
fn of_the_three_headers_none_may_be_missing_or_there_twice() {
    let all = [
        ("webhook-id", ID),
        ("webhook-timestamp", TIMESTAMP),
        ("webhook-signature", STANDARD),
    ];
    for index in 0..all.len() {
        let mut fewer = all.to_vec();
        fewer.remove(index);
        assert_eq!(check_at(&fewer, SIGNED_AT_MS), Signature::Refused);
        let mut more = all.to_vec();
        more.push(all[index]);
        assert_eq!(check_at(&more, SIGNED_AT_MS), Signature::Refused);
    }
    assert_eq!(check_at(&[], SIGNED_AT_MS), Signature::Refused);
}

#[test]
fn a_wrong_signature_spoils_the_right_ones_beside_it() {
    let (sha1, sha256) = (
        sign_sha1(SECRET.as_bytes(), BODY),
        sign_sha256(SECRET.as_bytes(), BODY),
    );
    let all = [
        ("webhook-id", ID),
        ("webhook-timestamp", TIMESTAMP),
        ("webhook-signature", STANDARD),
        ("x-hub-signature", sha1.as_str()),
        ("x-hub-signature-256", sha256.as_str()),
    ];
    assert_eq!(check_at(&all, SIGNED_AT_MS), Signature::Good);
    for index in 0..all.len() {
        let mut spoilt = all;
        spoilt[index].1 = "wrong";
        assert_eq!(check_at(&spoilt, SIGNED_AT_MS), Signature::Refused);
    }
}

proptest! {
    #[test]
    fn whatever_the_gateway_signs_is_good_here_and_for_no_other_body(
        key in prop::collection::vec(any::<u8>(), 1..80),
        id in "[0-9]{1,13}-[0-9]{1,7}",
        seconds in 0i64..4_000_000_000,
        body in any::<Vec<u8>>(),
        other in any::<Vec<u8>>(),
    ) {
        let secret = Secret::new(format!("whsec_{}", BASE64_STANDARD.encode(&key)));
        let signature = WebhookKey::read(&secret).unwrap().sign(&id, seconds, &body);
        let timestamp = seconds.to_string();
        let headers = headers(&[
            ("webhook-id", &id),
            ("webhook-timestamp", &timestamp),
            ("webhook-signature", &signature),
        ]);
        let secrets = [secret];
        let is_good = |body: &[u8]| check(&secrets, &headers, body, seconds * 1_000) == Signature::Good;
        prop_assert!(is_good(&body));
        prop_assert_eq!(is_good(&other), body == other);
    }
}
