//! A consumer's place in the feed, as an opaque text.

use std::fmt;
use std::str::FromStr;

use crate::history::store::Position;

/// A place in one incarnation of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub generation: i32,
    pub position: Position,
}

impl Cursor {
    /// Before everything that is kept: no incarnation has this number.
    pub const BEGINNING: Self = Self {
        generation: 0,
        position: Position::START,
    };
}

/// A text that no answer of the feed has given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("after is not a cursor that the feed has given")]
pub struct CursorError;

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:x}.{:x}.{:x}",
            self.generation, self.position.transaction, self.position.id
        )
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let mut parts = text.split('.');
        let mut next = || {
            parts
                .next()
                .and_then(|part| i64::from_str_radix(part, 16).ok())
                .filter(|number| *number >= 0)
        };
        let (generation, transaction, id) = (next(), next(), next());
        let (Some(generation), Some(transaction), Some(id), None) =
            (generation, transaction, id, parts.next())
        else {
            return Err(CursorError);
        };
        let generation = i32::try_from(generation).map_err(|_| CursorError)?;
        Ok(Self {
            generation,
            position: Position { transaction, id },
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_reads_back_what_it_wrote(generation in 0..i32::MAX, transaction in 0..i64::MAX, id in 0..i64::MAX) {
            let cursor = Cursor { generation, position: Position { transaction, id } };
            prop_assert_eq!(cursor.to_string().parse::<Cursor>(), Ok(cursor));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}") {
            let _ = text.parse::<Cursor>();
        }
    }

    #[test]
    fn a_cursor_with_a_part_too_many_or_a_sign_is_refused() {
        for text in [
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "-1.2.3",
            "1.2.-3",
            "1.2.g",
            "1..3",
            "100000000000000000.1.1",
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError), "{text}");
        }
    }
}
