//! What history keeps of an answer: its beginning, without what is nobody's business later.
//!
//! Providers echo what they are sent and more: numbers, addresses, tokens. So whatever looks like one is replaced, and
//! what is left still tells a person what went wrong.

use crate::platform::outbound::Answer;

/// How much of an answer is kept, in bytes, before anything in it is replaced.
const BYTES_MAX: usize = 512;
/// As many digits make a number that could be a person's.
const DIGITS_MAX: usize = 6;
/// A longer word with digits and letters in it could be a key.
const TOKEN_CHARS_MAX: usize = 19;
const HIDDEN: &str = "***";
/// The word after one of these is a secret.
const BEFORE_SECRETS: [&str; 12] = [
    "apikey",
    "api_key",
    "api-key",
    "authorization",
    "basic",
    "bearer",
    "key",
    "password",
    "secret",
    "signature",
    "token",
    "access_token",
];

/// The beginning of an answer as text, without control characters and without what looks personal or secret.
pub(super) fn of(answer: &Answer) -> String {
    let bytes = &answer.body[..answer.body.len().min(BYTES_MAX)];
    redacted(&String::from_utf8_lossy(bytes))
}

fn redacted(text: &str) -> String {
    without_secrets(&without_numbers(text))
}

/// Numbers as people write them, with blanks and brackets in between.
fn without_numbers(text: &str) -> String {
    let is_part = |character: char| character.is_ascii_digit() || " ()+-./".contains(character);
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let in_number = is_part(first);
        let end = rest
            .find(|character| is_part(character) != in_number)
            .unwrap_or(rest.len());
        let (part, behind) = rest.split_at(end);
        rest = behind;
        let digits = part.chars().filter(char::is_ascii_digit).count();
        if digits > DIGITS_MAX {
            let number = part.trim_matches(' ');
            kept.push_str(&part.replacen(number, HIDDEN, 1));
        } else {
            kept.push_str(part);
        }
    }
    kept
}

fn without_secrets(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut after_secret_word = false;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = belongs_to_word(first);
        let end = rest
            .find(|character| belongs_to_word(character) != is_word)
            .unwrap_or(rest.len());
        let (part, behind) = rest.split_at(end);
        rest = behind;
        if !is_word {
            kept.extend(part.chars().map(|character| {
                if character.is_control() {
                    ' '
                } else {
                    character
                }
            }));
            continue;
        }
        let announces_secret = BEFORE_SECRETS.contains(&part.to_ascii_lowercase().as_str());
        if announces_secret || !(after_secret_word || is_personal(part)) {
            kept.push_str(part);
        } else {
            kept.push_str(HIDDEN);
        }
        after_secret_word = announces_secret;
    }
    kept
}

/// Numbers, addresses and keys are words with these inside.
fn belongs_to_word(character: char) -> bool {
    character.is_alphanumeric() || "@+-_.%/~".contains(character)
}

fn is_personal(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let has_letters = word.contains(|character: char| character.is_alphabetic());
    let is_number = digits > DIGITS_MAX;
    let is_address = word.contains('@');
    let is_key = word.chars().count() > TOKEN_CHARS_MAX && digits > 0 && has_letters;
    is_number || is_address || is_key
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use reqwest::header::HeaderMap;

    use super::*;

    fn answer(body: &[u8]) -> Answer {
        Answer {
            status: 400,
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body),
            truncated: false,
        }
    }

    #[test]
    fn what_went_wrong_is_kept_and_whom_it_is_about_is_not() {
        let cases = [
            (
                "(650) 555 01 99 is not a mobile number",
                "*** is not a mobile number",
            ),
            (
                r#"{"error":"rate limit of 100 per second"}"#,
                r#"{"error":"rate limit of 100 per second"}"#,
            ),
            (
                r#"{"to":"+16505550199","code":21211}"#,
                r#"{"to":"***","code":21211}"#,
            ),
            (
                "650-555-0199 is not a mobile number",
                "*** is not a mobile number",
            ),
            (
                "mailbox john.doe@example.com is full",
                "mailbox *** is full",
            ),
            ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
            (
                r#"{"password":"hunter2","status":"no"}"#,
                r#"{"password":"***","status":"no"}"#,
            ),
            ("token=x&status=no", "token=***&status=no"),
            (
                "key 5f0c8e1a-9d3b-4c57-8a55-3f2b7a9d1c04 unknown",
                "key *** unknown",
            ),
            (
                "id 5f0c8e1a9d3b4c578a553f2b7a9d1c04 unknown",
                "id *** unknown",
            ),
            ("internationalization", "internationalization"),
            ("a\r\nb\tc", "a  b c"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(redacted(text), expected);
        }
    }

    #[test]
    fn only_the_beginning_is_kept_whatever_the_bytes() {
        assert_eq!(of(&answer(&[b'a'; 4_096])).len(), BYTES_MAX);
        assert_eq!(of(&answer(b"caf\xe9 closed")), "caf\u{fffd} closed");
    }

    proptest! {
        #[test]
        fn no_phone_number_is_kept_wherever_it_stands(before in "[ a-z:\"]{0,20}", number in "\\+?[0-9]{7,15}", after in "[ a-z:\"]{0,20}") {
            let digits = number.trim_start_matches('+');
            prop_assert!(!redacted(&[&*before, &*number, &*after].concat()).contains(digits));
        }
    }
}
