//! The connector for the vendor's aggregation service in Genesys Cloud CX: services `PorticoSMS` and `PorticoEmail`, with
//! tokens from `PurecloudIDP`; provider `Portico`.
//!
//! It owns what these services' definitions say. It does not send: a channel that names this provider is refused.

pub mod settings;
