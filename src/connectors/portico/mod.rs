//! The connector for the vendor's aggregation service in Genesys Cloud CX: services `PorticoSMS` and `PorticoEmail`, with
//! tokens from `PurecloudIDP`; provider `Portico`.
//!
//! It owns what these services' definitions say, and how the aggregation service hands messages and receipts in. It does
//! not send: a channel that names this provider is refused.

pub mod receive;
pub mod settings;

/// The connector's word, as receipts know it.
pub const CONNECTOR: &str = "Portico";
