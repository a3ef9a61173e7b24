use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::section::{Section, within};
use crate::platform::http::BodyLimits;
use crate::platform::http::middleware::RequestLimits;
use crate::platform::http::serve::ServeLimits;

/// `[server]`: who reaches us, and what they may take.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// Where clients and providers reach us.
    pub listen: SocketAddr,
    /// Where only operators reach us: metrics, version, health.
    pub internal_listen: SocketAddr,
    /// How the outside reaches us, for links and callbacks: `https://host[:port][/path]`.
    pub public_url: Option<String>,
    /// From SIGTERM on, how long the listeners stay open at least; 0 to 10.
    pub drain_delay_seconds: f64,
    /// The longest body that is read.
    pub body_bytes_max: usize,
    /// From the end of a request's head to the end of its body.
    pub body_timeout_seconds: f64,
    /// From the last byte of a request to the beginning of its answer, but for routes that wait by their nature.
    pub work_timeout_seconds: f64,
    /// From the end of a request's head to the beginning of its answer. Longer than the longest long-poll of 30 s.
    pub answer_timeout_seconds: f64,
    /// How long a search of messages takes before it answers with what it has found.
    pub search_seconds_max: f64,
    /// Requests that are answered at once; what comes beyond them gets 503. An eighth is for receipts and opt-outs.
    pub requests_in_flight_max: usize,
    /// Open connections of one listener; one beyond them gets 503.
    pub connections_max: usize,
    /// Where uploads lie until they are stored; made if it is not there.
    pub spool_dir: PathBuf,
    /// What all uploads that are under way may have together, in bytes.
    pub spool_bytes_max: u64,
    /// From the beginning of a connection, or the first byte of a further request, to the end of a head.
    pub header_timeout_seconds: f64,
    /// From the end of an answer to the first byte of a further request.
    pub idle_timeout_seconds: f64,
}

impl ServerConfig {
    /// What a request may take.
    pub fn request_limits(&self) -> RequestLimits {
        let body = BodyLimits {
            bytes_max: self.body_bytes_max,
            time_max: Duration::from_secs_f64(self.body_timeout_seconds),
        };
        RequestLimits {
            body,
            in_flight_max: self.requests_in_flight_max,
            shed_last: &[],
            work_time_max: Duration::from_secs_f64(self.work_timeout_seconds),
            answer_time_max: Duration::from_secs_f64(self.answer_timeout_seconds),
        }
    }

    /// What a connection may take.
    pub fn serve_limits(&self) -> ServeLimits {
        ServeLimits {
            header_timeout: Duration::from_secs_f64(self.header_timeout_seconds),
            idle_timeout: Duration::from_secs_f64(self.idle_timeout_seconds),
            connections_max: self.connections_max,
        }
    }

    fn check_public_url(&self) -> Result<(), ConfigError> {
        if self
            .public_url
            .as_deref()
            .is_some_and(|url| !is_base_url(url))
        {
            return Err(ConfigError::OutOfRange {
                key: "server.public_url",
                allowed: "http:// or https:// with a host, and no query".to_owned(),
            });
        }
        Ok(())
    }
}

impl Section for ServerConfig {
    const NAME: &'static str = "server";

    fn check(&self) -> Result<(), ConfigError> {
        // What is open at 10.5 s is cut.
        within(
            "server.drain_delay_seconds",
            self.drain_delay_seconds,
            0.0..=10.0,
        )?;
        within(
            "server.body_bytes_max",
            self.body_bytes_max,
            1_024..=64 * 1024 * 1024,
        )?;
        within(
            "server.body_timeout_seconds",
            self.body_timeout_seconds,
            0.1..=600.0,
        )?;
        within(
            "server.work_timeout_seconds",
            self.work_timeout_seconds,
            0.1..=600.0,
        )?;
        within(
            "server.answer_timeout_seconds",
            self.answer_timeout_seconds,
            31.0..=600.0,
        )?;
        within(
            "server.search_seconds_max",
            self.search_seconds_max,
            0.001..=10.0,
        )?;
        within(
            "server.requests_in_flight_max",
            self.requests_in_flight_max,
            1..=1_000_000,
        )?;
        within(
            "server.connections_max",
            self.connections_max,
            1..=1_000_000,
        )?;
        within(
            "server.spool_bytes_max",
            self.spool_bytes_max,
            1_024..=1 << 40,
        )?;
        within(
            "server.header_timeout_seconds",
            self.header_timeout_seconds,
            0.1..=600.0,
        )?;
        within(
            "server.idle_timeout_seconds",
            self.idle_timeout_seconds,
            0.1..=3_600.0,
        )?;
        self.check_public_url()
    }
}

fn is_base_url(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else {
        return false;
    };
    let has_scheme = matches!(uri.scheme_str(), Some("http" | "https"));
    has_scheme && uri.host().is_some_and(|host| !host.is_empty()) && uri.query().is_none()
}
