/// How the characters of a text message travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// The 7-bit alphabet of 3GPP TS 23.038, section 6.2.1, with its extension table.
    Gsm7,
    /// 16-bit units, for any text that needs one character outside that alphabet.
    Ucs2,
}

impl Encoding {
    /// The word in our answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gsm7 => "GSM-7",
            Self::Ucs2 => "UCS-2",
        }
    }

    /// The most units of a text that travels whole: 140 octets of 7 or 16 bits.
    const fn units_alone(self) -> usize {
        match self {
            Self::Gsm7 => 160,
            Self::Ucs2 => 70,
        }
    }

    /// The most units of one part of several, which also carries a header of 6 octets.
    const fn units_in_part(self) -> usize {
        match self {
            Self::Gsm7 => 153,
            Self::Ucs2 => 67,
        }
    }

    /// What one character takes. An extension character is an escape and a septet, a character beyond the
    /// Basic Multilingual Plane is a pair of surrogates; neither pair may be split between two parts.
    fn units(self, character: char) -> usize {
        match self {
            Self::Gsm7 => 1 + usize::from(EXTENSION.contains(character)),
            Self::Ucs2 => character.len_utf16(),
        }
    }
}

/// 3GPP TS 23.038, section 6.2.1, "GSM 7 bit default alphabet": what is outside ASCII or differs from it.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà";
/// The same document, section 6.2.1.1, "GSM 7 bit default alphabet extension table".
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// How many parts a text is sent in, and in which encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Segments {
    pub encoding: Encoding,
    /// At least 1; a text of more than 65,535 parts is counted as that many.
    pub count: u16,
}

impl Segments {
    pub fn measure(text: &str) -> Self {
        let encoding = encoding_of(text);
        let count = u16::try_from(Self::parts(text).count()).unwrap_or(u16::MAX);
        Self { encoding, count }
    }

    /// The parts in order; joined they are the text. An empty text is one empty part.
    pub fn parts(text: &str) -> impl Iterator<Item = &str> {
        let encoding = encoding_of(text);
        let units: usize = text
            .chars()
            .map(|character| encoding.units(character))
            .sum();
        let alone = units <= encoding.units_alone();
        let mut rest = Some(text);
        std::iter::from_fn(move || {
            let text = rest?;
            let end = if alone {
                text.len()
            } else {
                end_of_part(text, encoding)
            };
            let (part, after) = text.split_at(end);
            rest = Some(after).filter(|after| !after.is_empty());
            Some(part)
        })
    }
}

fn encoding_of(text: &str) -> Encoding {
    if text.chars().all(is_gsm7) {
        Encoding::Gsm7
    } else {
        Encoding::Ucs2
    }
}

fn is_gsm7(character: char) -> bool {
    character.is_ascii_alphanumeric() || BASIC.contains(character) || EXTENSION.contains(character)
}

/// Bytes of the longest start of the text that fits into one part of several.
fn end_of_part(text: &str, encoding: Encoding) -> usize {
    let mut units = 0;
    for (position, character) in text.char_indices() {
        units += encoding.units(character);
        if units > encoding.units_in_part() {
            return position;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GSM7: Encoding = Encoding::Gsm7;
    const UCS2: Encoding = Encoding::Ucs2;

    fn measured(text: &str) -> (Encoding, u16) {
        let segments = Segments::measure(text);
        (segments.encoding, segments.count)
    }

    #[test]
    fn a_gsm7_text_is_one_part_up_to_160_characters_and_then_parts_of_153() {
        for (characters, count) in [
            (0, 1),
            (1, 1),
            (153, 1),
            (160, 1),
            (161, 2),
            (306, 2),
            (307, 3),
            (459, 3),
            (460, 4),
        ] {
            assert_eq!(
                measured(&"a".repeat(characters)),
                (GSM7, count),
                "{characters}"
            );
        }
    }

    #[test]
    fn a_ucs2_text_is_one_part_up_to_70_units_and_then_parts_of_67() {
        for (characters, count) in [(1, 1), (67, 1), (70, 1), (71, 2), (134, 2), (135, 3)] {
            assert_eq!(
                measured(&"я".repeat(characters)),
                (UCS2, count),
                "{characters}"
            );
        }
        assert_eq!(measured(&format!("{}ç", "a".repeat(70))), (UCS2, 2));
    }

    #[test]
    fn an_extension_character_counts_twice_and_is_not_split() {
        assert_eq!(measured(&"€".repeat(80)), (GSM7, 1));
        assert_eq!(measured(&"€".repeat(81)), (GSM7, 2));
        assert_eq!(measured(&format!("{}€", "a".repeat(158))), (GSM7, 1));
        assert_eq!(measured(&format!("{}€", "a".repeat(159))), (GSM7, 2));
        // 153 is odd: of 76 pairs each part leaves one septet free, so 306 septets are not two parts.
        assert_eq!(measured(&"€".repeat(152)), (GSM7, 2));
        assert_eq!(measured(&"€".repeat(153)), (GSM7, 3));
        let parts: Vec<String> =
            Segments::parts(&format!("{}€{}", "a".repeat(152), "b".repeat(20)))
                .map(str::to_owned)
                .collect();
        assert_eq!(parts, ["a".repeat(152), format!("€{}", "b".repeat(20))]);
    }

    #[test]
    fn a_surrogate_pair_counts_twice_and_is_not_split() {
        assert_eq!(measured(&"🙂".repeat(35)), (UCS2, 1));
        assert_eq!(measured(&"🙂".repeat(36)), (UCS2, 2));
        // 67 is odd too: 33 pairs in a part.
        assert_eq!(measured(&"🙂".repeat(66)), (UCS2, 2));
        assert_eq!(measured(&"🙂".repeat(67)), (UCS2, 3));
    }

    #[test]
    fn the_alphabet_is_that_of_the_standard() {
        let basic: usize = (0..=u32::from(char::MAX))
            .filter_map(char::from_u32)
            .filter(|one| is_gsm7(*one))
            .count();
        // 128 places but the escape, and the extension table of ten.
        assert_eq!(basic, 127 + 10);
        for text in [
            "`", "ç", "Á", "’", "“", "–", "…", "\u{a0}", "\t", "\u{1b}", "α", "Σς", "ё",
        ] {
            assert_eq!(measured(text).0, UCS2, "{text:?}");
        }
        for text in [
            "@£$¥",
            "Δ_ΦΓΛΩΠΨΣΘΞ",
            "ÆæßÉ",
            "äöñüà§¿",
            "ÄÖÑÜ¡",
            "\r\n",
            "\u{c}^{}\\[~]|€",
            "éèùìòÇØøÅå¤",
        ] {
            assert_eq!(measured(text).0, GSM7, "{text:?}");
        }
    }

    #[test]
    fn an_empty_text_is_one_empty_part() {
        assert_eq!(Segments::parts("").collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn a_text_beyond_all_measure_is_counted_as_the_most() {
        assert_eq!(measured(&"я".repeat(67 * 65_536)), (UCS2, u16::MAX));
    }

    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-zA-Z0-9 €\\[\\]{}~^|]{0,700}",
            "[a-z🙂€я]{0,400}",
            "\\PC{0,300}",
        ]
    }

    proptest! {
        #[test]
        fn the_parts_joined_are_the_text(text in any_text()) {
            prop_assert_eq!(Segments::parts(&text).collect::<String>(), text.clone());
            prop_assert_eq!(Segments::parts(&text).count(), usize::from(Segments::measure(&text).count));
        }

        #[test]
        fn every_part_fits_and_none_could_hold_the_next_character(text in any_text()) {
            let encoding = Segments::measure(&text).encoding;
            let units = |part: &str| part.chars().map(|character| encoding.units(character)).sum::<usize>();
            let parts: Vec<&str> = Segments::parts(&text).collect();
            let room = if parts.len() == 1 { encoding.units_alone() } else { encoding.units_in_part() };
            prop_assert!(parts.iter().all(|part| units(part) <= room));
            prop_assert!(parts.len() == 1 || units(&text) > encoding.units_alone());
            for (part, next) in parts.iter().zip(parts.iter().skip(1)) {
                let first = next.chars().next().map_or(0, |character| encoding.units(character));
                prop_assert!(units(part) + first > room);
            }
        }

        #[test]
        fn a_longer_text_never_takes_fewer_parts(text in any_text(), more in "[a-z€]{1,5}") {
            let longer = format!("{text}{more}");
            prop_assert!(Segments::measure(&longer).count >= Segments::measure(&text).count);
        }
    }
}
