//! What a provider says may still be sent: how many requests of how many, and when the count begins anew.

use std::time::Duration;

/// A provider's count of our requests, as its last answer has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Requests that it takes before the count begins anew.
    pub left: u32,
    /// Of how many.
    pub of: u32,
    /// When it begins anew.
    pub renewed_after: Duration,
}

impl Allowance {
    /// Nothing is taken for so long.
    pub const fn none_for(renewed_after: Duration) -> Self {
        Self {
            left: 0,
            of: 0,
            renewed_after,
        }
    }
}
