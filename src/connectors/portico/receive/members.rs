//! The named values of one call, however they came.

use std::collections::BTreeMap;

use serde_json::Value;

use super::MemberFault;
use super::attachments::{ATTACHMENT, Written};
use crate::connectors::form::{self, BodyShape, NotUtf8};
use crate::values::ReasonCode;

/// The names that mean something to us; whatever else is there is ignored.
const NAMES: [&str; 10] = [
    TYPE,
    MESSAGE_ID,
    SHORTCODE,
    PHONE_NUMBER,
    "carrier",
    MESSAGE,
    MESSAGE_STATE,
    RESULT_CODE,
    "app_id",
    "conversation_id",
];
const TYPE: &str = "type";
pub(super) const MESSAGE_ID: &str = "message_id";
pub(super) const SHORTCODE: &str = "shortcode";
pub(super) const PHONE_NUMBER: &str = "phone_number";
pub(super) const MESSAGE: &str = "message";
pub(super) const MESSAGE_STATE: &str = "message_state";
pub(super) const RESULT_CODE: &str = "result_code";

/// Longest value of every member but the text, in characters.
const CHARS_MAX: usize = 255;

/// What a call says, by name. An empty value is as good as none, but for a text, which may be empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Members {
    values: BTreeMap<&'static str, String>,
    pub(super) attachments: Written,
}

impl Members {
    /// Reads what stands behind the `?` of the URL and what is in the body, if there is one. A member may be there
    /// more than once as long as it says the same.
    pub fn read(query: &str, body: Option<(BodyShape, &[u8])>) -> Result<Self, Vec<MemberFault>> {
        let mut members = Self::default();
        let mut faults = Vec::new();
        members.add_form(query.as_bytes(), &mut faults);
        match body {
            Some((BodyShape::Form, bytes)) => members.add_form(bytes, &mut faults),
            Some((BodyShape::Json, bytes)) => members.add_json(bytes, &mut faults),
            None => {}
        }
        if faults.is_empty() {
            Ok(members)
        } else {
            Err(faults)
        }
    }

    /// A value that is there and not empty, without the space around it.
    pub(super) fn word(&self, name: &str) -> Option<&str> {
        let word = self.values.get(name)?.trim();
        (!word.is_empty()).then_some(word)
    }

    /// The same of a member that has to be there.
    pub(super) fn needed(&self, name: &str) -> Result<&str, MemberFault> {
        self.word(name)
            .ok_or_else(|| MemberFault::new(name, "is missing"))
    }

    /// Refuses a call of another type, so that a message is never taken for a receipt. Case does not matter.
    pub(super) fn is_of_type(&self, expected: &str) -> Result<(), MemberFault> {
        if self.needed(TYPE)?.eq_ignore_ascii_case(expected) {
            return Ok(());
        }
        let sentence = format!("must be {expected} here");
        Err(MemberFault::with_reason(
            TYPE,
            ReasonCode::Unsupported,
            sentence,
        ))
    }

    /// What the consumer wrote, to the letter.
    pub(super) fn text(&self) -> Option<&str> {
        self.values.get(MESSAGE).map(String::as_str)
    }

    /// Everything but the text and the attachments, for whoever wants to know what was said to the letter.
    pub(super) fn as_json(&self) -> Value {
        self.values
            .iter()
            .filter(|(name, value)| **name != MESSAGE && !value.is_empty())
            .map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    fn add_form(&mut self, form: &[u8], faults: &mut Vec<MemberFault>) {
        for pair in form::pairs(form) {
            match pair {
                Ok((name, value)) => self.add(&name, value, faults),
                Err(NotUtf8) => {
                    return faults.push(MemberFault::new("", "the form is not in UTF-8"));
                }
            }
        }
    }

    fn add_json(&mut self, bytes: &[u8], faults: &mut Vec<MemberFault>) {
        let Ok(Value::Object(object)) = serde_json::from_slice(bytes) else {
            return faults.push(MemberFault::new("", "must be a JSON object"));
        };
        for (name, value) in object {
            match value {
                Value::Null => {}
                Value::String(text) => self.add(&name, text, faults),
                Value::Number(number) => self.add(&name, number.to_string(), faults),
                Value::Array(items) if name == ATTACHMENT => self.attachments.add_list(items),
                Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                    if NAMES.contains(&name.as_str()) {
                        faults.push(MemberFault::new(&name, "must be a text or a number"));
                    }
                }
            }
        }
    }

    fn add(&mut self, name: &str, value: String, faults: &mut Vec<MemberFault>) {
        if name.starts_with(ATTACHMENT) {
            return self.attachments.add(name, value);
        }
        let Some(name) = NAMES.into_iter().find(|known| *known == name) else {
            return;
        };
        if value.contains('\0') {
            return faults.push(MemberFault::new(name, "may not have the character U+0000"));
        }
        if name != MESSAGE && (value.chars().count() > CHARS_MAX || has_control(&value)) {
            let sentence =
                format!("must have at most {CHARS_MAX} characters and no control characters");
            return faults.push(MemberFault::new(name, sentence));
        }
        match self.values.get(name) {
            Some(earlier) if earlier.is_empty() => {
                self.values.insert(name, value);
            }
            Some(earlier) if value.is_empty() || *earlier == value => {}
            Some(_) => faults.push(MemberFault::new(name, "is there twice and says two things")),
            None => {
                self.values.insert(name, value);
            }
        }
    }
}

/// A line's end around a word is a habit of writers; within it is none.
fn has_control(value: &str) -> bool {
    value.trim().contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn form(text: &str) -> Result<Members, Vec<MemberFault>> {
        Members::read("", Some((BodyShape::Form, text.as_bytes())))
    }

    fn json_of(value: &Value) -> Result<Members, Vec<MemberFault>> {
        Members::read("", Some((BodyShape::Json, value.to_string().as_bytes())))
    }

    #[test]
    fn a_content_type_counts_without_its_parameters() {
        for (text, shape) in [
            ("application/x-www-form-urlencoded", Some(BodyShape::Form)),
            (
                "Application/X-WWW-Form-URLencoded; charset=ISO-8859-1",
                Some(BodyShape::Form),
            ),
            ("application/json;charset=utf-8", Some(BodyShape::Json)),
            (" application/json ", Some(BodyShape::Json)),
            ("text/plain", None),
            ("multipart/form-data; boundary=x", None),
            ("", None),
        ] {
            assert_eq!(BodyShape::of(text), shape, "{text:?}");
        }
    }

    #[test]
    fn query_form_and_json_say_the_same() {
        let written = "type=receipt&message_id=7&message_state=2&result_code=0&app_id=";
        let from_form = form(written).unwrap();
        assert_eq!(Members::read(written, None).unwrap(), from_form);
        let (in_query, in_body) = written.split_at(written.find("message_state").unwrap());
        let parted = Members::read(in_query, Some((BodyShape::Form, in_body.as_bytes())));
        assert_eq!(parted.unwrap(), from_form);
        let object = json!({
            "type": "receipt", "message_id": 7, "message_state": "2", "result_code": 0, "app_id": "", "carrier": null,
        });
        assert_eq!(json_of(&object).unwrap(), from_form);
    }

    #[test]
    fn unknown_members_are_ignored_whatever_they_are() {
        let members = form("a=1&a=2&message_id=7&%5B%5D=x").unwrap();
        assert_eq!(members.as_json(), json!({ "message_id": "7" }));
        let members = json_of(&json!({ "a": [{}], "b": true, "message_id": "7" })).unwrap();
        assert_eq!(members.as_json(), json!({ "message_id": "7" }));
    }

    #[test]
    fn a_member_may_be_there_twice_if_it_says_one_thing() {
        for twice in [
            "message_id=7&message_id=7",
            "message_id=&message_id=7",
            "message_id=7&message_id=",
        ] {
            assert_eq!(form(twice).unwrap().word(MESSAGE_ID), Some("7"), "{twice}");
        }
        let faults = form("message_id=7&message_id=8").unwrap_err();
        assert_eq!(faults[0].name, "message_id");
        let faults = Members::read("message_id=8", Some((BodyShape::Form, b"message_id=7")));
        assert_eq!(faults.unwrap_err()[0].name, "message_id");
    }

    #[test]
    fn what_cannot_be_a_value_is_named() {
        let long = format!("app_id={}", "x".repeat(256));
        for (text, name) in [
            ("message_id=a%00b", "message_id"),
            ("message=a%00b", "message"),
            ("message_id=a%0Ab", "message_id"),
            (long.as_str(), "app_id"),
            ("message=%FF", ""),
        ] {
            assert_eq!(form(text).unwrap_err()[0].name, name, "{text}");
        }
        for (value, name) in [
            (json!({ "message_id": [7] }), "message_id"),
            (json!({ "message": { "text": "a" } }), "message"),
            (json!({ "message_state": true }), "message_state"),
            (json!([]), ""),
            (json!("type=MO"), ""),
        ] {
            assert_eq!(json_of(&value).unwrap_err()[0].name, name, "{value}");
        }
    }

    #[test]
    fn attachments_are_seen_in_every_spelling() {
        let count = |members: Members| members.attachments.decode(9).unwrap().len();
        for text in [
            "mms_attachment[0].content=R0lG",
            "mms_attachment%5B0%5D.content=R0lG&mms_attachment[0].content_type=image/gif",
        ] {
            assert_eq!(count(form(text).unwrap()), 1, "{text}");
        }
        for value in [
            json!({ "mms_attachment": [{ "content": "R0lG" }] }),
            json!({ "mms_attachment[0].content": "R0lG" }),
        ] {
            assert_eq!(count(json_of(&value).unwrap()), 1, "{value}");
        }
        assert_eq!(count(form("mms_attachment[0].content=").unwrap()), 0);
        let none = json!({ "mms_attachment": [] });
        assert_eq!(count(json_of(&none).unwrap()), 0);
    }

    #[test]
    fn a_text_is_kept_to_the_letter_and_words_without_the_space_around_them() {
        let members = form("message=+Hi%0A&message_id=+7%0D%0A").unwrap();
        assert_eq!(members.text(), Some(" Hi\n"));
        assert_eq!(members.word(MESSAGE_ID), Some("7"));
        assert_eq!(form("message=").unwrap().text(), Some(""));
        assert_eq!(form("message").unwrap().text(), Some(""));
        assert_eq!(form("").unwrap().text(), None);
    }

    proptest! {
        #[test]
        fn the_order_of_members_makes_no_difference(
            mut pairs in prop::collection::vec((prop::sample::select(NAMES.to_vec()), "[a-z0-9]{0,4}"), 0..8),
        ) {
            let write = |pairs: &[(&str, String)]| {
                form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
            };
            let forward = form(&write(&pairs));
            pairs.reverse();
            let backward = form(&write(&pairs));
            prop_assert_eq!(forward.ok(), backward.ok());
        }

        #[test]
        fn nothing_that_comes_is_too_strange(query in ".{0,60}", body in any::<Vec<u8>>(), as_json in any::<bool>()) {
            let shape = if as_json { BodyShape::Json } else { BodyShape::Form };
            if let Err(faults) = Members::read(&query, Some((shape, &body))) {
                prop_assert!(!faults.is_empty());
            }
        }
    }
}
