//! The connector for Kaleyra's SMS service, once mGage: service `mGageSMS`, provider `mGage`.
//!
//! It owns what the service's definition says. It does not send: a channel that names this provider is refused.

pub mod settings;
