//! Guessing keys and signatures does not pay: who fails too often is told to wait instead of that it was wrong.
//!
//! Failures are counted for the address that they come from and for the tenant that they name, each in so many slots,
//! so that no number of addresses takes more memory. Only what has failed is ever answered otherwise: right credentials
//! pass from any address and for any tenant, whoever else guesses there. No database is asked.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::warn;

use super::{basic, caller};
use crate::platform::clock::Clock;
use crate::platform::http::{ApiError, CallerAddress};
use crate::platform::telemetry::metric;
use crate::values::Ccid;

/// Slots of each table, of eight bytes each. Two that fall into one share their budget, which only those notice who
/// fail.
const SLOTS: usize = 16 * 1024;
const MINUTE_MICROS: i64 = 60_000_000;
/// Between two log lines about the same budget.
const LOG_INTERVAL_MICROS: i64 = MINUTE_MICROS;

/// How many calls may fail for their credentials before they are told to wait.
#[derive(Debug, Clone, Copy)]
pub struct GuessLimits {
    /// Failures of one address in a minute. An IPv6 address is its /64, of which one host may have all.
    pub source_per_minute: u32,
    /// Failures that name one tenant in a minute, from wherever they come.
    pub tenant_per_minute: u32,
}

/// Counts failures; clones share one count.
#[derive(Debug, Clone)]
pub struct Guesses {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    sources: Budget,
    tenants: Budget,
}

impl Guesses {
    pub fn new(limits: GuessLimits, clock: Clock) -> Self {
        Self {
            shared: Arc::new(Shared {
                clock,
                sources: Budget::new(limits.source_per_minute),
                tenants: Budget::new(limits.tenant_per_minute),
            }),
        }
    }

    /// Counts a failure. `Some`: there were too many; for so long there is no room for another.
    fn failed(&self, source: IpAddr, tenant: Option<Ccid>) -> Option<Duration> {
        let Shared {
            clock,
            sources,
            tenants,
        } = &*self.shared;
        let now = clock.now_ms().saturating_mul(1_000);
        let network = network(source);
        let of_source = sources.spend(&network, now);
        let of_tenant = tenant.and_then(|tenant| tenants.spend(&tenant.as_uuid(), now));
        if of_source.is_some() && sources.may_be_told(now) {
            warn!(source.network = %network, "Too many calls fail for their credentials from one address; more are answered 429");
        }
        if let (Some(_), Some(tenant)) = (of_tenant, tenant)
            && tenants.may_be_told(now)
        {
            warn!(tenant.ccid = %tenant, "Too many calls for one tenant fail for their credentials; more are answered 429");
        }
        of_source.max(of_tenant)
    }
}

/// Surrounds routes that ask for credentials: an answer of 401 becomes 429 where there were too many.
pub async fn slow_down(State(guesses): State<Guesses>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(source) = CallerAddress::from_request_parts(&mut parts, &()).await;
    let tenant = claimed(&parts.headers).or_else(|| in_path(&parts));
    let response = next.run(Request::from_parts(parts, body)).await;
    if response.status() != StatusCode::UNAUTHORIZED {
        return response;
    }
    match guesses.failed(source.ip(), tenant) {
        None => {
            metrics::counter!(metric::AUTHENTICATIONS_FAILED, "answer" => "refused").increment(1);
            response
        }
        Some(wait) => {
            metrics::counter!(metric::AUTHENTICATIONS_FAILED, "answer" => "slowed").increment(1);
            let seconds = u32::try_from(wait.as_secs())
                .unwrap_or(u32::MAX)
                .saturating_add(1);
            ApiError::rate_limited(
                seconds,
                "too many calls with wrong credentials; try again later",
            )
            .into_response()
        }
    }
}

/// The tenant that a caller names beside its credentials, whether or not there is one.
fn claimed(headers: &HeaderMap) -> Option<Ccid> {
    let header = caller::tenant_header(headers).ok().flatten();
    header.or_else(|| basic::user(headers))
}

/// The tenant that the path names where its route has one.
fn in_path(parts: &Parts) -> Option<Ccid> {
    let route = parts.extensions.get::<MatchedPath>()?.as_str();
    let mut segments = route.split('/').zip(parts.uri.path().split('/'));
    let (_, segment) = segments.find(|(name, _)| *name == "{ccid}")?;
    segment.parse().ok()
}

/// The address, or of an IPv6 address its /64.
fn network(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
    }
}

/// So many failures in a minute for each of many, who are told apart by slots.
///
/// A slot holds when its budget will be whole again, in Unix microseconds: each failure puts that off by its share of a
/// minute, and not beyond a minute from now (the generic cell rate algorithm, as in ITU-T I.371).
#[derive(Debug)]
struct Budget {
    /// What one failure costs.
    share_micros: i64,
    whole_again: Box<[AtomicI64]>,
    /// Nobody outside can tell which slot is whose.
    hasher: RandomState,
    told_at: AtomicI64,
}

impl Budget {
    fn new(per_minute: u32) -> Self {
        Self {
            share_micros: (MINUTE_MICROS / i64::from(per_minute.max(1))).max(1),
            whole_again: (0..SLOTS).map(|_| AtomicI64::new(0)).collect(),
            hasher: RandomState::new(),
            told_at: AtomicI64::new(i64::MIN),
        }
    }

    /// Spends one failure. `Some`: there is none left; for so long there will not be one.
    fn spend(&self, who: &impl Hash, now: i64) -> Option<Duration> {
        let number = self.hasher.hash_one(who) % SLOTS as u64;
        let slot = &self.whole_again[usize::try_from(number).unwrap_or_default()];
        let beyond =
            |whole_again: i64| whole_again.max(now) + self.share_micros - (now + MINUTE_MICROS);
        let spent = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |whole_again| {
            (beyond(whole_again) <= 0).then(|| whole_again.max(now) + self.share_micros)
        });
        let wait = beyond(spent.err()?);
        Some(Duration::from_micros(
            u64::try_from(wait).unwrap_or_default(),
        ))
    }

    /// Whether it is time for a line in the log.
    fn may_be_told(&self, now: i64) -> bool {
        let told = self
            .told_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |told_at| {
                (told_at.saturating_add(LOG_INTERVAL_MICROS) <= now).then_some(now)
            });
        told.is_ok()
    }
}

#[cfg(test)]
#[path = "guessing_tests.rs"]
mod tests;
