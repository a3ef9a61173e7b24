//! What the gateway knows of persons, and how it forgets them.

mod dump;
mod erased;
pub(crate) mod erasing;
mod opted_out;
mod refusals;
mod waiting;
