//! What it was measured on, and when.

use std::fs;
use std::path::PathBuf;

use nexus_gateway::platform::clock::{Clock, rfc3339};
use serde_json::{Value, json};

/// Figures of another machine are not comparable.
pub fn described(postgres: &str) -> Value {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models: Vec<&str> = processors
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map(|(_, model)| model)
        .collect();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    json!({
        "at": now(),
        "processors": models.len(),
        "model": models.first(),
        "kernel": kernel.trim(),
        "postgres": postgres,
        "gateway": env!("CARGO_PKG_VERSION"),
    })
}

/// A file for the results of now.
pub fn result_path() -> PathBuf {
    let name = format!("{}.json", now().replace(':', "-"));
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("target/benchmark")
        .join(name)
}

fn now() -> String {
    rfc3339(Clock::system().now_ms())
}
