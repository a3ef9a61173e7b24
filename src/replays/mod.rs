//! Dead letters that are sent again in bulk: a job that outlives whoever works on it.
//!
//! A job is one row. Its dead letters are walked twice in the order of their ids, first to count them, then to send
//! them; each step moves the row's place on in the transaction that does the work, so no step is ever done twice. Any
//! replica may work on it. One does, the job's owner; when its life has ended another goes on where it was.
//!
//! What is sent, and how a life begins anew, is decided in `messages`.

pub mod model;
pub mod pace;
pub mod routes;
pub mod runner;
mod step;
pub mod store;
