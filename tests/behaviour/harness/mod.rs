//! What behaviour tests stand on: real databases, real gateways on real sockets, a real third party at the other end.
//!
//! Each test has a database of its own, made from a migrated template. Nothing here sleeps to synchronise: whoever
//! waits asks `eventually`.

pub mod cluster;
pub mod eventually;
pub mod gateway;
mod keeper;
pub mod ledger;
pub mod load;
mod private_cluster;
pub mod process;
mod room;
pub mod server;
pub mod tenant;

pub use gateway::TestGateway;
