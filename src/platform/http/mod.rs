//! HTTP as this product speaks it: one envelope, one error, extractors that refuse in that envelope, the middleware
//! around every route, and an accept loop with deadlines. Which routes there are, and who may call them, is decided
//! elsewhere.

mod activity;
mod address;
pub mod envelope;
mod error;
mod extract;
mod headers;
pub mod idempotency;
mod long_body;
mod meter;
pub mod middleware;
pub mod openapi;
pub mod page;
pub mod patience;
pub mod scan;
pub mod serve;
pub mod shape;

pub use address::{CallerAddress, TrustedHops};
pub use error::{ApiError, shortened};
pub use extract::{BodyLimits, Json, Path, Query, RawBody, StreamedBody};
pub use headers::{RequestId, Trace, trace_context};
pub use long_body::{LongBodies, LongBody, LongBodyPlace};
