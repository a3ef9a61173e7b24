use std::convert::Infallible;
use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use uuid::Uuid;

use crate::values::TraceContext;

/// The longest `X-Request-Id` of a caller that is taken over, in characters.
const REQUEST_ID_LENGTH_MAX: usize = 64;

/// What a request is called in its answer and in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

/// The trace headers of a request, as far as they are valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace(pub TraceContext);

impl RequestId {
    /// The caller's own `X-Request-Id` if it is one of 1 to 64 visible ASCII characters, else a new one.
    pub fn of(headers: &HeaderMap) -> Self {
        let own = single(headers, "x-request-id").filter(|value| {
            let length_fits = (1..=REQUEST_ID_LENGTH_MAX).contains(&value.len());
            length_fits && value.as_bytes().iter().all(u8::is_ascii_graphic)
        });
        own.cloned().map_or_else(Self::new, Self)
    }

    pub fn as_str(&self) -> &str {
        // Only visible ASCII gets in.
        self.0.to_str().unwrap_or_default()
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    fn new() -> Self {
        let text = Uuid::new_v4().hyphenated().to_string();
        // A UUID is visible ASCII.
        Self(HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("-")))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    /// The name that the middleware has given this request.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let given = parts.extensions.get::<Self>().cloned();
        Ok(given.unwrap_or_else(|| Self::of(&parts.headers)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Trace {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(trace_context(&parts.headers)))
    }
}

/// The trace headers that are there once and valid; the others are as if they were not there.
pub fn trace_context(headers: &HeaderMap) -> TraceContext {
    let valid = |name, check: fn(&str) -> bool| {
        let text = single(headers, name)?.to_str().ok()?;
        check(text).then(|| text.to_owned())
    };
    TraceContext {
        trace_id: valid("x-b3-traceid", |text| behind_trace_id(text) == Some("")),
        traceparent: valid("traceparent", is_traceparent),
        b3: valid("b3", is_b3),
    }
}

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value),
        (None, _) | (Some(_), Some(_)) => None,
    }
}

/// What follows a trace id of 16 or 32 hex digits, or in the form of a UUID; `None` if the text begins with none.
fn behind_trace_id(text: &str) -> Option<&str> {
    let uuid = text
        .get(..36)
        .filter(|start| Uuid::try_parse(start).is_ok());
    let length = match uuid {
        Some(uuid) => uuid.len(),
        None => text.bytes().take_while(u8::is_ascii_hexdigit).count(),
    };
    matches!(length, 16 | 32 | 36).then(|| &text[length..])
}

/// W3C Trace Context, section 3.2: `<version>-<trace id>-<parent id>-<flags>` in lower-case hex, no id all zeros.
/// A version that is not known yet may have more behind its flags. A UUID may stand for the trace id.
fn is_traceparent(text: &str) -> bool {
    let Some((version, rest)) = text.split_once('-') else {
        return false;
    };
    let Some(after) = behind_trace_id(rest) else {
        return false;
    };
    let trace_id = &rest[..rest.len() - after.len()];
    let mut parts = after.split('-');
    let framed = parts.next() == Some("");
    let (parent, flags) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let ends = parts.next().is_none() || version != "00";
    let lower_hex = |text: &str, length| {
        let is_lower_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        text.len() == length && text.bytes().all(is_lower_hex)
    };
    let not_zero = |text: &str| text.bytes().any(|byte| !matches!(byte, b'0' | b'-'));
    let trace_id_fits =
        trace_id.len() != 16 && !trace_id.bytes().any(|byte| byte.is_ascii_uppercase());
    lower_hex(version, 2)
        && version != "ff"
        && trace_id_fits
        && not_zero(trace_id)
        && framed
        && lower_hex(parent, 16)
        && not_zero(parent)
        && lower_hex(flags, 2)
        && ends
}

/// The single header of B3: a sampling state alone, or `<trace id>-<span id>[-<sampling>[-<parent span id>]]`.
/// A trace id in the form of a UUID may also stand alone.
fn is_b3(text: &str) -> bool {
    let is_sampling = |text: &str| matches!(text, "0" | "1" | "d");
    let is_span =
        |text: &str| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_sampling(text) {
        return true;
    }
    let Some(after) = behind_trace_id(text) else {
        return false;
    };
    if after.is_empty() {
        return text.len() == 36;
    }
    let parts: Vec<&str> = after.splitn(5, '-').collect();
    match parts[..] {
        ["", span] => is_span(span),
        ["", span, sampling] => is_span(span) && is_sampling(sampling),
        ["", span, sampling, parent] => is_span(span) && is_sampling(sampling) && is_span(parent),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "80f198ee56343ba864fe8b2a57d3eff7";
    const SPAN: &str = "e457b5a2e4d86bd1";
    const UUID: &str = "80f198ee-5634-3ba8-64fe-8b2a57d3eff7";

    fn came(name: &'static str, value: &str) -> TraceContext {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        trace_context(&headers)
    }

    #[test]
    fn valid_trace_ids_are_kept_as_they_were_written() {
        for text in [TRACE, SPAN, UUID, "80F198EE56343BA8"] {
            assert_eq!(came("x-b3-traceid", text).trace_id.as_deref(), Some(text));
        }
        let long = format!("{TRACE}0");
        for text in [
            "",
            "7",
            "xyz",
            &long,
            "80f198ee56343ba864fe8b2a57d3ef-7",
            &format!("{UUID}0"),
        ] {
            assert!(came("x-b3-traceid", text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_valid_traceparent_is_kept() {
        let future = format!("01-{TRACE}-{SPAN}-01-more");
        for text in [
            &format!("00-{TRACE}-{SPAN}-01"),
            &format!("00-{UUID}-{SPAN}-00"),
            &future,
        ] {
            assert_eq!(came("traceparent", text).traceparent.as_ref(), Some(text));
        }
        let zeros = "0".repeat(32);
        for text in [
            "",
            TRACE,
            &format!("ff-{TRACE}-{SPAN}-01"),
            &format!("00-{TRACE}-{SPAN}-01-more"),
            &format!("00-{TRACE}-{SPAN}"),
            &format!("00-{SPAN}-{SPAN}-01"),
            &format!("00-{zeros}-{SPAN}-01"),
            &format!("00-{TRACE}-0000000000000000-01"),
            &format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            &format!("00-{TRACE}{SPAN}-01"),
        ] {
            assert!(came("traceparent", text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_valid_b3_is_kept() {
        for text in [
            "0",
            "d",
            UUID,
            &format!("{TRACE}-{SPAN}"),
            &format!("{SPAN}-{SPAN}-1"),
            &format!("{UUID}-{SPAN}-1"),
            &format!("{TRACE}-{SPAN}-d-{SPAN}"),
        ] {
            assert_eq!(came("b3", text).b3.as_deref(), Some(text));
        }
        for text in [
            "2",
            TRACE,
            &format!("{TRACE}-{SPAN}-x"),
            &format!("{TRACE}-{TRACE}"),
            &format!("{TRACE}-{SPAN}-1-{SPAN}-1"),
        ] {
            assert!(came("b3", text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_repeated_header_is_as_if_it_were_not_there() {
        let mut headers = HeaderMap::new();
        headers.append("b3", "0".parse().unwrap());
        headers.append("b3", "1".parse().unwrap());
        assert!(trace_context(&headers).is_empty());
    }
}
