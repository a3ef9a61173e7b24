//! The durable queue: replicas and their lives, lanes, and the deliveries that wait in them.
//!
//! A *lane* is one destination of one tenant. One replica owns a lane at a time and is its only sender, so order,
//! caps and breaker state are plain memory in one place. What is leased is the replica: its *life* is proved in
//! every statement that writes a result.
//!
//! Any replica may accept for any lane. Order within a lane is `(stamp, own, id)`: the owner's accepts only read the
//! lane's stamp, everybody else's raise it under the row's lock. So rows of others become visible in the order of
//! their stamps, and an own row with stamp `s` comes after every foreign row up to `s`. A new owner raises the stamp
//! too, so that its own rows come after those of the owner before.
//!
//! This folder stores and finds; which lane is whose and what is sent when is decided in `dispatch`.

pub mod backlog;
pub mod ids;
pub mod model;
pub mod ownership;
pub mod store;

pub use model::{LaneId, Life};
