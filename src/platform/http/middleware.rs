//! What surrounds every route: the request's name, limits, deadlines, what happens after a panic, headers, the log
//! and the metrics.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CONNECTION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, error, info_span, warn};

use super::meter::Meter;
use super::patience::Patience;
use super::{ApiError, BodyLimits, RequestId};
use crate::platform::lifecycle::Lifecycle;
use crate::platform::telemetry::{field, metric};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Routes that are answered however many requests are open, so that whoever watches the process sees it alive.
const NEVER_SHED: &str = "/health/";

/// What a request may take from the process.
#[derive(Debug, Clone, Copy)]
pub struct RequestLimits {
    pub body: BodyLimits,
    /// Requests that are answered at once; what comes beyond them is answered 503 without delay.
    pub in_flight_max: usize,
    /// Routes, as they begin, that an eighth of `in_flight_max` is kept for: whoever calls them does not call again.
    pub shed_last: &'static [&'static str],
    /// From the last byte of a request to the beginning of its answer, unless its route waits by nature.
    pub work_time_max: Duration,
    /// From the end of the head to the beginning of the answer; a stream may take longer to its end.
    pub answer_time_max: Duration,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            body: BodyLimits::default(),
            in_flight_max: 2_048,
            shed_last: &[],
            work_time_max: Duration::from_millis(2_500),
            answer_time_max: Duration::from_secs(45),
        }
    }
}

/// Surrounds all routes of a listener; unknown paths and methods are refused in the envelope too.
pub fn around(router: Router, limits: RequestLimits, lifecycle: &Lifecycle) -> Router {
    let edge = Arc::new(Edge {
        limits,
        in_flight: Semaphore::new(limits.in_flight_max),
        ordinary: Semaphore::new(limits.in_flight_max - limits.in_flight_max / 8),
        draining: lifecycle.draining(),
        meter: Meter::default(),
    });
    router
        .fallback(async || ApiError::not_found("there is nothing at this path"))
        .method_not_allowed_fallback(async || {
            ApiError::method_not_allowed("this path does not take this method")
        })
        .layer(from_fn_with_state(edge, surround))
}

#[derive(Debug)]
struct Edge {
    limits: RequestLimits,
    in_flight: Semaphore,
    /// What of it others may take than those who are shed last.
    ordinary: Semaphore,
    draining: CancellationToken,
    meter: Meter,
}

async fn surround(State(edge): State<Arc<Edge>>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = RequestId::of(request.headers());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let method = known_method(request.method());
    let span = info_span!(
        "request",
        { field::REQUEST_ID } = %id,
        { field::HTTP_METHOD } = method,
        { field::HTTP_ROUTE } = route,
    );
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(edge.limits.body);
    async {
        let mut response = edge.answer(request, next, route).await;
        edge.finish(&mut response, &id);
        edge.record(&response, (method, route), began.elapsed());
        response
    }
    .instrument(span)
    .await
}

impl Edge {
    async fn answer(&self, request: Request, next: Next, route: &str) -> Response {
        if has_nul(request.uri()) {
            return ApiError::bad_request("a URL may not have the character U+0000")
                .into_response();
        }
        let room = self.room_for(route);
        if room.is_none() && !route.starts_with(NEVER_SHED) {
            metrics::counter!(metric::HTTP_SHED).increment(1);
            return ApiError::busy("too many requests are open; try again").into_response();
        }
        let (patience, request) = Patience::with(request, self.limits.work_time_max);
        let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
        let answered = tokio::select! {
            biased;
            answered = answer => Some(answered),
            () = patience.is_over() => None,
            () = tokio::time::sleep(self.limits.answer_time_max) => None,
        };
        match answered {
            Some(Ok(response)) => response,
            Some(Err(_)) => {
                error!("A handler panicked");
                ApiError::busy("this cannot be done at the moment; try again").into_response()
            }
            None => {
                warn!("A handler did not answer in time");
                metrics::counter!(metric::HTTP_LATE).increment(1);
                ApiError::busy("there was no answer in time; try again").into_response()
            }
        }
    }

    /// Takes the place of one request, for as long as what is given lives. `None`: there is none.
    fn room_for(&self, route: &str) -> Option<(SemaphorePermit<'_>, Option<SemaphorePermit<'_>>)> {
        let is_last = |known: &&str| route.starts_with(*known);
        let ordinary = if self.limits.shed_last.iter().any(is_last) {
            None
        } else {
            Some(self.ordinary.try_acquire().ok()?)
        };
        Some((self.in_flight.try_acquire().ok()?, ordinary))
    }

    /// Adds what every answer has.
    fn finish(&self, response: &mut Response, id: &RequestId) {
        let status = response.status();
        let headers = response.headers_mut();
        headers.insert(X_REQUEST_ID, id.header());
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers
            .entry(CONTENT_TYPE)
            .or_insert(HeaderValue::from_static("application/json"));
        // What is left of a body that is too large is not read, so nothing can follow it.
        if self.draining.is_cancelled() || status == StatusCode::PAYLOAD_TOO_LARGE {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }

    fn record(&self, response: &Response, target: (&'static str, &str), took: Duration) {
        let status = response.status();
        debug!(
            { field::HTTP_STATUS } = status.as_u16(),
            { field::DURATION_MILLISECONDS } = took.as_secs_f64() * 1_000.0,
            "Answered",
        );
        self.meter.count(target, status, took);
    }
}

/// A method as a label: callers cannot make new ones.
fn known_method(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    KNOWN
        .into_iter()
        .find(|known| *known == method.as_str())
        .unwrap_or("other")
}

/// U+0000 can be written in a URL only as `%00`.
fn has_nul(uri: &Uri) -> bool {
    let query = uri.query().unwrap_or_default();
    uri.path().contains("%00") || query.contains("%00")
}

#[cfg(test)]
#[path = "middleware_tests.rs"]
mod tests;
