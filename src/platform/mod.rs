//! Machinery that knows no messaging words: time, tasks, telemetry, the database, HTTP in and out, sealed secrets.
//! It imports `values` and nothing else of ours.

pub mod clock;
pub mod database;
pub mod http;
pub mod job;
pub mod lifecycle;
pub mod outbound;
pub mod telemetry;
pub mod vault;
