//! What the status codes of receipts mean: a table that is known from a deployed client, and what a tenant knows better.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::connectors::document::SettingsFault;
use crate::values::ReasonCode;

/// Codes that a tenant may give a meaning.
const CODES_MAX: usize = 500;

/// What a receipt comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is on its way, and nothing is decided.
    UnderWay,
    Delivered,
    Failed(ReasonCode),
}

/// No public document has the whole table. What is not in it decides nothing.
const KNOWN: [(&str, Verdict); 21] = [
    ("5", Verdict::UnderWay),
    ("6", Verdict::UnderWay),
    ("7", Verdict::UnderWay),
    ("10", Verdict::UnderWay),
    ("30", Verdict::UnderWay),
    ("40", Verdict::Delivered),
    ("110", Verdict::Failed(ReasonCode::General)),
    ("124", Verdict::UnderWay),
    // A landline.
    ("129", Verdict::Failed(ReasonCode::InvalidDestination)),
    ("130", Verdict::Delivered),
    // Rejected for what it says.
    ("131", Verdict::Failed(ReasonCode::InvalidStructure)),
    ("132", Verdict::Failed(ReasonCode::InvalidStructure)),
    ("133", Verdict::Failed(ReasonCode::InvalidStructure)),
    ("200", Verdict::Delivered),
    ("210", Verdict::UnderWay),
    ("250", Verdict::Failed(ReasonCode::General)),
    ("260", Verdict::Failed(ReasonCode::General)),
    ("270", Verdict::Failed(ReasonCode::General)),
    ("275", Verdict::Failed(ReasonCode::General)),
    ("280", Verdict::Failed(ReasonCode::General)),
    ("290", Verdict::Failed(ReasonCode::General)),
];

/// The table in force for one tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusCodes(HashMap<String, Verdict>);

impl StatusCodes {
    /// Reads an object from codes to `Sent`, `Delivered`, or the reason code of a failure.
    pub(super) fn read(document: &Value) -> Result<Self, SettingsFault> {
        const PLACE: &str = "/data/statusCodes";
        let members: &Map<String, Value> = document
            .as_object()
            .ok_or_else(|| SettingsFault::new(PLACE, "must be an object"))?;
        if members.len() > CODES_MAX {
            let message = format!("must have at most {CODES_MAX} members");
            return Err(SettingsFault::new(PLACE, message));
        }
        let codes = members.iter().map(|(code, meaning)| {
            let verdict = verdict(meaning).ok_or_else(|| {
                // RFC 6901.
                let name = code.replace('~', "~0").replace('/', "~1");
                let message = "must be Sent, Delivered, or the number of a reason";
                SettingsFault::new(format!("{PLACE}/{name}"), message)
            })?;
            Ok((code.clone(), verdict))
        });
        Ok(Self(codes.collect::<Result<_, _>>()?))
    }

    /// What a code means; `None`: nobody has said.
    pub fn verdict(&self, code: &str) -> Option<Verdict> {
        let known = || KNOWN.iter().find(|(known, _)| *known == code);
        self.0
            .get(code)
            .copied()
            .or_else(|| known().map(|(_, verdict)| *verdict))
    }
}

fn verdict(meaning: &Value) -> Option<Verdict> {
    match meaning {
        Value::String(word) if word == "Sent" => Some(Verdict::UnderWay),
        Value::String(word) if word == "Delivered" => Some(Verdict::Delivered),
        Value::Number(code) => {
            let code = u16::try_from(code.as_u64()?).ok()?;
            ReasonCode::from_code(code).map(Verdict::Failed)
        }
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tenant_knows_better_and_what_nobody_knows_decides_nothing() {
        let codes = json!({ "40": 530, "999": "Delivered", "7": "Sent" });
        let codes = StatusCodes::read(&codes).unwrap();
        let invalid = Verdict::Failed(ReasonCode::InvalidDestination);
        assert_eq!(codes.verdict("40"), Some(invalid));
        assert_eq!(codes.verdict("999"), Some(Verdict::Delivered));
        assert_eq!(codes.verdict("130"), Some(Verdict::Delivered));
        assert_eq!(codes.verdict("1000"), None);
        assert_eq!(
            StatusCodes::default().verdict("40"),
            Some(Verdict::Delivered)
        );
    }

    #[test]
    fn what_means_nothing_is_named() {
        for (codes, place) in [
            (json!([]), "/data/statusCodes"),
            (json!({ "a/b": 12 }), "/data/statusCodes/a~1b"),
            (json!({ "1": "delivered" }), "/data/statusCodes/1"),
            (json!({ "1": -500 }), "/data/statusCodes/1"),
            (json!({ "1": null }), "/data/statusCodes/1"),
        ] {
            assert_eq!(StatusCodes::read(&codes).unwrap_err().path, place);
        }
    }
}
