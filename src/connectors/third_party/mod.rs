//! The connector for a customer's own gateway, service `Async`: the vendor's Third-Party Messaging API and webhook.
//!
//! It owns the wire shapes of both directions and what a webhook's answer means. It does not store, does not repeat, and
//! does not decide who may call.

pub mod headers;
pub mod receive;
pub mod send;
pub mod settings;

/// The connector's name, as lanes and receipts know it.
pub const CONNECTOR: &str = "Async";
