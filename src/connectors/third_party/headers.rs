//! Static headers that a sender's `header:<name>` options add to its webhooks.

use reqwest::header::{HeaderName, HeaderValue};

/// Longest value, in bytes.
const VALUE_BYTES_MAX: usize = 1_024;

/// Names that HTTP, the webhook's protocol or this gateway writes itself.
const RESERVED: &[&str] = &[
    "accept-encoding",
    "b3",
    "connection",
    "date",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// Beginnings of more of them.
const RESERVED_PREFIXES: &[&str] = &["content-", "webhook-", "x-b3-", "x-hub-signature"];

/// Why a header cannot be set. The sentences follow the option's name and do not repeat its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderRefused {
    #[error("is not the name of a header")]
    Name,
    #[error("is a header that the protocol owns")]
    Reserved,
    #[error("must have at most {VALUE_BYTES_MAX} bytes and no control characters")]
    Value,
}

/// Reads one option; `name` is what follows `header:`. The value is marked as sensitive, since it may be a credential, so it
/// is printed nowhere.
pub fn parse_header_option(
    name: &str,
    value: &str,
) -> Result<(HeaderName, HeaderValue), HeaderRefused> {
    let name: HeaderName = name.parse().map_err(|_| HeaderRefused::Name)?;
    let is_reserved = RESERVED.contains(&name.as_str())
        || RESERVED_PREFIXES
            .iter()
            .any(|prefix| name.as_str().starts_with(prefix));
    if is_reserved {
        return Err(HeaderRefused::Reserved);
    }
    // A tab is a control character that HTTP itself would allow.
    if value.len() > VALUE_BYTES_MAX || value.contains(char::is_control) {
        return Err(HeaderRefused::Value);
    }
    let value = HeaderValue::from_bytes(value.as_bytes());
    let mut value = value.map_err(|_| HeaderRefused::Value)?;
    value.set_sensitive(true);
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendor_s_example_becomes_a_header() {
        let (name, value) = parse_header_option("custom-header-for-async-1", "12345").unwrap();
        assert_eq!(name, "custom-header-for-async-1");
        assert_eq!(value, "12345");
    }

    #[test]
    fn a_header_of_the_protocol_is_refused_in_any_case() {
        let names = [
            "Host",
            "content-type",
            "CONTENT-LENGTH",
            "Content-Encoding",
            "Transfer-Encoding",
            "Connection",
            "Keep-Alive",
            "Proxy-Authorization",
            "TE",
            "Upgrade",
            "Expect",
            "User-Agent",
            "X-Hub-Signature",
            "X-Hub-Signature-256",
            "X-B3-TraceId",
            "x-b3-spanid",
            "b3",
            "traceparent",
            "tracestate",
            "webhook-signature",
        ];
        for name in names {
            let refused = parse_header_option(name, "value");
            assert_eq!(refused.unwrap_err(), HeaderRefused::Reserved, "{name}");
        }
        for name in [
            "Authorization",
            "x-team",
            "hostess",
            "connections",
            "x-content-type",
        ] {
            assert!(parse_header_option(name, "value").is_ok(), "{name}");
        }
    }

    #[test]
    fn a_value_cannot_begin_another_header() {
        let long = "x".repeat(VALUE_BYTES_MAX + 1);
        for value in [
            "a\r\nhost: b",
            "a\nb",
            "a\rb",
            "a\tb",
            "a\0b",
            "\u{7f}",
            "a\u{85}b",
            &long,
        ] {
            let refused = parse_header_option("x-team", value);
            assert_eq!(refused.unwrap_err(), HeaderRefused::Value, "{value:?}");
        }
        for value in ["", "a b", "größe", &long[1..]] {
            let (_, header) = parse_header_option("x-team", value).unwrap();
            assert_eq!(header.as_bytes(), value.as_bytes());
        }
    }

    #[test]
    fn a_name_is_a_token() {
        for name in ["", "a b", "a:b", "a\nb", "ä", "a/b", "a(b)"] {
            let refused = parse_header_option(name, "value");
            assert_eq!(refused.unwrap_err(), HeaderRefused::Name, "{name:?}");
        }
    }

    #[test]
    fn a_value_is_not_printed() {
        let header = parse_header_option("authorization", "Bearer hush").unwrap();
        assert!(!format!("{header:?}").contains("hush"));
    }
}
