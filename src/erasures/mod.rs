//! Persons who are forgotten on request: everything of one address within one tenant is taken away by a job that
//! outlives whoever works on it. What holds afterwards is that they are not written to if they had opted out: a keyed
//! hash proves it, see `suppressions::proof`.
//!
//! A job is one row. One replica works on all of them, one step at a time; each step moves the row's place on in the
//! transaction that erases. Messages that still wait are called back first, and the job ends only when none is left.
//! What the hashes of a repeat and of a provider's id stand for stays: neither says who it was, and without them
//! a message that comes again would be taken again.

mod ending;
mod files;
mod messages;
pub mod model;
pub mod routes;
pub mod runner;
mod step;
pub mod store;
mod traces;

pub use step::SEALED_TABLE;
