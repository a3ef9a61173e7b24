//! `application/x-www-form-urlencoded`, read strictly where leniency would change what somebody wrote, and how a fault in
//! it is named.

use crate::values::ReasonCode;

/// How the body of a call is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyShape {
    Form,
    Json,
}

impl BodyShape {
    /// By a `Content-Type`. Its parameters say nothing: forms and JSON are in UTF-8 whatever a `charset` claims.
    pub fn of(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Some(Self::Form)
        } else if essence.eq_ignore_ascii_case("application/json") {
            Some(Self::Json)
        } else {
            None
        }
    }
}

/// One thing that is wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberFault {
    /// The name of the member, such as `message_id`; empty where the whole is at fault.
    pub name: String,
    pub message: String,
    pub reason: ReasonCode,
}

impl MemberFault {
    pub(super) fn new(name: &str, message: impl Into<String>) -> Self {
        Self::with_reason(name, ReasonCode::InvalidStructure, message)
    }

    pub(super) fn with_reason(name: &str, reason: ReasonCode, message: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            message: message.into(),
            reason,
        }
    }
}

/// Text that is no UTF-8 once its escapes are resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotUtf8;

/// The names and values of a form in their order. Empty pieces between two `&` are none.
///
/// A `%` that two hex digits do not follow stands for itself, as browsers have it: it was written by somebody who did
/// not escape, and a refusal would lose what they wrote. Bytes that are no UTF-8 are refused rather than replaced.
pub(super) fn pairs(form: &[u8]) -> impl Iterator<Item = Result<(String, String), NotUtf8>> {
    form.split(|byte| *byte == b'&')
        .filter(|piece| !piece.is_empty())
        .map(|piece| {
            let (name, value) = match piece.iter().position(|byte| *byte == b'=') {
                Some(at) => (&piece[..at], &piece[at + 1..]),
                None => (piece, &[][..]),
            };
            Ok((unescape(name)?, unescape(value)?))
        })
}

fn unescape(text: &[u8]) -> Result<String, NotUtf8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, behind @ ..]) => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    rest = behind;
                }
                _ => bytes.push(b'%'),
            },
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| NotUtf8)
}

fn hex_digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(form: &str) -> Vec<(String, String)> {
        pairs(form.as_bytes()).collect::<Result<_, _>>().unwrap()
    }

    fn value(written: &str) -> String {
        read(&format!("message={written}")).remove(0).1
    }

    #[test]
    fn plus_and_percent_20_are_both_a_space() {
        assert_eq!(value("Is+my%20order%2Bbill%3F"), "Is my order+bill?");
        assert_eq!(value("gr%C3%BC%c3%9fe+%F0%9F%91%8D"), "grüße 👍");
        assert_eq!(value("a=b=c"), "a=b=c");
    }

    #[test]
    fn a_percent_sign_that_escapes_nothing_stands_for_itself() {
        for written in ["100%", "100%+sure", "%zz", "%4", "%", "5%%20"] {
            let expected = written.replace("%20", " ").replace('+', " ");
            assert_eq!(value(written), expected, "{written}");
        }
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_refused_wherever_they_stand() {
        for form in ["message=%E9", "message=%C3", "%FF=1", "a=1&b=%80"] {
            assert!(pairs(form.as_bytes()).any(|pair| pair.is_err()), "{form}");
        }
        assert!(pairs(b"message=\xe9").any(|pair| pair.is_err()));
    }

    #[test]
    fn empty_pieces_are_none_and_a_name_may_stand_alone() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            read("&&a=&b&=c&"),
            [pair("a", ""), pair("b", ""), pair("", "c")]
        );
        assert_eq!(read(""), []);
    }

    proptest! {
        #[test]
        fn what_another_writes_is_read_as_it_was(given in prop::collection::vec((".{1,10}", ".{0,40}"), 0..6)) {
            let written = form_urlencoded::Serializer::new(String::new()).extend_pairs(&given).finish();
            prop_assert_eq!(read(&written), given);
        }

        #[test]
        fn a_space_may_be_written_either_way(words in prop::collection::vec("\\w{1,8}", 1..6)) {
            let text = words.join(" ");
            prop_assert_eq!(value(&words.join("+")), text.clone());
            prop_assert_eq!(value(&words.join("%20")), text);
        }

        #[test]
        fn no_bytes_are_too_strange(form in any::<Vec<u8>>()) {
            let read = pairs(&form).count();
            prop_assert!(read <= form.len());
        }
    }
}
