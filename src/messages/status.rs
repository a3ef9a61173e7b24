//! The statuses of a message and the order in which they may follow each other.
//!
//! ```text
//! Queued < Unknown < Sent < Failed < Delivered < Bounced < Removed      Queued → Cancelled
//! ```
//!
//! A message's status is the highest that anything has said of it, so the order in which receipts arrive makes no
//! difference. A redrive is a life of its own, which begins at `Queued`.

use std::fmt;

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Accepted, and nothing has come of it yet.
    Queued,
    /// It may have reached the provider: it was written, and no answer came.
    Unknown,
    /// The provider took it.
    Sent,
    Failed,
    Delivered,
    /// Delivered at first and then returned; shown as `Failed`.
    Bounced,
    /// Taken away by the provider or the recipient after it was delivered.
    Removed,
    /// Called back before it was ever sent. Nothing follows.
    Cancelled,
}

impl Status {
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Unknown,
        Self::Sent,
        Self::Failed,
        Self::Delivered,
        Self::Bounced,
        Self::Removed,
        Self::Cancelled,
    ];

    /// The place in the order, as it is stored. The gaps leave room for statuses between.
    pub const fn rank(self) -> i16 {
        match self {
            Self::Queued => 0,
            Self::Unknown => 10,
            Self::Sent => 20,
            Self::Failed => 30,
            Self::Delivered => 40,
            Self::Bounced => 50,
            Self::Removed => 60,
            Self::Cancelled => 70,
        }
    }

    pub fn from_rank(rank: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.rank() == rank)
    }

    /// The higher of both. A cancelled message stays so: it was never sent, so nothing true can be said of it later.
    #[must_use]
    pub const fn raise(self, other: Self) -> Self {
        if other.rank() > self.rank() {
            other
        } else {
            self
        }
    }

    /// Whether it can still be called back: only what no provider can have seen.
    pub const fn may_be_cancelled(self) -> bool {
        matches!(self, Self::Queued)
    }

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "Queued",
            Self::Unknown => "Unknown",
            Self::Sent => "Sent",
            Self::Failed | Self::Bounced => "Failed",
            Self::Delivered => "Delivered",
            Self::Removed => "Removed",
            Self::Cancelled => "Cancelled",
        }
    }

    /// The statuses that a word on the wire stands for; none where it is no status.
    pub fn shown_as(word: &str) -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(move |status| status.as_str() == word)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::{select, subsequence};

    use super::*;

    fn any_status() -> impl Strategy<Value = Status> {
        select(Status::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_makes_no_difference(a in any_status(), b in any_status(), c in any_status()) {
            prop_assert_eq!(a.raise(b), b.raise(a));
            prop_assert_eq!(a.raise(b).raise(c), a.raise(b.raise(c)));
        }

        #[test]
        fn a_status_that_is_said_twice_changes_nothing(a in any_status(), b in any_status()) {
            prop_assert_eq!(a.raise(a), a);
            prop_assert_eq!(a.raise(b).raise(b), a.raise(b));
        }

        #[test]
        fn a_status_never_falls(a in any_status(), b in any_status()) {
            prop_assert!(a.raise(b).rank() >= a.rank());
            prop_assert!(a.raise(b).rank() >= b.rank());
        }

        #[test]
        fn receipts_in_any_order_end_in_the_same_status(
            (said, shuffled) in subsequence(Status::ALL.to_vec(), 0..=8)
                .prop_flat_map(|said| (Just(said.clone()), Just(said).prop_shuffle())),
        ) {
            let end = |all: Vec<Status>| all.into_iter().fold(Status::Queued, Status::raise);
            prop_assert_eq!(end(said), end(shuffled));
        }
    }

    #[test]
    fn the_order_is_the_contract_s() {
        let ranks: Vec<i16> = Status::ALL.into_iter().map(Status::rank).collect();
        assert_eq!(ranks, [0, 10, 20, 30, 40, 50, 60, 70]);
    }

    #[test]
    fn a_rank_reads_back_as_its_status_and_others_as_none() {
        for rank in -1..=71 {
            let status = Status::from_rank(rank);
            assert_eq!(
                status.is_some(),
                (0..=70).contains(&rank) && rank % 10 == 0,
                "{rank}"
            );
            assert!(status.is_none_or(|status| status.rank() == rank));
        }
    }

    #[test]
    fn a_bounce_is_shown_as_failed_and_outranks_the_delivery_before_it() {
        assert_eq!(Status::Delivered.raise(Status::Bounced).as_str(), "Failed");
        assert_eq!(
            Status::shown_as("Failed").collect::<Vec<_>>(),
            [Status::Failed, Status::Bounced]
        );
        assert_eq!(Status::shown_as("Bounced").count(), 0);
        assert_eq!(Status::shown_as("queued").count(), 0);
    }

    #[test]
    fn only_what_no_provider_can_have_seen_may_be_cancelled() {
        let open: Vec<Status> = Status::ALL
            .into_iter()
            .filter(|status| status.may_be_cancelled())
            .collect();
        assert_eq!(open, [Status::Queued]);
    }
}
