//! What we tell consumers, in order: the feed by cursor, waited for or not.
//!
//! What happened is kept by `history`; here is who may see it, from where on, and in which words.

pub mod cursor;
pub mod feed;
pub mod horizon;
pub mod routes;
mod view;
