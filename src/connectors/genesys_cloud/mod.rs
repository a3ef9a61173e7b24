//! What every connector to Genesys Cloud CX needs, whichever of its APIs it calls: tokens of an OAuth client, and calls
//! that are made with one.
//!
//! It knows no messages: what is sent, and what an answer means, is each connector's own.

mod call;
mod login;
mod rate;
mod tokens;

#[cfg(test)]
mod tests;

pub use call::{NotCalled, below, call};
pub use login::{ClientCredentials, read_grant};
pub use rate::{allowance, refused};
pub use tokens::{NoToken, Token, Tokens};
