//! Files that messages refer to: uploaded by third parties and applications, kept in rows, handed out by links.
//!
//! ```text
//!   upload ──▶ spool (a file without a name; the signature is checked on the way) ──▶ the form is read
//!          ──▶ rows of 256 KiB, each in a commit of its own ──▶ the file's own row: from here on it is there ──▶ 200
//! ```
//!
//! No file is in memory as a whole but where a provider wants it in its request (`attached`), no transaction waits for a client, and no connection to the database is held
//! while a client is. Which messages refer to a file is their business: here is only said whether a reference is good.

pub mod attached;
pub mod deposit;
pub mod download;
pub mod error;
pub mod file_name;
mod form;
pub mod id;
pub mod kinds;
pub mod link;
pub mod model;
pub mod range;
pub mod references;
pub mod routes;
pub mod spool;
pub mod store;
pub mod upload;
