//! What the product does, tested from outside: real gateways, real sockets, real Postgres.
//!
//! One binary, so that its parts share one harness and are linked once.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod audit;
mod connectors;
mod egress;
mod embedded;
mod faults;
mod gateway;
mod handover;
mod harness;
mod input;
mod openapi;
mod operations;
mod privacy;
mod provisioning;
mod replicas;
mod restore;
mod tenancy;
mod vault;
