//! The list of addresses that must not be sent to, the keywords that change it, and its check.
//! When an attempt asks is decided in `dispatch`.

pub mod keywords;
pub mod link;
pub mod model;
pub mod opt_outs;
mod page;
pub mod proof;
pub mod routes;
pub mod store;
