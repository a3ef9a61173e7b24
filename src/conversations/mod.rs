//! Threads of one consumer on one channel: found or opened when a consumer writes, closed by an agent.
//! What is said in them belongs to `messages`.

pub mod model;
pub mod routes;
pub mod store;
