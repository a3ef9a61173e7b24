//! Faults between the gateway and its store, under load from all sides: whatever happens there, nothing that was
//! acknowledged is lost, nothing is doubled, refusals are honest, and everything goes on by itself afterwards.
//!
//! Each test has a Postgres of its own, with everything on that makes a commit durable.

mod commits;
mod full;
mod refusing;
mod restarts;
mod silence;
mod site;
mod slow;
mod time_limits;
