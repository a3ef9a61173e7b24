//! Counts answers by route, method and status. The recorder is asked for each instrument once, not per answer.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use axum::http::StatusCode;
use metrics::{Counter, Histogram};

use crate::platform::telemetry::metric;

/// The instruments of one listener's routes.
#[derive(Default)]
pub(super) struct Meter {
    routes: RwLock<HashMap<String, Route>>,
}

struct Route {
    seconds: Histogram,
    /// A route has a handful of methods and statuses: looking through them costs less than a hash.
    answers: Vec<(&'static str, StatusCode, Counter)>,
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Meter").finish_non_exhaustive()
    }
}

impl Meter {
    /// Counts one answer. `route` is a template of the router and `method` a known one, so both are closed sets.
    pub(super) fn count(
        &self,
        (method, route): (&'static str, &str),
        status: StatusCode,
        took: Duration,
    ) {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = routes.get(route)
            && known.count(method, status, took)
        {
            return;
        }
        drop(routes);
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        let known = routes
            .entry(route.to_owned())
            .or_insert_with(|| Route::new(route));
        known.add(route, method, status);
        known.count(method, status, took);
    }
}

impl Route {
    fn new(route: &str) -> Self {
        Self {
            seconds: metrics::histogram!(metric::HTTP_REQUEST_SECONDS, "route" => route.to_owned()),
            answers: Vec::new(),
        }
    }

    fn find(&self, method: &str, status: StatusCode) -> Option<&Counter> {
        self.answers
            .iter()
            .find(|(known, with, _)| *known == method && *with == status)
            .map(|(_, _, counter)| counter)
    }

    fn add(&mut self, route: &str, method: &'static str, status: StatusCode) {
        if self.find(method, status).is_none() {
            let labels = [
                ("method", method.to_owned()),
                ("route", route.to_owned()),
                ("status", status.as_str().to_owned()),
            ];
            let counter = metrics::counter!(metric::HTTP_REQUESTS, &labels);
            self.answers.push((method, status, counter));
        }
    }

    /// Whether there is an instrument for it.
    fn count(&self, method: &str, status: StatusCode, took: Duration) -> bool {
        let counter = self.find(method, status);
        if let Some(counter) = counter {
            counter.increment(1);
            self.seconds.record(took);
        }
        counter.is_some()
    }
}
