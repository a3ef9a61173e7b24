//! Which texts are opt-out keywords.
//!
//! A text is a keyword only as a whole: "STOP" is one, "stop please" and "stopwatch" are not. Before they are compared,
//! both are brought into one form, so that case, accents, punctuation, full-width letters and invisible characters
//! make no difference.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// Characters of the longest text that is looked at, and of the longest keyword: one text message.
pub const TEXT_CHARACTERS_MAX: usize = 160;
/// The most keywords in one set.
pub const KEYWORDS_MAX: usize = 100;

const STOP: [&str; 11] = [
    "STOP",
    "STOPALL",
    "UNSUBSCRIBE",
    "CANCEL",
    "END",
    "QUIT",
    "REVOKE",
    "OPTOUT",
    "OPT OUT",
    "ARRET",
    "UNSUB",
];
const START: [&str; 3] = ["START", "YES", "UNSTOP"];
const HELP: [&str; 2] = ["HELP", "INFO"];

/// What a consumer asks for with one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Keyword {
    Stop,
    Start,
    Help,
}

/// Why words cannot be the keywords of a sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeywordError {
    #[error("the keyword {0:?} has no letters or digits")]
    Empty(String),
    #[error("a keyword has at most 160 characters")]
    TooLong,
    #[error("one set has at most 100 keywords")]
    TooMany,
    #[error("the keyword {0:?} is in two of the sets stop, start and help")]
    Ambiguous(String),
}

/// The keywords of one sender. No word is in two sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeywordSets {
    stop: BTreeSet<String>,
    start: BTreeSet<String>,
    help: BTreeSet<String>,
    /// Bytes of the longest word in any of them.
    bytes_max: usize,
}

impl KeywordSets {
    /// An empty set switches that keyword off.
    pub fn new(stop: &[&str], start: &[&str], help: &[&str]) -> Result<Self, KeywordError> {
        let sets = Self::of(parse(stop)?, parse(start)?, parse(help)?);
        let shared = [
            (&sets.stop, &sets.start),
            (&sets.stop, &sets.help),
            (&sets.start, &sets.help),
        ]
        .into_iter()
        .find_map(|(one, other)| one.intersection(other).next().cloned());
        match shared {
            Some(word) => Err(KeywordError::Ambiguous(word)),
            None => Ok(sets),
        }
    }

    /// The keyword that the whole text is, if it is one.
    pub fn classify(&self, text: &str) -> Option<Keyword> {
        if is_too_long(text) {
            return None;
        }
        let text = normalise_within(text, self.bytes_max)?;
        let sets = [
            (&self.stop, Keyword::Stop),
            (&self.start, Keyword::Start),
            (&self.help, Keyword::Help),
        ];
        sets.into_iter()
            .find_map(|(set, keyword)| set.contains(&text).then_some(keyword))
    }

    fn of(stop: BTreeSet<String>, start: BTreeSet<String>, help: BTreeSet<String>) -> Self {
        let words = stop.iter().chain(&start).chain(&help);
        let bytes_max = words.map(String::len).max().unwrap_or(0);
        Self {
            stop,
            start,
            help,
            bytes_max,
        }
    }
}

impl Default for KeywordSets {
    fn default() -> Self {
        let set = |words: &[&str]| words.iter().map(|word| normalise(word)).collect();
        Self::of(set(&STOP), set(&START), set(&HELP))
    }
}

fn parse(words: &[&str]) -> Result<BTreeSet<String>, KeywordError> {
    if words.len() > KEYWORDS_MAX {
        return Err(KeywordError::TooMany);
    }
    words.iter().map(|word| parse_keyword(word)).collect()
}

fn parse_keyword(word: &str) -> Result<String, KeywordError> {
    if is_too_long(word) {
        return Err(KeywordError::TooLong);
    }
    // Every message without letters, such as "?!", would be this keyword.
    Some(normalise(word))
        .filter(|word| !word.is_empty())
        .ok_or_else(|| KeywordError::Empty(word.to_owned()))
}

fn is_too_long(text: &str) -> bool {
    text.chars().nth(TEXT_CHARACTERS_MAX).is_some()
}

/// Compatibility forms made plain and case folded, without format characters, diacritics, punctuation and symbols, and
/// with single spaces. Diacritics are taken from decomposed text, so what NFKC would compose stays apart throughout.
fn normalise(text: &str) -> String {
    normalise_within(text, usize::MAX).unwrap_or_default()
}

/// The same, given up once it has more than `bytes_max`: most texts are seen not to be a keyword by their beginning.
fn normalise_within(text: &str, bytes_max: usize) -> Option<String> {
    let mut normal = String::new();
    let mut is_apart = false;
    for character in text.nfkd().flat_map(fold_case).filter_map(keep) {
        if character.is_whitespace() {
            is_apart = !normal.is_empty();
            continue;
        }
        if is_apart {
            normal.push(' ');
            is_apart = false;
        }
        normal.push(character);
        if normal.len() > bytes_max {
            return None;
        }
    }
    Some(normal)
}

/// By way of upper case, which joins what differs in lower case only: ß and ss, ς and σ, ı and i; and before that of
/// lower case, which joins ẞ and ß.
fn fold_case(character: char) -> impl Iterator<Item = char> {
    character
        .to_lowercase()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
}

/// What a character counts as: itself, a space, or nothing.
fn keep(character: char) -> Option<char> {
    if character.is_whitespace() {
        return Some(' ');
    }
    match character.general_category_group() {
        GeneralCategoryGroup::Letter | GeneralCategoryGroup::Number => Some(character),
        // A mark that takes room of its own is part of a word in the scripts of India, not a diacritic.
        GeneralCategoryGroup::Mark => {
            (character.general_category() == GeneralCategory::SpacingMark).then_some(character)
        }
        // "Other" has format and control characters, and symbols younger than our tables.
        GeneralCategoryGroup::Punctuation
        | GeneralCategoryGroup::Symbol
        | GeneralCategoryGroup::Separator
        | GeneralCategoryGroup::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn classify(text: &str) -> Option<Keyword> {
        KeywordSets::default().classify(text)
    }

    #[test]
    fn every_default_keyword_is_one_in_any_case() {
        for (words, keyword) in [
            (&STOP[..], Keyword::Stop),
            (&START[..], Keyword::Start),
            (&HELP[..], Keyword::Help),
        ] {
            for word in words {
                assert_eq!(classify(word), Some(keyword), "{word}");
                assert_eq!(classify(&word.to_lowercase()), Some(keyword), "{word}");
            }
        }
    }

    #[test]
    fn the_defaults_are_sets_that_could_be_configured() {
        assert_eq!(
            KeywordSets::new(&STOP, &START, &HELP),
            Ok(KeywordSets::default())
        );
    }

    #[test]
    fn a_stop_is_understood_however_it_is_written() {
        let spellings = [
            "Stop.",
            "  stop  ",
            "STOP!!!",
            "\"stop\"",
            "s.t.o.p",
            "stop\r\n",
            "\tSTOP\u{a0}",
            "\u{feff}STOP",
            "ST\u{200b}OP",
            "S\u{ad}TOP",
            "\u{202e}STOP\u{202c}",
            "ＳＴＯＰ",
            "ｓｔｏｐ。",
            "ⓈⓉⓄⓅ",
            "🅂🅃🄾🄿",
            "𝐒𝐓𝐎𝐏",
            "Stöp",
            "s\u{301}t\u{301}o\u{301}p\u{301}",
            "STOP 🛑",
            "STOP \u{1f6d1}\u{fe0f}",
            "🙏 stop 🙏",
            "arrêt",
            "ARRE\u{302}T",
            "Arrêt !",
            "opt   out",
            "Opt-Out",
            "opt\nout",
            "UNSUBSCRİBE",
            "unsubscrıbe",
        ];
        for text in spellings {
            assert_eq!(classify(text), Some(Keyword::Stop), "{text:?}");
        }
    }

    #[test]
    fn a_keyword_within_other_words_is_none() {
        let texts = [
            "stop please",
            "please stop",
            "stopwatch",
            "nonstop",
            "st op",
            "stop stop",
            "stop it",
            "end of the month",
            "yes please",
            "yes or no",
            "help me",
            "information",
            "cancel my order",
            "don't stop",
            "no stop",
            "",
            " ",
            "?!",
            "🛑",
            "\u{200b}",
            "0",
            "stop1",
        ];
        for text in texts {
            assert_eq!(classify(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_text_of_more_than_one_message_is_never_a_keyword() {
        let padded = |length: usize| format!("stop{}", "!".repeat(length - 4));
        assert_eq!(classify(&padded(160)), Some(Keyword::Stop));
        assert_eq!(classify(&padded(161)), None);
    }

    #[test]
    fn a_sender_s_own_words_replace_the_defaults() {
        let sets = KeywordSets::new(&["Détente", "ΣΤΟΠ"], &["Straße"], &[]).unwrap();
        assert_eq!(sets.classify("detente"), Some(Keyword::Stop));
        assert_eq!(sets.classify("στοπ"), Some(Keyword::Stop));
        assert_eq!(sets.classify("STRASSE"), Some(Keyword::Start));
        assert_eq!(sets.classify("STRAẞE"), Some(Keyword::Start));
        assert_eq!(sets.classify("STOP"), None);
        assert_eq!(sets.classify("HELP"), None);
    }

    #[test]
    fn words_that_cannot_be_keywords_are_refused() {
        let long = "a".repeat(161);
        let many = vec!["a"; 101];
        assert_eq!(
            KeywordSets::new(&["?!"], &[], &[]),
            Err(KeywordError::Empty("?!".to_owned()))
        );
        assert_eq!(
            KeywordSets::new(&[&long], &[], &[]),
            Err(KeywordError::TooLong)
        );
        assert_eq!(
            KeywordSets::new(&[], &many, &[]),
            Err(KeywordError::TooMany)
        );
        assert_eq!(
            KeywordSets::new(&["Go"], &[], &["GO!"]),
            Err(KeywordError::Ambiguous("go".to_owned()))
        );
        assert_eq!(
            KeywordSets::new(&["Go"], &["gó"], &[]),
            Err(KeywordError::Ambiguous("go".to_owned()))
        );
    }

    #[test]
    fn a_letter_counts_the_same_in_either_case_in_every_alphabet() {
        for letter in '\u{0}'..='\u{2fff}' {
            let letter = letter.to_string();
            let counts_as = normalise(&letter);
            assert_eq!(normalise(&letter.to_lowercase()), counts_as, "{letter}");
            assert_eq!(normalise(&letter.to_uppercase()), counts_as, "{letter}");
            assert_eq!(normalise(&counts_as), counts_as, "{letter}");
        }
    }

    proptest! {
        #[test]
        fn normalising_twice_is_normalising_once(text in "\\PC{0,40}") {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once);
        }

        #[test]
        fn signs_around_a_keyword_make_no_difference(
            word in select(STOP.to_vec()),
            before in "[ .,!?*\"'\u{200b}\u{200d}\u{2060}\u{301}€🙏]{0,20}",
            after in "[ .,!?*\"'\u{200b}\u{200d}\u{2060}\u{301}€🙏]{0,20}",
        ) {
            prop_assert_eq!(classify(&format!("{before}{word}{after}")), Some(Keyword::Stop));
        }

        #[test]
        fn a_further_word_makes_it_no_keyword(word in select(STOP.to_vec()), other in "[b-df-hj-z]{1,10}") {
            prop_assert_eq!(classify(&format!("{word} {other}")), None);
            prop_assert_eq!(classify(&format!("{other} {word}")), None);
        }

        #[test]
        fn no_text_is_too_strange_to_be_looked_at(text in "\\PC{0,300}") {
            classify(&text);
        }
    }
}
