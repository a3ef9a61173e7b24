//! The connector for Open Messaging, where agents work in Genesys Cloud CX: service `OpenMessaging`.
//!
//! It is the agent side, not a carrier: what consumers say is handed in there (`send`), and what agents answer comes from
//! there (`receive`). It owns what the service's definition says and how both sides are written. Whose messages are
//! handed over belongs to `provisioning`, in which order and how often to `dispatch`.

pub mod integration;
pub mod receive;
pub mod send;
pub mod settings;

/// The connector's word, as lanes know it.
pub const CONNECTOR: &str = "OpenMessaging";
