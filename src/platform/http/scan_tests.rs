use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;

fn fault(text: &str) -> JsonFault {
    check(text.as_bytes()).unwrap_err()
}

#[test]
fn what_json_is_gets_through() {
    let texts = [
        "0",
        "-0",
        "1.5e-3",
        "1E+9",
        "true",
        " null ",
        "\"\"",
        "[]",
        "{}",
        "[[],{}]",
        "[1,2]",
        r#"{"a":{"a":[{"a":1},{"a":2}]},"b":"\u00e9\ud83d\ude00\n"}"#,
        "\t[\r\n{\"x\" : false , \"y\":[ ] } ]\n",
        "\"é😀\"",
    ];
    for text in texts {
        assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
    }
}

#[test]
fn what_json_is_not_is_refused() {
    let texts = [
        "",
        " ",
        "[",
        "[1",
        "[1,",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "\"",
        "\"\\",
        "\"\\u12",
        "-",
        "1.",
        "1e",
        "tru",
        "01",
        "+1",
        ".5",
        "1.e1",
        "1e+",
        "- 1",
        "True",
        "nulll",
        "[1,]",
        "[,1]",
        "{,}",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\" 1}",
        "[1 2]",
        "[1}",
        "{\"a\":1]",
        "]",
        "1 2",
        "[]]",
        "\"\n\"",
        "\"\t\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "'a'",
        "NaN",
        "[] x",
        "\u{feff}[]",
        "[1]\0",
        "\u{c}1",
    ];
    for text in texts {
        let fault = fault(text);
        assert!(
            matches!(fault, JsonFault::Syntax { .. } | JsonFault::Incomplete),
            "{text}: {fault:?}"
        );
    }
}

#[test]
fn a_name_twice_in_one_object_is_refused_in_every_spelling() {
    assert_eq!(
        fault(r#"{"a":1,"b":2,"a":3}"#),
        JsonFault::DuplicateMember { at: 13 }
    );
    assert_eq!(
        fault(r#"{"a":1,"\u0061":3}"#),
        JsonFault::DuplicateMember { at: 7 }
    );
    assert_eq!(
        fault(r#"{"\u0061":1,"a":3}"#),
        JsonFault::DuplicateMember { at: 12 }
    );
    assert_eq!(
        fault(r#"[{"\/":[{"x":1}],"/":2}]"#),
        JsonFault::DuplicateMember { at: 17 }
    );
    assert_eq!(
        fault(r#"{"😀":1,"\ud83d\uDE00":2}"#),
        JsonFault::DuplicateMember { at: 10 }
    );
    assert_eq!(
        fault(r#"{"":1,"":2}"#),
        JsonFault::DuplicateMember { at: 6 }
    );
}

#[test]
fn the_same_name_in_different_objects_is_no_duplicate() {
    assert_eq!(
        check(br#"{"a":{"a":1},"b":[{"a":1},{"a":2}],"A":3,"\u0062b":4}"#),
        Ok(())
    );
}

#[test]
fn the_character_zero_is_refused_in_every_spelling() {
    assert_eq!(fault(r#"["a\u0000"]"#), JsonFault::Nul { at: 3 });
    assert_eq!(fault(r#"{"a\u0000":1}"#), JsonFault::Nul { at: 3 });
    assert_eq!(fault("\"a\0\""), JsonFault::Nul { at: 2 });
    assert_eq!(
        check(br#""\\u0000""#),
        Ok(()),
        "an escaped backslash and four zeros are a text"
    );
}

#[test]
fn half_a_surrogate_pair_is_refused() {
    for text in [
        r#""\ud800""#,
        r#""\udc00""#,
        r#""\ud800\ud800""#,
        r#""\ud800x""#,
        r#""\ud800\n""#,
        r#""\udc00\ud800""#,
    ] {
        assert_eq!(fault(text), JsonFault::LoneSurrogate { at: 1 }, "{text}");
    }
    assert_eq!(check(br#""\ud800\udc00""#), Ok(()));
}

#[test]
fn what_is_no_utf_8_is_refused() {
    assert_eq!(check(b"\"\xff\""), Err(JsonFault::NotUtf8 { at: 1 }));
    assert_eq!(
        check(b"\"\xed\xa0\x80\""),
        Err(JsonFault::NotUtf8 { at: 1 }),
        "a surrogate in UTF-8"
    );
    assert_eq!(
        check(b"\"\xc0\x80\""),
        Err(JsonFault::NotUtf8 { at: 1 }),
        "U+0000 in two bytes"
    );
}

#[test]
fn arrays_and_objects_lie_at_most_64_deep() {
    let arrays = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(check(arrays(64).as_bytes()), Ok(()));
    assert_eq!(fault(&arrays(65)), JsonFault::TooDeep { at: 64 });
    let objects = |depth| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    assert_eq!(check(objects(64).as_bytes()), Ok(()));
    assert_eq!(fault(&objects(65)), JsonFault::TooDeep { at: 64 * 5 });
    assert_eq!(
        fault(&"[".repeat(1024 * 1024)),
        JsonFault::TooDeep { at: 64 }
    );
}

/// Slow and simple: what `serde_json` takes, less what is refused beyond that.
fn is_taken(bytes: &[u8]) -> bool {
    fn is_taken(value: &RawValue, depth: usize) -> bool {
        let text = value.get();
        if text.starts_with('[') {
            let items: Vec<&RawValue> = serde_json::from_str(text).unwrap();
            depth < DEPTH_MAX && items.iter().all(|item| is_taken(item, depth + 1))
        } else if text.starts_with('{') {
            let Ok(Members(members)) = serde_json::from_str(text) else {
                return false;
            };
            let names: BTreeSet<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
            let names_fit =
                names.len() == members.len() && names.iter().all(|name| !name.contains('\0'));
            depth < DEPTH_MAX
                && names_fit
                && members
                    .iter()
                    .all(|(_, member)| is_taken(member, depth + 1))
        } else if text.starts_with('"') {
            serde_json::from_str::<String>(text).is_ok_and(|text| !text.contains('\0'))
        } else {
            true
        }
    }
    serde_json::from_slice::<&RawValue>(bytes).is_ok_and(|value| is_taken(value, 0))
}

/// The members of an object in the order in which they stand, none of them lost.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> serde::de::Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// JSON that is whole, often with names twice, zeros and halves of pairs.
fn json() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        Just("a"),
        Just("b"),
        Just("\\u0061"),
        Just("\\/"),
        Just("/"),
        Just("é"),
        Just("\\u00e9"),
        Just("\\n"),
        Just("\\ud83d\\ude00"),
        Just("😀"),
        Just("\\u0000"),
        Just("\\ud800"),
        Just("\\\\"),
        Just("\\\""),
        Just(""),
    ];
    let text =
        prop::collection::vec(text, 0..3).prop_map(|parts| format!("\"{}\"", parts.concat()));
    let number = "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?";
    let leaf = prop_oneof![
        text.clone(),
        number,
        Just("true".to_owned()),
        Just("null".to_owned())
    ];
    leaf.prop_recursive(6, 48, 6, move |inner| {
        let member =
            (text.clone(), inner.clone()).prop_map(|(name, value)| format!("{name} :{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(|items| format!("[{}]", items.join(" , "))),
            prop::collection::vec(member, 0..6)
                .prop_map(|members| format!("{{{}\n}}", members.join(","))),
        ]
    })
}

proptest! {
    #[test]
    fn whole_json_is_taken_as_the_reference_takes_it(text in json()) {
        prop_assert_eq!(check(text.as_bytes()).is_ok(), is_taken(text.as_bytes()));
    }

    #[test]
    fn damaged_json_is_taken_as_the_reference_takes_it(
        text in json(),
        at in any::<prop::sample::Index>(),
        put in prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\",:\\u0019eE+-. \t\n".to_vec())],
        remove in 0..3_usize,
    ) {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes.splice(at..(at + remove).min(bytes.len()), [put]);
        prop_assert_eq!(check(&bytes).is_ok(), is_taken(&bytes), "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn the_words_of_json_in_any_order_are_taken_as_the_reference_takes_them(
        words in prop::collection::vec(
            prop::sample::select(vec!["{", "}", "[", "]", ",", ":", "\"a\"", "\"\\u0061\"", "\"b\"", "1", "-0.5", "null", " "]),
            0..14,
        ),
    ) {
        let text = words.concat();
        prop_assert_eq!(check(text.as_bytes()).is_ok(), is_taken(text.as_bytes()), "{}", text);
    }
}
