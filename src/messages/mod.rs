//! A message and its life: accepted, stored, shown, retried, replied to.
//!
//! What is sent when, and by whom, belongs to `lanes` and `dispatch`; what providers say of it later to `receipts`.

pub mod accept;
mod acceptor;
pub mod agents;
mod attached;
pub mod cancel;
pub mod dedup;
pub mod desk;
mod doubts;
pub mod error;
mod explanation;
pub mod item;
pub mod keyed;
pub mod known;
pub mod model;
pub mod narrowing;
pub mod redrive;
mod reply;
pub mod routes;
pub mod said;
pub mod search;
pub mod status;
pub mod store;
pub mod submit;
pub mod verdict;
pub mod view;
