//! What the words and numbers of providers mean for a message, and how a tenant says so in a service.

use std::collections::HashMap;

use serde_json::Value;

use super::document::{SettingsFault, member};
use crate::values::ReasonCode;

/// Words that a tenant may give a meaning, in one table.
const WORDS_MAX: usize = 500;

/// What a receipt comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is on its way, and nothing is decided.
    UnderWay,
    Delivered,
    Failed(ReasonCode),
}

/// A tenant's table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdicts(HashMap<String, Verdict>);

impl Verdicts {
    /// Reads an object from words to `Sent`, `Delivered`, or the reason code of a failure, which is found at `place`.
    pub fn read(document: &Value, place: &str) -> Result<Self, SettingsFault> {
        let members = document
            .as_object()
            .ok_or_else(|| SettingsFault::new(place, "must be an object"))?;
        if members.len() > WORDS_MAX {
            let message = format!("must have at most {WORDS_MAX} members");
            return Err(SettingsFault::new(place, message));
        }
        let verdicts = members.iter().map(|(word, meaning)| {
            let verdict = verdict(meaning).ok_or_else(|| {
                let message = "must be Sent, Delivered, or the number of a reason";
                SettingsFault::new(member(place, word), message)
            })?;
            Ok((word.clone(), verdict))
        });
        Ok(Self(verdicts.collect::<Result<_, _>>()?))
    }

    /// `None`: nobody has said.
    pub fn of(&self, word: &str) -> Option<Verdict> {
        self.0.get(word).copied()
    }
}

fn verdict(meaning: &Value) -> Option<Verdict> {
    match meaning {
        Value::String(word) if word == "Sent" => Some(Verdict::UnderWay),
        Value::String(word) if word == "Delivered" => Some(Verdict::Delivered),
        Value::Number(_) => reason(meaning).map(Verdict::Failed),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

/// The reason that a number names.
pub(super) fn reason(number: &Value) -> Option<ReasonCode> {
    let code = u16::try_from(number.as_u64()?).ok()?;
    ReasonCode::from_code(code)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_means_nothing_is_named() {
        for (codes, place) in [
            (json!([]), "/data/codes"),
            (json!({ "a/b": 12 }), "/data/codes/a~1b"),
            (json!({ "1": "delivered" }), "/data/codes/1"),
            (json!({ "1": -500 }), "/data/codes/1"),
            (json!({ "1": null }), "/data/codes/1"),
        ] {
            let fault = Verdicts::read(&codes, "/data/codes").unwrap_err();
            assert_eq!(fault.path, place);
        }
    }
}
