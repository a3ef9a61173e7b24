//! What the descriptions of all routes have in common: the envelope, the refusals of each class of call, the parameters
//! that many calls take, and what is added to every operation at the end.
//!
//! A handler says what is its own (`#[utoipa::path]` above it). Which routes there are, who may call them and how they
//! are grouped is decided elsewhere.

mod answers;
mod examples;
mod finish;
mod generics;
mod parameters;
mod refusals;
mod words;

pub use answers::{
    Done, Refusal, RefusalDetail, RefusalStatus, Success, SuccessMaybeData, SuccessStatus,
};
pub use finish::finish;
pub use parameters::Repeatable;
pub use refusals::{
    BodyRefused, Conflict, KeyRefused, Missing, QueryRefused, RangeRefused, RepeatRefused,
    SignatureRefused, TooMany,
};
pub use words::words;
