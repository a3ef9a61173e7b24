//! The connector for any provider that takes texts over HTTP, as settings describe it: service `HttpSms`, provider
//! `HttpSms`.
//!
//! It owns the language of those settings: how a request is written (`template`), what an answer means, and where the
//! members of a callback are (`place`). Nothing of a provider is known here; what is said of one is in the tenant's
//! service alone. Repeats are not safe unless the settings say that the provider knows our id.

pub mod place;
pub mod receive;
pub mod send;
pub mod settings;
pub mod template;

/// The connector's word, as lanes and receipts know it.
pub const CONNECTOR: &str = "HttpSms";
