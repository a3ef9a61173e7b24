//! Where something stands in what a provider says: a JSON pointer, or the name of a member or field.

use serde_json::Value;

/// Longest one, in bytes.
const BYTES_MAX: usize = 200;

/// A place in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// A JSON pointer (RFC 6901).
    pointer: String,
}

impl Place {
    /// Reads a pointer such as `/messages/0/status`, or a bare name, which means the member of that name.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > BYTES_MAX || text.contains(char::is_control) {
            let message = format!("must be a JSON pointer or a name of 1 to {BYTES_MAX} bytes");
            return Err(message);
        }
        let pointer = if text.starts_with('/') {
            if !has_right_escapes(text) {
                return Err(
                    "is no JSON pointer: a ~ must be written as ~0, or stand in ~1".to_owned(),
                );
            }
            text.to_owned()
        } else {
            crate::connectors::document::member("", text)
        };
        Ok(Self { pointer })
    }

    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// The place as callers name members: without the slash in front.
    pub fn name(&self) -> &str {
        self.pointer.strip_prefix('/').unwrap_or(&self.pointer)
    }

    pub fn find<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        document.pointer(&self.pointer)
    }

    /// What stands there, if it is a text, a number or a truth value.
    pub fn said(&self, document: &Value) -> Option<String> {
        word(self.find(document)?)
    }
}

fn has_right_escapes(pointer: &str) -> bool {
    let mut behind = pointer.split('~').skip(1);
    behind.all(|rest| rest.starts_with(['0', '1']))
}

/// A text, number or truth value as a text.
pub fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_is_the_member_of_that_name_and_a_pointer_goes_deeper() {
        let document = json!({
            "messages": [{ "message-id": "a", "status": 0, "final": true, "more": null }], "a/b": { "~": "b" },
        });
        let said = |place: &str| Place::parse(place).unwrap().said(&document);
        assert_eq!(said("/messages/0/message-id").as_deref(), Some("a"));
        assert_eq!(said("/messages/0/status").as_deref(), Some("0"));
        assert_eq!(said("/messages/0/final").as_deref(), Some("true"));
        assert_eq!(said("/a~1b/~0").as_deref(), Some("b"));
        for nothing in ["messages", "/messages/1/status", "/messages/0/more", "a/b"] {
            assert_eq!(said(nothing), None, "{nothing}");
        }
        let named = Place::parse("a/b").unwrap();
        assert_eq!((named.pointer(), named.name()), ("/a~1b", "a~1b"));
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in ["", "a\nb", "/a~b", "/a~", "/~2", &"a".repeat(201)] {
            assert!(Place::parse(text).is_err(), "{text:.20}");
        }
    }
}
