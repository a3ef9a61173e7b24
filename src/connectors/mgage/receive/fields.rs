//! The fields of a form, whatever they are called.

use serde_json::{Map, Value};

use crate::connectors::form::{self, MemberFault};

/// Longest id, in characters.
const ID_CHARS_MAX: usize = 255;
/// More are in no call of DirectTEXT.
const FIELDS_MAX: usize = 100;

/// A form as it came. Of fields with one name the first counts.
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(super) fn read(form: &[u8]) -> Result<Self, MemberFault> {
        let pairs: Result<Vec<_>, _> = form::pairs(form).take(FIELDS_MAX + 1).collect();
        let pairs = pairs.map_err(|_| MemberFault::new("", "the form is not UTF-8"))?;
        if pairs.len() > FIELDS_MAX {
            return Err(MemberFault::new("", "the form has too many fields"));
        }
        // No text of the database can hold it.
        if pairs
            .iter()
            .any(|(name, value)| name.contains('\0') || value.contains('\0'))
        {
            return Err(MemberFault::new(
                "",
                "the form may not have the character U+0000",
            ));
        }
        Ok(Self(pairs))
    }

    /// What a field says, be it nothing.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.iter();
        let (_, value) = fields.find(|(given, _)| given == name)?;
        Some(value)
    }

    /// What a field says; a blank one is as good as none.
    pub(super) fn said(&self, name: &str) -> Option<&str> {
        let value = self.given(name)?.trim();
        (!value.is_empty()).then_some(value)
    }

    /// An id that can be kept.
    pub(super) fn id(&self, name: &'static str) -> Result<&str, MemberFault> {
        let id = self
            .said(name)
            .ok_or_else(|| MemberFault::new(name, "is missing"))?;
        if id.chars().count() > ID_CHARS_MAX || id.contains(char::is_control) {
            let message = format!("must have at most {ID_CHARS_MAX} characters");
            return Err(MemberFault::new(name, message));
        }
        Ok(id)
    }

    /// All of it, for the history.
    pub(super) fn as_json(&self) -> Value {
        let mut members = Map::new();
        for (name, value) in &self.0 {
            members
                .entry(name.clone())
                .or_insert_with(|| Value::from(value.clone()));
        }
        Value::Object(members)
    }
}
