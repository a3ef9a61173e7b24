//! Who calls, and what they may do: API keys and their permissions, signatures over bodies, and the extractors that
//! turn a request into a caller. Keys are made and ended in `provisioning`.

pub mod basic;
pub mod caller;
pub mod guessing;
pub mod key;
pub mod keyring;
pub mod permission;
pub mod record;
pub mod signature;
pub mod store;
pub mod uses;

pub use basic::BasicCaller;
pub use caller::{Caller, PathTenantCaller, TenantCaller};
pub use key::ApiKey;
pub use keyring::Keyring;
pub use record::{KeyRecord, KeyTenant};
