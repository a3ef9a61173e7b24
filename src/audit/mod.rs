//! Who changed what, when and from where: an append-only record of every change that people make, and of every use of a
//! key that opens every tenant.
//!
//! A record is written in the transaction of its change, so there is one exactly where there is a change. It names what
//! changed and never what it was changed to, so that no secret and no person's address is in it. What messages do is in
//! `history`.

pub mod chain;
mod chaining;
pub mod difference;
pub mod model;
pub mod routes;
pub mod store;
mod uses;
pub mod verify;

pub use chaining::start as start_chaining;
pub use model::{Action, Entry};
pub use uses::start as start_writing_uses;
