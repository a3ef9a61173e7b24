//! The connector for SparkPost's transmissions: service `SparkPostEmail`, provider `SparkPost`.
//!
//! It owns what the service's definition says, how a mail is handed over and what the answer to that means. SparkPost
//! takes no id by which it would know a mail that comes again, so nothing is sent twice by itself.

pub mod receive;
pub mod send;
pub mod settings;

/// The connector's word, as lanes and receipts know it.
pub const CONNECTOR: &str = "SparkPost";
