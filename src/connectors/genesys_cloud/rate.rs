//! What the API says about its limits: on every answer how much of a window is used, and with 429 how long to wait.

use std::time::Duration;

use reqwest::header::{HeaderName, RETRY_AFTER};

use crate::connectors::allowance::Allowance;
use crate::connectors::answer::classify;
use crate::connectors::outcome::{AttemptError, Outcome};
use crate::connectors::retry_after;
use crate::platform::outbound::Answer;

/// Requests of the window so far.
const COUNT: HeaderName = HeaderName::from_static("inin-ratelimit-count");
/// Requests that a window may have.
const ALLOWED: HeaderName = HeaderName::from_static("inin-ratelimit-allowed");
/// Seconds until the next window begins.
const RESET: HeaderName = HeaderName::from_static("inin-ratelimit-reset");
/// Windows are minutes; a longer one is not believed.
const WINDOW_MAX_SECONDS: u64 = 600;
const TOO_MANY_REQUESTS: u16 = 429;

/// What an answer says may still be sent with the same token; `None` where it says nothing that can be read.
pub fn allowance(answer: &Answer, now_ms: i64) -> Option<Allowance> {
    if let Some(wait) = wait_of(answer, now_ms) {
        return Some(Allowance::none_for(wait));
    }
    let number = |name: &HeaderName| answer.only(name)?.trim().parse::<u64>().ok();
    let (count, allowed) = (number(&COUNT)?, number(&ALLOWED)?);
    let reset = number(&RESET)?.min(WINDOW_MAX_SECONDS);
    let of = u32::try_from(allowed).ok().filter(|of| *of > 0)?;
    Some(Allowance {
        left: u32::try_from(allowed.saturating_sub(count)).unwrap_or(u32::MAX),
        of,
        renewed_after: Duration::from_secs(reset),
    })
}

/// What an answer other than a success comes to, for a message and for the lane. `now_ms` is Unix milliseconds.
///
/// One that says how long to wait is no sign of trouble: everybody waits, and then goes on. Without credentials nothing
/// is taken; 403 is the client's role that lacks a permission.
pub fn refused(answer: &Answer, now_ms: i64) -> Outcome {
    match answer.status {
        401 | 403 => Outcome::Barred {
            reason: AttemptError::Credentials,
            until: None,
        },
        TOO_MANY_REQUESTS if wait_of(answer, now_ms).is_some() => Outcome::Retry {
            reason: AttemptError::HttpStatus(TOO_MANY_REQUESTS),
            after: wait_of(answer, now_ms),
            endpoint_fault: false,
        },
        _ => classify(answer, now_ms),
    }
}

fn wait_of(answer: &Answer, now_ms: i64) -> Option<Duration> {
    let wait = answer.only(&RETRY_AFTER)?;
    (answer.status == TOO_MANY_REQUESTS).then(|| retry_after::parse(wait, now_ms))?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::{HeaderMap, HeaderValue};

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)]) -> Answer {
        let headers = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            )
        });
        Answer {
            status,
            headers: headers.collect::<HeaderMap>(),
            body: bytes::Bytes::new(),
            truncated: false,
        }
    }

    #[test]
    fn the_three_headers_say_what_is_left_of_the_window() {
        let said = answer(
            200,
            &[
                ("inin-ratelimit-count", "1"),
                ("inin-ratelimit-allowed", "180"),
                ("inin-ratelimit-reset", "61"),
            ],
        );
        let expected = Allowance {
            left: 179,
            of: 180,
            renewed_after: Duration::from_secs(61),
        };
        assert_eq!(allowance(&said, 0), Some(expected));
    }

    #[test]
    fn too_many_requests_leave_nothing_for_as_long_as_the_answer_says() {
        let said = answer(
            429,
            &[
                ("retry-after", "42"),
                ("inin-ratelimit-count", "300"),
                ("inin-ratelimit-allowed", "300"),
                ("inin-ratelimit-reset", "10"),
            ],
        );
        let wait = Duration::from_secs(42);
        assert_eq!(allowance(&said, 0), Some(Allowance::none_for(wait)));
        let expected = Outcome::Retry {
            reason: AttemptError::HttpStatus(429),
            after: Some(wait),
            endpoint_fault: false,
        };
        assert_eq!(refused(&said, 0), expected);
    }

    #[test]
    fn what_is_not_said_or_not_believed_shapes_nothing() {
        for headers in [
            &[][..],
            &[
                ("inin-ratelimit-count", "1"),
                ("inin-ratelimit-allowed", "180"),
            ],
            &[
                ("inin-ratelimit-count", "one"),
                ("inin-ratelimit-allowed", "180"),
                ("inin-ratelimit-reset", "61"),
            ],
            &[
                ("inin-ratelimit-count", "1"),
                ("inin-ratelimit-allowed", "0"),
                ("inin-ratelimit-reset", "61"),
            ],
            &[("retry-after", "7")],
        ] {
            assert_eq!(allowance(&answer(200, headers), 0), None, "{headers:?}");
        }
    }

    proptest! {
        #[test]
        fn no_headers_hold_anybody_for_longer_than_an_hour(
            status in prop_oneof![Just(200_u16), Just(429)],
            values in proptest::array::uniform4("[0-9]{0,22}"),
        ) {
            let names = ["retry-after", "inin-ratelimit-count", "inin-ratelimit-allowed", "inin-ratelimit-reset"];
            let headers: Vec<(&'static str, &str)> = names.into_iter().zip(values.iter().map(String::as_str)).collect();
            if let Some(said) = allowance(&answer(status, &headers), 0) {
                prop_assert!(said.renewed_after <= Duration::from_hours(1));
                prop_assert!(said.left <= said.of);
            }
        }
    }
}
