//! The connector for the SparkPost email service: service `SparkPostEmail`, provider `SparkPost`.
//!
//! It owns what the service's definition says. It does not send: a channel that names this provider is refused.

pub mod settings;
