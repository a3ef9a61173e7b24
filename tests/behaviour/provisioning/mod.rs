//! Provisioning as an operator sees it: API keys, services and senders over HTTP, on one replica and on several.

pub mod api;
mod callers;
mod connectors;
mod directory;
mod idempotency;
mod keys;
mod replica;
mod seeds;
mod senders;
mod services;
mod signatures;
mod transfer;
