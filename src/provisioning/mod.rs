//! Services, senders and API keys as operators provision them, and the directory: the snapshot in memory of who
//! sends what through which connector.
//!
//! Every change is one transaction that also raises the directory's version, so that each replica takes it up within
//! a second; the replica that answers has taken it up before. What a request needs to know is asked of the snapshot,
//! never of the database.

mod api_keys;
mod change;
pub mod directory;
mod error;
mod members;
mod model;
pub mod numbers;
pub mod routes;
mod senders;
mod services;
pub mod store;
mod transfer;
mod wire;

pub use api_keys::{ApiKeysError, NewKey, create_before_start, ensure_bootstrap_key};
pub use directory::{
    CannotSend, Channel, ConnectorSettings, Defaults, Directory, RefreshError, Snapshot,
};
pub use model::{Provider, Sender, ServiceName};
pub use senders::options::SenderOptions;
pub use services::SEALED_TABLE;
pub use services::callbacks::SEALED_TABLE as CALLBACK_TOKENS_SEALED_TABLE;

/// Whether what was put is the first of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    Created,
    Replaced,
}
