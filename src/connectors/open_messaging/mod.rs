//! The connector for Open Messaging, where agents work in Genesys Cloud CX: service `OpenMessaging`.
//!
//! It owns what the service's definition says. It does not hand over: no sender can ask for it.

pub mod settings;
