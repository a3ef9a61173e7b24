//! What third parties send us: one signed body with messages and receipts in it, verified, read and taken.
//!
//! How its messages are stored belongs to `messages`, how its receipts find theirs to `receipts`, and what the bytes
//! mean to the connector.

pub mod door;
mod keyword;
pub mod routes;
