//! What happened, in one append-only table: attempts, receipts and events are views of it.
//!
//! An entry with a stream is an event of the feed. The feed's order is (transaction, id), and it is read only below
//! the oldest transaction that is still open, so nothing ever appears behind a reader's back.
//! How entries are shown belongs to `messages` and `events`.

pub mod growth;
pub mod model;
pub mod store;
