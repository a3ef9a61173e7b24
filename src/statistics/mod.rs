//! How many messages came to what, by hour and channel.
//!
//! Whoever changes a message writes beside it, in the same statement, a row that says by how much the figures change; so
//! they are exact whatever is killed, and no two writers wait for one row. One replica folds these rows into totals. A
//! read adds both in one snapshot.

mod fold;
pub mod model;
pub mod routes;
pub mod store;

pub use fold::start as start_folding;
