//! The connector for the vendor's aggregation service in Genesys Cloud CX: services `PorticoSMS` and `PorticoEmail`, with
//! tokens from `PurecloudIDP`; provider `Portico`.
//!
//! It owns what these services' definitions say, how a message is handed over and what the answer to that means, how
//! numbers are ordered, and how the aggregation service hands messages and receipts in. The API takes no id by which it would know a message that
//! comes again, so nothing is sent twice by itself.

pub mod numbers;
pub mod receive;
pub mod send;
pub mod settings;

/// The connector's word, as lanes and receipts know it.
pub const CONNECTOR: &str = "Portico";
