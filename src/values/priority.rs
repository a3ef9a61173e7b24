use std::fmt;
use std::str::FromStr;

/// How urgent a message is. Order per recipient is kept within one priority only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Priority {
    /// A person waits: an agent's reply, a confirmation.
    Interactive,
    #[default]
    Normal,
    /// A campaign.
    Bulk,
}

/// The text is not a priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a priority is one of interactive, normal, bulk")]
pub struct PriorityError;

impl Priority {
    pub const ALL: [Self; 3] = [Self::Interactive, Self::Normal, Self::Bulk];

    /// The number in the database: the lower, the sooner.
    pub const fn as_i16(self) -> i16 {
        match self {
            Self::Interactive => 0,
            Self::Normal => 1,
            Self::Bulk => 2,
        }
    }

    pub fn from_i16(number: i16) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|priority| priority.as_i16() == number)
    }

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Normal => "normal",
            Self::Bulk => "bulk",
        }
    }
}

impl FromStr for Priority {
    type Err = PriorityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|priority| priority.as_str() == text)
            .ok_or(PriorityError)
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_reads_back_from_its_number_and_its_word() {
        for priority in Priority::ALL {
            assert_eq!(Priority::from_i16(priority.as_i16()), Some(priority));
            assert_eq!(priority.to_string().parse(), Ok(priority));
        }
        assert_eq!(Priority::ALL.map(Priority::as_i16), [0, 1, 2]);
    }

    #[test]
    fn other_words_and_numbers_are_no_priority() {
        for word in ["", "Normal", "BULK", "urgent", " bulk", "0"] {
            assert_eq!(word.parse::<Priority>(), Err(PriorityError), "{word:?}");
        }
        assert_eq!(
            (Priority::from_i16(-1), Priority::from_i16(3)),
            (None, None)
        );
    }

    #[test]
    fn the_more_urgent_comes_first() {
        assert!(Priority::Interactive < Priority::Normal && Priority::Normal < Priority::Bulk);
    }
}
