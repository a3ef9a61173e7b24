//! The connector for mGage's DirectTEXT, which is Kaleyra's, and for Kaleyra.io's REST API: service `mGageSMS`, provider
//! `mGage`.
//!
//! It owns what the service's definition says, how a text is handed over and what the answer to that means. DirectTEXT
//! takes no id by which it would know a text that comes again, so nothing is sent twice by itself.

pub mod kaleyra;
pub mod receive;
pub mod send;
pub mod settings;

/// The connector's word, as lanes and receipts know it.
pub const CONNECTOR: &str = "mGage";
