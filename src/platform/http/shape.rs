//! Reading well-formed input into types, and saying in the caller's words where it does not fit.

use std::fmt::Display;

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use super::ApiError;
use super::error::shortened;

/// Input that is well-formed but has another shape than was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {sentence}")]
pub struct ShapeFault {
    /// A JSON pointer to the place, `""` for the whole.
    pub pointer: String,
    /// What is wrong there.
    pub sentence: String,
}

/// Reads JSON that has passed [`super::scan::check`].
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ShapeFault> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut deserializer).map_err(ShapeFault::new)
}

/// Reads the part of a URL behind `?`.
pub fn read_query<T: DeserializeOwned>(query: &str) -> Result<T, ShapeFault> {
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(ShapeFault::new)
}

impl From<ShapeFault> for ApiError {
    fn from(fault: ShapeFault) -> Self {
        let place = match fault.pointer.as_str() {
            "" => "the whole",
            pointer => pointer,
        };
        Self::unprocessable(format!("{place}: {}", fault.sentence))
            .detail(fault.pointer, fault.sentence)
    }
}

impl ShapeFault {
    #[expect(clippy::needless_pass_by_value, reason = "it is the end of `map_err`")]
    fn new<E: Display>(error: serde_path_to_error::Error<E>) -> Self {
        let mut pointer = String::new();
        for segment in error.path() {
            match segment {
                Segment::Seq { index } => push(&mut pointer, &index.to_string()),
                Segment::Map { key } => push(&mut pointer, key),
                Segment::Enum { variant } => push(&mut pointer, variant),
                Segment::Unknown => {}
            }
        }
        let text = error.inner().to_string();
        // The place in the text says less than the pointer.
        let words = text
            .rsplit_once(" at line ")
            .map_or(text.as_str(), |(words, _)| words);
        // The path of these faults ends at the object.
        let mut starts = ["missing field `", "duplicate field `"].into_iter();
        if let Some(name) = starts.find_map(|start| words.strip_prefix(start)) {
            push(&mut pointer, name.trim_end_matches('`'));
        }
        Self {
            sentence: shortened(sentence(words)),
            pointer: shortened(pointer),
        }
    }
}

fn push(pointer: &mut String, segment: &str) {
    pointer.push('/');
    pointer.push_str(&segment.replace('~', "~0").replace('/', "~1"));
}

/// Says in the words of JSON what serde says in the words of Rust. Neither a name of a type nor what was sent gets
/// through: the words of serde's own faults are known here, any other sentence was written by one of our types.
fn sentence(words: &str) -> String {
    if let Some(rest) = words.strip_prefix("unknown field `") {
        return match rest.split_once("`, expected ") {
            Some((name, known)) => format!("the member {name} is unknown; expected {known}"),
            None => "there may be no members here".to_owned(),
        };
    }
    if words.starts_with("missing field") {
        return "the member is missing".to_owned();
    }
    if words.starts_with("duplicate field") {
        return "the member is there twice".to_owned();
    }
    if let Some(rest) = words.strip_prefix("unknown variant `") {
        let known = rest
            .split_once("`, ")
            .map_or("another word", |(_, known)| known);
        return format!("the word is unknown; {known}");
    }
    if let Some(rest) = words.strip_prefix("invalid type: ") {
        let (found, expected) = rest.rsplit_once(", expected ").unwrap_or((rest, ""));
        return format!(
            "expected {}, found {}",
            kind_expected(expected),
            kind_found(found)
        );
    }
    if words.starts_with("invalid value: integer") {
        return "the number is out of range".to_owned();
    }
    if words.starts_with("invalid value: ") || words.starts_with("invalid digit") {
        return "the value is not allowed".to_owned();
    }
    if words.starts_with("invalid length ") {
        return "there are too few or too many items".to_owned();
    }
    words.to_owned()
}

fn kind_found(words: &str) -> &'static str {
    match words.split(' ').next().unwrap_or_default() {
        "null" => "null",
        "boolean" => "true or false",
        "integer" | "floating" => "a number",
        "string" | "character" => "a text",
        "sequence" => "an array",
        "map" => "an object",
        _ => "something else",
    }
}

fn kind_expected(words: &str) -> &'static str {
    match words
        .trim_start_matches("a ")
        .split(' ')
        .next()
        .unwrap_or_default()
    {
        "boolean" => "true or false",
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => {
            "a whole number"
        }
        "f32" | "f64" => "a number",
        "string" | "borrowed" | "character" => "a text",
        "sequence" | "tuple" => "an array",
        "map" | "struct" => "an object",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Body {
        name: String,
        #[serde(default)]
        channels: Vec<Channel>,
        kind: Option<Kind>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Channel {
        timeout_seconds: u16,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Sms,
        Email,
    }

    fn fault(json: &str) -> (String, String) {
        let fault = read::<Body>(json.as_bytes()).unwrap_err();
        (fault.pointer, fault.sentence)
    }

    #[test]
    fn an_unknown_member_is_named_with_its_place() {
        let (pointer, sentence) =
            fault(r#"{"name":"a","channels":[{"timeoutSeconds":1},{"timeOut":1}]}"#);
        assert_eq!(pointer, "/channels/1/timeOut");
        assert_eq!(
            sentence,
            "the member timeOut is unknown; expected `timeoutSeconds`"
        );
    }

    #[test]
    fn a_missing_member_is_named_with_its_place() {
        let (pointer, sentence) = fault(r#"{"name":"a","channels":[{}]}"#);
        assert_eq!(pointer, "/channels/0/timeoutSeconds");
        assert_eq!(sentence, "the member is missing");
    }

    #[test]
    fn a_wrong_kind_is_said_in_the_words_of_json() {
        let expected = (
            "/name".to_owned(),
            "expected a text, found an object".to_owned(),
        );
        assert_eq!(fault(r#"{"name":{"secret":1}}"#), expected);
        assert_eq!(fault("[1]").1, "expected a text, found a number");
        assert_eq!(
            fault("7"),
            (
                String::new(),
                "expected an object, found a number".to_owned()
            )
        );
        let expected = "expected a whole number, found a text";
        assert_eq!(
            fault(r#"{"name":"a","channels":[{"timeoutSeconds":"10"}]}"#).1,
            expected
        );
        assert_eq!(
            fault(r#"{"name":"a","channels":{}}"#).1,
            "expected an array, found an object"
        );
    }

    #[test]
    fn numbers_out_of_range_and_unknown_words_are_said_so() {
        let large = fault(r#"{"name":"a","channels":[{"timeoutSeconds":70000}]}"#);
        assert_eq!(
            large,
            (
                "/channels/0/timeoutSeconds".to_owned(),
                "the number is out of range".to_owned()
            )
        );
        let word = fault(r#"{"name":"a","kind":"fax"}"#);
        assert_eq!(word.1, "the word is unknown; expected `sms` or `email`");
    }

    #[test]
    fn a_name_with_a_slash_is_escaped_in_the_pointer() {
        assert_eq!(fault(r#"{"name":"a","x/y~z":1}"#).0, "/x~1y~0z");
    }

    #[test]
    fn a_query_names_the_parameter_at_fault() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Page {
            #[expect(dead_code, reason = "only refusals are looked at")]
            limit: Option<u16>,
        }
        assert_eq!(read_query::<Page>("limt=5").unwrap_err().pointer, "/limt");
        let fault = read_query::<Page>("limit=many").unwrap_err();
        assert_eq!(
            (fault.pointer.as_str(), fault.sentence.as_str()),
            ("/limit", "the value is not allowed")
        );
    }
}
