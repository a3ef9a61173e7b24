//! What the status codes of receipts mean: a table that is known from a deployed client, and what a tenant knows better.

use serde_json::Value;

use crate::connectors::document::SettingsFault;
use crate::connectors::verdict::{Verdict, Verdicts};
use crate::values::ReasonCode;

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
pub struct StatusCodes(Verdicts);

impl StatusCodes {
    pub(super) fn read(document: &Value) -> Result<Self, SettingsFault> {
        Verdicts::read(document, "/data/statusCodes").map(Self)
    }

    /// What a code means; `None`: nobody has said.
    pub fn verdict(&self, code: &str) -> Option<Verdict> {
        let known = || KNOWN.iter().find(|(known, _)| *known == code);
        self.0
            .of(code)
            .or_else(|| known().map(|(_, verdict)| *verdict))
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
}
