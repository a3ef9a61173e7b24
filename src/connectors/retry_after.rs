//! The header `Retry-After` (RFC 9110, section 10.2.3): when an endpoint wants to be asked again.

use std::time::{Duration, SystemTime};

/// However long an endpoint asks to be left alone, it is asked again after an hour.
pub const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);
/// Bytes of the longest value that is looked at; a date has 33 at most.
const VALUE_BYTES_MAX: usize = 64;

/// Reads seconds or an HTTP date, as a time from `now_ms` (Unix milliseconds), capped at an hour. A date that has
/// passed is no wait. `None` for whatever is neither: a header that cannot be read asks for nothing.
pub fn parse(value: &str, now_ms: i64) -> Option<Duration> {
    let value = value.trim_matches([' ', '\t']);
    if value.is_empty() || value.len() > VALUE_BYTES_MAX {
        return None;
    }
    let asked = if value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that are no number are too many of them.
        value.parse().map_or(RETRY_AFTER_MAX, Duration::from_secs)
    } else {
        until(value, now_ms)?
    };
    Some(asked.min(RETRY_AFTER_MAX))
}

fn until(date: &str, now_ms: i64) -> Option<Duration> {
    let date = httpdate::parse_http_date(date).ok()?;
    let now = Duration::from_millis(u64::try_from(now_ms).ok()?);
    Some(
        date.duration_since(SystemTime::UNIX_EPOCH)
            .ok()?
            .saturating_sub(now),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 1994-11-06T08:49:37Z, the moment of the examples in RFC 9110, section 5.6.7.
    const MOMENT_MS: i64 = 784_111_777_000;

    #[test]
    fn seconds_are_taken_as_they_are_up_to_an_hour() {
        for (value, expected) in [
            ("0", 0),
            ("7", 7),
            ("007", 7),
            (" 120\t", 120),
            ("3600", 3_600),
            ("3601", 3_600),
            ("18446744073709551615", 3_600),
            ("18446744073709551616", 3_600),
            ("99999999999999999999999999999999999999", 3_600),
        ] {
            assert_eq!(
                parse(value, MOMENT_MS),
                Some(Duration::from_secs(expected)),
                "{value:?}"
            );
        }
    }

    #[test]
    fn a_date_is_taken_in_every_form_that_http_knows() {
        let dates = [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ];
        for date in dates {
            assert_eq!(
                parse(date, MOMENT_MS - 90_000),
                Some(Duration::from_secs(90)),
                "{date:?}"
            );
            assert_eq!(
                parse(date, MOMENT_MS - 90_250),
                Some(Duration::from_millis(90_250)),
                "{date:?}"
            );
            assert_eq!(
                parse(date, MOMENT_MS - 86_400_000),
                Some(RETRY_AFTER_MAX),
                "{date:?}"
            );
            assert_eq!(parse(date, MOMENT_MS), Some(Duration::ZERO), "{date:?}");
            assert_eq!(parse(date, MOMENT_MS + 1), Some(Duration::ZERO), "{date:?}");
        }
    }

    #[test]
    fn whatever_is_neither_asks_for_nothing() {
        let long = "1".repeat(65);
        let values = [
            "",
            " ",
            "-1",
            "+1",
            "1.5",
            "1e3",
            "0x10",
            "soon",
            "7 s",
            "7,8",
            "7;",
            "１",
            "NaN",
            "tomorrow",
            "1994-11-06T08:49:37Z",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 36 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 +0100",
            "Sun, 06 Now 1994 08:49:37 GMT",
            &long,
        ];
        for value in values {
            assert_eq!(parse(value, MOMENT_MS), None, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn no_value_asks_for_more_than_an_hour(value in "[0-9A-Za-z ,:-]{0,70}|\\PC{0,70}", now_ms in any::<i64>()) {
            prop_assert!(parse(&value, now_ms).is_none_or(|asked| asked <= RETRY_AFTER_MAX));
        }
    }
}
