use std::fmt;

/// Why a message failed or a request was refused, in the numbers that third parties know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReasonCode {
    Expired,
    RateLimit,
    NotAllowed,
    General,
    Unsupported,
    UnknownMessage,
    InvalidStructure,
    InvalidDestination,
}

impl ReasonCode {
    pub const ALL: [Self; 8] = [
        Self::Expired,
        Self::RateLimit,
        Self::NotAllowed,
        Self::General,
        Self::Unsupported,
        Self::UnknownMessage,
        Self::InvalidStructure,
        Self::InvalidDestination,
    ];

    /// The number on the wire.
    pub const fn code(self) -> u16 {
        match self {
            Self::Expired => 305,
            Self::RateLimit => 310,
            Self::NotAllowed => 350,
            Self::General => 500,
            Self::Unsupported => 510,
            Self::UnknownMessage => 512,
            Self::InvalidStructure => 520,
            Self::InvalidDestination => 530,
        }
    }

    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// What it means, where nobody has anything better to say.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Expired => "the message has expired",
            Self::RateLimit => "the rate limit is reached",
            Self::NotAllowed => "the message is not allowed",
            Self::General => "the message could not be delivered",
            Self::Unsupported => "this type of message is not supported",
            Self::UnknownMessage => "the message is not known",
            Self::InvalidStructure => "the structure of the message is not right",
            Self::InvalidDestination => "the destination is not right",
        }
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.code(), self.sentence())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_the_contract_s() {
        assert_eq!(
            ReasonCode::ALL.map(ReasonCode::code),
            [305, 310, 350, 500, 510, 512, 520, 530]
        );
    }

    #[test]
    fn a_code_reads_back_as_its_reason_and_any_other_as_none() {
        let read = (0..=u16::MAX).filter_map(ReasonCode::from_code);
        assert_eq!(read.collect::<Vec<_>>(), ReasonCode::ALL);
        assert_eq!(ReasonCode::from_code(350), Some(ReasonCode::NotAllowed));
    }
}
