//! The login host, and what a token may do.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use hyper::{HeaderMap, Response, StatusCode};
use serde_json::json;
use uuid::Uuid;

use super::organization::{GenesysCloud, State};
use super::{answer, correlate, fault};

/// A token's life, and its requests of this minute.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    ends_at_ms: i64,
    /// When the count begins anew.
    reset_at_ms: i64,
    count: u64,
}

/// What the count says of one request.
#[derive(Debug, Clone, Copy)]
pub(in crate::simulator) struct Counted {
    count: u64,
    allowed: u64,
    reset_seconds: u64,
}

impl GenesysCloud {
    pub(super) fn knows(&self, token: &str, now_ms: i64) -> bool {
        let state = self.state();
        let window = state.tokens.get(token);
        window.is_some_and(|window| now_ms < window.ends_at_ms)
    }

    /// Answers who asks for a token.
    pub(super) fn grant(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now_ms: i64,
    ) -> Response<Full<Bytes>> {
        self.count_grant();
        let mut state = self.state();
        if let Some(status) = state.switches.login_status {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            return answer(status, "{}");
        }
        let is_client = is_client(headers, &self.client_id, &state);
        if !is_client {
            return invalid_client(&state);
        }
        if !form_urlencoded::parse(body)
            .any(|pair| pair == ("grant_type".into(), "client_credentials".into()))
        {
            return answer(
                StatusCode::BAD_REQUEST,
                r#"{"error":"unsupported_grant_type"}"#,
            );
        }
        let token = format!("{}-{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let seconds = state.switches.token_seconds;
        let window = Window {
            ends_at_ms: now_ms.saturating_add(ms(seconds)),
            reset_at_ms: now_ms.saturating_add(ms(state.switches.minute_seconds)),
            count: 0,
        };
        state.tokens.insert(token.clone(), window);
        let granted =
            json!({ "access_token": token, "token_type": "bearer", "expires_in": seconds });
        answer(StatusCode::OK, granted.to_string())
    }

    /// Counts one request of a token; `None` where there is no such token.
    pub(super) fn count(&self, token: &str, now_ms: i64) -> Option<Counted> {
        let mut state = self.state();
        let (allowed, minute) = (
            state.switches.requests_per_minute,
            ms(state.switches.minute_seconds),
        );
        let window = state.tokens.get_mut(token)?;
        if window.reset_at_ms <= now_ms {
            window.reset_at_ms = now_ms.saturating_add(minute);
            window.count = 0;
        }
        window.count += 1;
        let left_ms = u64::try_from(window.reset_at_ms - now_ms).unwrap_or(0);
        Some(Counted {
            count: window.count,
            allowed,
            reset_seconds: left_ms.div_ceil(1_000),
        })
    }
}

impl Counted {
    pub(in crate::simulator) fn is_over(&self) -> bool {
        self.count > self.allowed
    }

    /// The answer to one request too many.
    pub(in crate::simulator) fn refused(&self) -> Response<Full<Bytes>> {
        let seconds = self.reset_seconds;
        let message =
            format!("Rate limit exceeded the maximum. Retry the request in [{seconds}] seconds");
        let code = "too.many.requests.retry.after";
        let mut response = fault(StatusCode::TOO_MANY_REQUESTS, code, &message);
        let headers = response.headers_mut();
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        response
    }

    /// An answer with the count on it, and what else every answer of the API has.
    pub(in crate::simulator) fn on(
        &self,
        mut response: Response<Full<Bytes>>,
    ) -> Response<Full<Bytes>> {
        for (name, value) in [
            ("inin-ratelimit-count", self.count),
            ("inin-ratelimit-allowed", self.allowed),
            ("inin-ratelimit-reset", self.reset_seconds),
        ] {
            let value = HeaderValue::from(value);
            response.headers_mut().insert(name, value);
        }
        correlate(&mut response);
        response
    }
}

fn is_client(headers: &HeaderMap, client_id: &str, state: &State) -> bool {
    let pair = format!("{client_id}:{}", state.client_secret.expose());
    let expected = format!("Basic {}", BASE64_STANDARD.encode(pair));
    let given = headers.get(AUTHORIZATION);
    given.is_some_and(|given| given.as_bytes() == expected.as_bytes())
}

fn invalid_client(state: &State) -> Response<Full<Bytes>> {
    let status = state.switches.invalid_client_status;
    let body = json!({
        "error": "invalid_client",
        "description": "authentication failed",
        "error_description": "authentication failed",
    });
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    answer(status, body.to_string())
}

fn ms(seconds: u64) -> i64 {
    i64::try_from(seconds.saturating_mul(1_000)).unwrap_or(i64::MAX)
}
