//! What the process says about itself: log lines to standard error, and metrics for the internal listener.
//!
//! `error!` is for what someone must look at, `warn!` for what is degraded but coped with, `info!` for milestones,
//! `debug!` for single items. Neither a text of a message, an address nor a secret is in a line or a label; labels
//! come from closed sets.

pub mod metric;

use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::util::TryInitError;

use super::lifecycle::Lifecycle;

/// The fields of log lines that are the same wherever they appear.
pub mod field {
    pub const REQUEST_ID: &str = "request.id";
    /// The template of a route, never a path: paths have addresses and tokens in them.
    pub const HTTP_ROUTE: &str = "http.route";
    pub const HTTP_METHOD: &str = "http.method";
    pub const HTTP_STATUS: &str = "http.status";
    pub const DURATION_MILLISECONDS: &str = "duration_milliseconds";
    pub const ERROR_CAUSE: &str = "error.cause";
    pub const TENANT: &str = "tenant.ccid";
    pub const CHANNEL: &str = "channel.id";
    pub const MESSAGE: &str = "message.id";
    pub const LANE: &str = "lane.id";
    pub const ATTEMPT: &str = "attempt";
    pub const TASK: &str = "task.name";
}

/// How long an observation may wait before it is counted into its histogram.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// From a commit on a fast disk to a message that was redelivered for hours.
const SECONDS_BUCKETS: [f64; 17] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    600.0, 3_600.0,
];

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object in each line.
    Json,
}

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("the log filter cannot be read")]
    Filter(#[from] ParseError),
    #[error("logging is set up already")]
    Logging(#[from] TryInitError),
    #[error("metrics are recorded elsewhere already")]
    Metrics,
}

/// Refuses a filter that [`start_logging`] would not take.
pub fn check_filter(filter: &str) -> Result<(), TelemetryError> {
    EnvFilter::try_new(filter)?;
    Ok(())
}

/// Sends the process's log lines to standard error. `filter` is a list of directives such as `info,sqlx=warn`.
///
/// A panic is one such line with its place; its message is left out, since nobody knows what is in it.
pub fn start_logging(format: LogFormat, filter: &str) -> Result<(), TelemetryError> {
    use tracing_subscriber::util::SubscriberInitExt;

    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(filter)?)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.finish().try_init()?,
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init()?,
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        metrics::counter!(metric::PANICS).increment(1);
        tracing::error!(panic.place = place, "A task panicked");
    }));
    Ok(())
}

/// Every metric of the process, as Prometheus reads it.
#[derive(Debug, Clone)]
pub struct MetricsPage {
    handle: PrometheusHandle,
}

impl MetricsPage {
    /// Begins to record. The recorder belongs to the process, so a further call gives the same page.
    pub fn install() -> Result<Self, TelemetryError> {
        static INSTALLED: OnceLock<Option<MetricsPage>> = OnceLock::new();
        let installed = INSTALLED.get_or_init(Self::record);
        installed.clone().ok_or(TelemetryError::Metrics)
    }

    /// Counts observations into their histograms until the stop, whether or not anybody asks for the page: what waits
    /// to be counted takes memory.
    pub fn keep(&self, lifecycle: &Lifecycle) {
        let (page, draining) = (self.clone(), lifecycle.draining());
        lifecycle.spawn("metrics", async move {
            let ended = draining.cancelled();
            tokio::pin!(ended);
            while tokio::time::timeout(UPKEEP_INTERVAL, &mut ended)
                .await
                .is_err()
            {
                page.handle.run_upkeep();
            }
        });
    }

    /// The page in the text format of Prometheus.
    pub fn render(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }

    fn record() -> Option<Self> {
        let seconds = Matcher::Suffix("_seconds".to_owned());
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(seconds, &SECONDS_BUCKETS)
            .ok()?
            .build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).ok()?;
        metric::describe();
        Some(Self { handle })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_is_on_the_page_with_its_help() {
        let page = MetricsPage::install().unwrap();
        metrics::gauge!(metric::RECEIPTS_PARKED).set(7.0);
        metrics::histogram!(metric::HTTP_REQUEST_SECONDS, "route" => "/page").record(0.004);
        let text = MetricsPage::install().unwrap().render();
        assert_eq!(text, page.render());
        assert!(
            text.contains("\nnexus_gateway_receipts_parked 7\n"),
            "{text}"
        );
        assert!(
            text.contains("# HELP nexus_gateway_receipts_parked Receipts that wait"),
            "{text}"
        );
        let bucket = r#"nexus_gateway_http_request_seconds_bucket{route="/page",le="0.005"} 1"#;
        assert!(text.contains(bucket), "{text}");
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_refused() {
        assert!(check_filter("info,sqlx=warn").is_ok());
        assert!(matches!(
            check_filter("info,=,loud"),
            Err(TelemetryError::Filter(_))
        ));
    }
}
