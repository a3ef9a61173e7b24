//! What providers say later about a message: matched by the provider's id, parked while that is not known, kept in
//! history as it came. How a provider says it belongs to its connector.

pub mod doubtful;
pub mod intake;
pub mod model;
mod names;
pub mod store;
pub mod unmatched;
