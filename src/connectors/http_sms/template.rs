//! Texts with placeholders, such as `+{{to}}`. What may stand in one depends on where it stands; how a value is escaped
//! there is for whoever writes the request, which never joins texts to URLs, forms or JSON by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::values::Secret;

/// Longest text of a template, in bytes.
const BYTES_MAX: usize = 2_000;
/// Digits of the longest short code, which is no international number and takes no `+`.
const SHORT_CODE_DIGITS_MAX: usize = 6;

/// A text with placeholders.
#[derive(Debug, Clone)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone)]
enum Piece {
    Literal(String),
    Value(Value),
    Secret(Secret),
}

/// What a placeholder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// The recipient's digits.
    To,
    /// The same with a `+`, unless it is a short code.
    PlusTo,
    /// The sender's digits.
    From,
    PlusFrom,
    Text,
    /// Our id of the message.
    Id,
    /// The provider's word for the encoding that the text needs.
    Encoding,
    /// Where the provider is to call us.
    CallbackUrl,
}

const VALUES: [(&str, Value); 8] = [
    ("to", Value::To),
    ("+to", Value::PlusTo),
    ("from", Value::From),
    ("+from", Value::PlusFrom),
    ("text", Value::Text),
    ("id", Value::Id),
    ("encoding", Value::Encoding),
    ("callbackUrl", Value::CallbackUrl),
];

/// Where a template stands, which says what may be in it.
///
/// A body waits until the gate has opened; the head of a request does not. So a text is in a body alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// It shows in logs along the way, so no secret is in it.
    Path,
    Query,
    Header,
    Body,
    /// A name or password.
    Credential,
}

impl Stand {
    fn takes(self, value: Value) -> bool {
        match self {
            Self::Path => matches!(
                value,
                Value::To | Value::PlusTo | Value::From | Value::PlusFrom | Value::Id
            ),
            Self::Query => value != Value::Text,
            Self::Header => value == Value::Id,
            Self::Body => true,
            Self::Credential => false,
        }
    }

    fn takes_secrets(self) -> bool {
        self != Self::Path
    }
}

/// The secrets of a service, and what of them and of other values templates have named.
#[derive(Debug, Default)]
pub struct Names {
    pub secrets: BTreeMap<String, Secret>,
    pub used_secrets: BTreeSet<String>,
    pub used_values: BTreeSet<Value>,
}

/// What is put in the place of placeholders.
pub struct Values<'a> {
    pub to: &'a str,
    pub from: &'a str,
    pub text: &'a str,
    pub id: &'a str,
    pub encoding: &'a str,
    /// `None`: nobody knows where the outside reaches us.
    pub callback_url: Option<&'a str>,
}

impl Template {
    /// Reads a text, or says what is wrong with it without repeating it.
    pub fn parse(text: &str, stand: Stand, names: &mut Names) -> Result<Self, String> {
        if text.len() > BYTES_MAX {
            return Err(format!("must have at most {BYTES_MAX} bytes"));
        }
        if text.contains('\0') {
            return Err("may not have the character U+0000".to_owned());
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("{{") {
            let (name, after) = behind
                .split_once("}}")
                .ok_or("has a {{ that no }} follows")?;
            if !before.is_empty() {
                pieces.push(Piece::Literal(before.to_owned()));
            }
            pieces.push(placeholder(name, stand, names)?);
            rest = after;
        }
        if rest.contains("}}") && !stand_takes_braces(stand) {
            return Err("has a }} that no {{ is before".to_owned());
        }
        if !rest.is_empty() {
            pieces.push(Piece::Literal(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// The text with everything in its place; `None` where something is not known.
    pub fn render(&self, values: &Values<'_>) -> Option<String> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Secret(secret) => text.push_str(secret.expose()),
                Piece::Value(value) => values.write(*value, &mut text)?,
            }
        }
        Some(text)
    }

    /// Whether a secret is in it.
    pub fn is_secret(&self) -> bool {
        let mut pieces = self.0.iter();
        pieces.any(|piece| matches!(piece, Piece::Secret(_)))
    }

    /// The text of a template that has no placeholders.
    pub fn literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }
}

/// JSON in JSON has them at its ends.
fn stand_takes_braces(stand: Stand) -> bool {
    stand == Stand::Body
}

fn placeholder(name: &str, stand: Stand, names: &mut Names) -> Result<Piece, String> {
    if let Some(secret) = name.strip_prefix("secret.") {
        if !stand.takes_secrets() {
            return Err("may not have a secret, which would be shown in logs".to_owned());
        }
        let known = names.secrets.get(secret);
        let known = known.ok_or("names a secret that is not in the secret document")?;
        names.used_secrets.insert(secret.to_owned());
        return Ok(Piece::Secret(known.clone()));
    }
    let known = VALUES.iter().find(|(word, _)| *word == name);
    let (_, value) = known.ok_or_else(|| {
        let words = VALUES.map(|(word, _)| word).join(", ");
        format!("has an unknown placeholder; there are {words} and secret.<name>")
    })?;
    if !stand.takes(*value) {
        let words = VALUES.iter().filter(|(_, value)| stand.takes(*value));
        let words: Vec<&str> = words.map(|(word, _)| *word).collect();
        let words = words.join(", ");
        return Err(format!("may not have this placeholder here; but: {words}"));
    }
    names.used_values.insert(*value);
    Ok(Piece::Value(*value))
}

impl fmt::Debug for Values<'_> {
    /// Shows nothing that is anybody's business.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Values({})", self.id)
    }
}

impl Values<'_> {
    fn write(&self, value: Value, text: &mut String) -> Option<()> {
        match value {
            Value::To => text.push_str(self.to),
            Value::PlusTo => push_international(self.to, text),
            Value::From => text.push_str(self.from),
            Value::PlusFrom => push_international(self.from, text),
            Value::Text => text.push_str(self.text),
            Value::Id => text.push_str(self.id),
            Value::Encoding => text.push_str(self.encoding),
            Value::CallbackUrl => text.push_str(self.callback_url?),
        }
        Some(())
    }
}

fn push_international(digits: &str, text: &mut String) {
    if digits.len() > SHORT_CODE_DIGITS_MAX {
        text.push('+');
    }
    text.push_str(digits);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VALUES: Values<'static> = Values {
        to: "15555550100",
        from: "87767",
        text: "Hi {{to}} & \"more\"",
        id: "1613474523265-0",
        encoding: "unicode",
        callback_url: Some("https://gateway.example.com/callback"),
    };

    fn names() -> Names {
        let secret = Secret::new("hush".to_owned());
        Names {
            secrets: BTreeMap::from([("token".to_owned(), secret)]),
            ..Names::default()
        }
    }

    fn parse(text: &str, stand: Stand) -> Result<Template, String> {
        Template::parse(text, stand, &mut names())
    }

    fn render(text: &str) -> String {
        parse(text, Stand::Body).unwrap().render(&VALUES).unwrap()
    }

    #[test]
    fn placeholders_are_replaced_once_and_what_they_say_is_not_read_again() {
        assert_eq!(render("{{to}}/{{from}}"), "15555550100/87767");
        assert_eq!(render("{{text}}"), "Hi {{to}} & \"more\"");
        assert_eq!(render("a{{id}}b{{encoding}}"), "a1613474523265-0bunicode");
        assert_eq!(render("{{secret.token}}"), "hush");
        for literal in ["", "{", "}", "{a}", "{ {to} }", "}}"] {
            assert_eq!(render(literal), literal);
        }
    }

    #[test]
    fn an_international_number_has_a_plus_and_a_short_code_none() {
        assert_eq!(render("{{+to}} {{+from}}"), "+15555550100 87767");
    }

    #[test]
    fn what_is_not_known_cannot_be_written() {
        let nowhere = Values {
            callback_url: None,
            ..VALUES
        };
        let template = parse("{{callbackUrl}}", Stand::Body).unwrap();
        assert_eq!(template.render(&nowhere), None);
        assert_eq!(template.render(&VALUES).as_deref(), VALUES.callback_url);
    }

    #[test]
    fn what_may_stand_depends_on_where_it_stands() {
        for (text, path, query, header, body, credential) in [
            ("{{to}}", true, true, false, true, false),
            ("{{+from}}", true, true, false, true, false),
            ("{{id}}", true, true, true, true, false),
            ("{{text}}", false, false, false, true, false),
            ("{{encoding}}", false, true, false, true, false),
            ("{{callbackUrl}}", false, true, false, true, false),
            ("{{secret.token}}", false, true, true, true, true),
            ("{{secret.other}}", false, false, false, false, false),
            ("{{secret.}}", false, false, false, false, false),
            ("{{To}}", false, false, false, false, false),
            ("{{ to }}", false, false, false, false, false),
            ("{{}}", false, false, false, false, false),
            ("{{to", false, false, false, false, false),
            ("to}}", false, false, false, true, false),
            ("a\0", false, false, false, false, false),
            ("plain", true, true, true, true, true),
        ] {
            for (stand, expected) in [
                (Stand::Path, path),
                (Stand::Query, query),
                (Stand::Header, header),
                (Stand::Body, body),
                (Stand::Credential, credential),
            ] {
                assert_eq!(parse(text, stand).is_ok(), expected, "{text} {stand:?}");
            }
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let template = parse("Bearer {{secret.token}}", Stand::Header).unwrap();
        assert!(template.is_secret());
        assert!(!format!("{template:?}").contains("hush"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}|(\\{\\{|\\}\\}|to|text|secret|\\.|[a-z]){0,12}") {
            if let Ok(template) = parse(&text, Stand::Body) {
                let written = template.render(&VALUES).unwrap();
                prop_assert!(text.contains("{{") || written == text);
            }
        }
    }
}
