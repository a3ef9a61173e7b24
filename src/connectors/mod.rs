//! Our adapters to providers, one folder each. A connector writes messages as its provider wants them, reads what the
//! provider sends, and says of each attempt what happened, in the words of `outcome`.
//!
//! It stores nothing and repeats nothing: what follows from an outcome is decided in `dispatch`, which settings a tenant
//! has is known to `provisioning`.

pub mod answer;
pub mod carrier;
pub mod document;
pub mod mgage;
pub mod open_messaging;
pub mod outcome;
pub mod portico;
pub mod retry_after;
pub mod retry_rule;
pub mod sparkpost;
pub mod third_party;
