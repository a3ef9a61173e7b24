//! Figures as values.

/// Milliseconds of the stretch that one figure is about.
pub const HOUR_MS: i64 = 3_600_000;

/// What happened on one channel within one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// Hours since 1970-01-01.
    pub hour: i32,
    pub channel_id: String,
    /// Messages from consumers that were stored.
    pub received: i64,
    /// Messages to consumers that were stored.
    pub submitted: i64,
    /// Messages that the provider took.
    pub sent: i64,
    /// Messages that a receipt said were delivered.
    pub delivered: i64,
    /// Messages that were given up, or that a receipt said had failed.
    pub failed: i64,
    /// Messages that a receipt said were taken away.
    pub removed: i64,
    /// Messages that were called back.
    pub cancelled: i64,
    /// Dead letters that were sent again.
    pub retried: i64,
}

/// What is counted beside a change that people make, message by message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Cancelled,
    Retried,
}

/// The hour of a time in Unix milliseconds.
pub fn hour_of(unix_ms: i64) -> i32 {
    i32::try_from(unix_ms.div_euclid(HOUR_MS)).unwrap_or(i32::MAX)
}
