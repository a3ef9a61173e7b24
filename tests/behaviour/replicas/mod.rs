//! Several replicas on one database: who sends for which destination, and what becomes of it when one of them stops,
//! is killed or is frozen.

mod counted;
mod death;
mod erasure;
mod keys;
mod locks;
mod many_lanes;
mod replay;
mod sharing;
mod stopping;
mod stopping_clients;
mod unknown;
