/// Digits of the shortest short code and of the longest international number (ITU-T E.164).
const DIGITS: std::ops::RangeInclusive<usize> = 3..=15;

/// Why a text is not a phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    #[error("a phone number has only digits, spaces and dashes, and a plus sign only in front")]
    Character,
    #[error("a phone number has 3 to 15 digits")]
    Length,
}

/// The digits of a phone number, without the `+`, spaces and dashes that people write.
pub(super) fn digits(text: &str) -> Result<String, PhoneError> {
    let mut digits = String::with_capacity(*DIGITS.end());
    let mut plus_allowed = true;
    for character in text.chars() {
        match character {
            ' ' | '-' => continue,
            '+' if plus_allowed => {}
            '0'..='9' if digits.len() == *DIGITS.end() => return Err(PhoneError::Length),
            '0'..='9' => digits.push(character),
            _ => return Err(PhoneError::Character),
        }
        plus_allowed = false;
    }
    if DIGITS.contains(&digits.len()) {
        Ok(digits)
    } else {
        Err(PhoneError::Length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plus_spaces_and_dashes_are_dropped() {
        for text in [
            "16504661149",
            "+16504661149",
            "+1 650-466-1149",
            " +1 650 466 1149 ",
            "-1650--4661149-",
        ] {
            assert_eq!(digits(text).as_deref(), Ok("16504661149"), "{text:?}");
        }
    }

    #[test]
    fn a_number_has_3_to_15_digits() {
        for (text, expected) in [
            ("12", false),
            ("123", true),
            ("123456789012345", true),
            ("1234567890123456", false),
        ] {
            assert_eq!(digits(text).is_ok(), expected, "{text}");
        }
        for text in ["", "+", " - "] {
            assert_eq!(digits(text), Err(PhoneError::Length), "{text:?}");
        }
    }

    #[test]
    fn other_characters_are_refused_and_so_is_a_plus_within() {
        for text in [
            "1650+4661149",
            "++16504661149",
            "(650) 466 1149",
            "650.466.1149",
            "16504661149x5",
            "١٢٣٤",
            "１２３",
            "123\t4",
        ] {
            assert_eq!(digits(text), Err(PhoneError::Character), "{text:?}");
        }
    }
}
