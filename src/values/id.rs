use std::fmt;
use std::str::FromStr;

/// 2020-01-01T00:00:00Z in Unix milliseconds, where the time of an id starts.
const EPOCH_MS: i64 = 1_577_836_800_000;
/// Bits of the number that follows the time.
const SEQUENCE_BITS: u32 = 22;
/// The highest number within one millisecond.
const SEQUENCE_MAX: u32 = (1 << SEQUENCE_BITS) - 1;
/// The last millisecond that fits beside the sequence in 63 bits, in September 2089.
const LAST_MS: i64 = EPOCH_MS + (i64::MAX >> SEQUENCE_BITS);

/// Why a text or two numbers are not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error(
        "an id is <unix-ms>-<n>: 13 digits, a hyphen, and a number without leading zeros, such as 1613473893265-0"
    )]
    Form,
    #[error("the time of an id lies between 2020-01-01 and 2089-09-06")]
    Time,
    #[error("the number after the hyphen of an id is at most 4194303")]
    Sequence,
}

/// Takes `<unix-ms>-<n>` apart. One id has one spelling, so leading zeros are refused.
fn parse(text: &str) -> Result<(i64, u32), IdError> {
    let (time, sequence) = text.split_once('-').ok_or(IdError::Form)?;
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let one_spelling = sequence == "0" || !sequence.starts_with('0');
    if time.len() != 13
        || !(1..=7).contains(&sequence.len())
        || !digits(time)
        || !digits(sequence)
        || !one_spelling
    {
        return Err(IdError::Form);
    }
    let unix_ms = time.parse().map_err(|_| IdError::Form)?;
    let sequence = sequence.parse().map_err(|_| IdError::Form)?;
    Ok((unix_ms, sequence))
}

/// Puts time and number into 63 bits, so that ids order by time, then by number.
fn join(unix_ms: i64, sequence: u32) -> Result<i64, IdError> {
    if !(EPOCH_MS..=LAST_MS).contains(&unix_ms) {
        return Err(IdError::Time);
    }
    if sequence > SEQUENCE_MAX {
        return Err(IdError::Sequence);
    }
    Ok(((unix_ms - EPOCH_MS) << SEQUENCE_BITS) | i64::from(sequence))
}

/// One newtype per thing that is numbered, so that they cannot be taken for each other.
macro_rules! numbered {
    ($(#[$caption:meta])* $name:ident) => {
        $(#[$caption])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(i64);

        impl $name {
            /// Takes back what [`Self::as_i64`] gave, from a column that is checked to hold no negative number.
            pub const fn from_i64(number: i64) -> Self {
                Self(number)
            }

            /// The 63-bit number: (milliseconds since 2020) << 22 | n.
            pub const fn as_i64(self) -> i64 {
                self.0
            }

            /// Fails with [`IdError::Time`] outside 2020 to 2089, and with [`IdError::Sequence`] above 4,194,303.
            pub fn from_parts(unix_ms: i64, sequence: u32) -> Result<Self, IdError> {
                join(unix_ms, sequence).map(Self)
            }

            /// The lowest id of a millisecond, for ranges of time. A time outside 2020 to 2089 is taken as the nearest in it.
            pub fn first_at(unix_ms: i64) -> Self {
                Self((unix_ms.clamp(EPOCH_MS, LAST_MS) - EPOCH_MS) << SEQUENCE_BITS)
            }

            /// When it was made, in Unix milliseconds.
            pub const fn unix_ms(self) -> i64 {
                (self.0 >> SEQUENCE_BITS) + EPOCH_MS
            }

            /// Its number within the millisecond, at most 4,194,303.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "masked to 22 bits")]
            pub const fn sequence(self) -> u32 {
                (self.0 & SEQUENCE_MAX as i64) as u32
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{}-{}", self.unix_ms(), self.sequence())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let (unix_ms, sequence) = parse(text)?;
                Self::from_parts(unix_ms, sequence)
            }
        }
    };
}

numbered! {
    /// A message. Unique in the whole deployment and increasing with time.
    MessageId
}
numbered! {
    /// A conversation.
    ConversationId
}
numbered! {
    /// A job that sends dead letters again.
    ReplayId
}
numbered! {
    /// A job that erases a person.
    ErasureId
}
numbered! {
    /// One entry of the history: a fact that is told once and never changed.
    HistoryId
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_parts() -> impl Strategy<Value = (i64, u32)> {
        (EPOCH_MS..=LAST_MS, 0..=SEQUENCE_MAX)
    }

    #[test]
    fn an_id_is_shown_as_the_vendor_shows_it() {
        let id: MessageId = "1613473893265-0".parse().unwrap();
        assert_eq!((id.unix_ms(), id.sequence()), (1_613_473_893_265, 0));
        assert_eq!(id.to_string(), "1613473893265-0");
    }

    #[test]
    fn the_first_and_the_last_id_fit_into_63_bits() {
        assert_eq!(MessageId::from_parts(EPOCH_MS, 0).unwrap().as_i64(), 0);
        assert_eq!(
            MessageId::from_parts(LAST_MS, SEQUENCE_MAX)
                .unwrap()
                .as_i64(),
            i64::MAX
        );
        assert_eq!(LAST_MS.to_string().len(), 13);
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        assert_eq!(MessageId::from_parts(EPOCH_MS - 1, 0), Err(IdError::Time));
        assert_eq!(MessageId::from_parts(LAST_MS + 1, 0), Err(IdError::Time));
        assert_eq!(MessageId::from_parts(i64::MIN, 0), Err(IdError::Time));
        assert_eq!(
            MessageId::from_parts(EPOCH_MS, SEQUENCE_MAX + 1),
            Err(IdError::Sequence)
        );
        assert_eq!("1577836799999-0".parse::<MessageId>(), Err(IdError::Time));
        assert_eq!("9999999999999-0".parse::<MessageId>(), Err(IdError::Time));
        assert_eq!(
            "1613473893265-4194304".parse::<MessageId>(),
            Err(IdError::Sequence)
        );
        assert!("1613473893265-4194303".parse::<MessageId>().is_ok());
    }

    #[test]
    fn an_id_has_one_spelling() {
        let texts = "|-|0|1613473893265|1613473893265-|-0|161347389326-0|16134738932650-0|1613473893265-00000000\
            |1613473893265-00|1613473893265-07|1613473893265--1|1613473893265-+1| 1613473893265-0|1613473893265-0 \
            |1613473893265-0-0|1613473893265_0|1613473893265-x|+613473893265-0|１613473893265-0|1613473893265-10000000";
        for text in texts.split('|') {
            assert_eq!(text.parse::<MessageId>(), Err(IdError::Form), "{text:?}");
        }
    }

    #[test]
    fn a_range_of_time_begins_at_the_first_id_of_its_millisecond() {
        let first = MessageId::first_at(1_613_473_893_265);
        assert_eq!(first.to_string(), "1613473893265-0");
        assert_eq!(MessageId::first_at(i64::MIN).as_i64(), 0);
        assert_eq!(MessageId::first_at(i64::MAX).unix_ms(), LAST_MS);
    }

    proptest! {
        #[test]
        fn an_id_comes_back_from_each_of_its_forms((unix_ms, sequence) in any_parts()) {
            let id = MessageId::from_parts(unix_ms, sequence).unwrap();
            prop_assert_eq!((id.unix_ms(), id.sequence()), (unix_ms, sequence));
            prop_assert_eq!(MessageId::from_i64(id.as_i64()), id);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn ids_order_by_time_and_then_by_number(one in any_parts(), near in 0..3_i64, other in any_parts()) {
            let id = |(unix_ms, sequence)| MessageId::from_parts(unix_ms, sequence).unwrap();
            prop_assert_eq!(id(one).cmp(&id(other)), one.cmp(&other));
            prop_assert_eq!(id(one).as_i64().cmp(&id(other).as_i64()), one.cmp(&other));
            let neighbour = ((one.0 + near).min(LAST_MS), other.1);
            prop_assert_eq!(id(one).cmp(&id(neighbour)), one.cmp(&neighbour));
            prop_assert!(MessageId::first_at(one.0) <= id(one));
        }

        #[test]
        fn no_text_is_too_strange_to_be_refused(text in "\\PC{0,40}|[0-9]{11,15}-[0-9]{0,9}") {
            if let Ok(id) = text.parse::<HistoryId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
