//! What third parties and providers send us: a signed body with messages and receipts in it, or a call of the
//! aggregation service; verified, read and taken.
//!
//! How its messages are stored belongs to `messages`, how its receipts find theirs to `receipts`, and what the bytes
//! mean to the connector.

mod attachments;
mod callback;
pub mod door;
mod keyword;
mod mail;
pub mod routes;
mod sms;
mod sparkpost;
