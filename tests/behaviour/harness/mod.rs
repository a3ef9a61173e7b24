//! What behaviour tests stand on: real databases, real gateways on real sockets, a real third party at the other end.
//!
//! Each test has a database of its own, made from a migrated template. Nothing here sleeps to synchronise: whoever
//! waits asks `eventually`.

pub mod cluster;
mod consumer;
pub mod disk;
pub mod document;
mod endpoints;
pub mod eventually;
pub mod fleet;
mod frames;
pub mod gateway;
mod keeper;
pub mod ledger;
pub mod load;
pub mod name_server;
mod ports;
mod private_cluster;
pub mod process;
pub mod proxy;
pub mod records;
mod room;
pub mod server;
pub mod tenant;
mod visitor;

pub use gateway::TestGateway;
