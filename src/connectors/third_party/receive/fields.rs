//! Walks a JSON document by hand, so that every fault in it can be named with its place.

use std::fmt;

use serde_json::{Map, Value};

use super::InboundFault;
use crate::values::ReasonCode;

/// Something is at fault, and has been noted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noted;

/// One value of a document and the way to it. The way is only written out for a fault.
pub(super) struct Place<'a> {
    value: &'a Value,
    way: Way<'a>,
}

/// An object of a document.
pub(super) struct Object<'a> {
    members: &'a Map<String, Value>,
    place: &'a Place<'a>,
}

enum Way<'a> {
    Root,
    Member(&'a Place<'a>, &'static str),
    Item(&'a Place<'a>, usize),
}

impl<'a> Place<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self {
            value,
            way: Way::Root,
        }
    }

    pub(super) fn item<'b>(&'b self, index: usize, value: &'b Value) -> Place<'b> {
        Place {
            value,
            way: Way::Item(self, index),
        }
    }

    /// Notes a fault here, for the caller to return.
    pub(super) fn fault<T>(
        &self,
        faults: &mut Vec<InboundFault>,
        reason: ReasonCode,
        message: impl Into<String>,
    ) -> Result<T, Noted> {
        faults.push(InboundFault {
            path: self.to_string(),
            message: message.into(),
            reason,
        });
        Err(Noted)
    }

    /// Whether there is nothing here; `null` is nothing.
    pub(super) fn is_absent(&self) -> bool {
        self.value.is_null()
    }

    pub(super) fn object(&'a self, faults: &mut Vec<InboundFault>) -> Result<Object<'a>, Noted> {
        match self.value.as_object() {
            Some(members) => Ok(Object {
                members,
                place: self,
            }),
            None => self.wrong_kind(faults, "an object"),
        }
    }

    pub(super) fn array(&self, faults: &mut Vec<InboundFault>) -> Result<&'a Vec<Value>, Noted> {
        let array = self.value.as_array();
        array.map_or_else(|| self.wrong_kind(faults, "an array"), Ok)
    }

    pub(super) fn text(&self, faults: &mut Vec<InboundFault>) -> Result<&'a str, Noted> {
        let text = self.value.as_str();
        text.map_or_else(|| self.wrong_kind(faults, "a string"), Ok)
    }

    /// A text that need not be there and is not to be long.
    pub(super) fn short_text(
        &self,
        chars_max: usize,
        faults: &mut Vec<InboundFault>,
    ) -> Result<Option<String>, Noted> {
        if self.is_absent() {
            return Ok(None);
        }
        let text = self.text(faults)?;
        if text.chars().count() > chars_max {
            let sentence = format!("must have at most {chars_max} characters");
            return self.fault(faults, ReasonCode::InvalidStructure, sentence);
        }
        Ok(Some(text.to_owned()))
    }

    pub(super) fn integer(&self, faults: &mut Vec<InboundFault>) -> Result<i32, Noted> {
        let integer = self.value.as_i64();
        let integer = integer.and_then(|number| i32::try_from(number).ok());
        integer.map_or_else(|| self.wrong_kind(faults, "an integer"), Ok)
    }

    fn wrong_kind<T>(&self, faults: &mut Vec<InboundFault>, kind: &str) -> Result<T, Noted> {
        let sentence = if self.is_absent() {
            "is missing".to_owned()
        } else {
            format!("must be {kind}")
        };
        self.fault(faults, ReasonCode::InvalidStructure, sentence)
    }
}

impl<'a> Object<'a> {
    /// A member, which may be absent.
    pub(super) fn member(&self, name: &'static str) -> Place<'a> {
        Place {
            value: self.members.get(name).unwrap_or(&Value::Null),
            way: Way::Member(self.place, name),
        }
    }

    pub(super) fn place(&self) -> &Place<'a> {
        self.place
    }
}

impl fmt::Display for Place<'_> {
    /// The JSON pointer (RFC 6901). Names of members are all our own, so none needs escaping.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.way {
            Way::Root => Ok(()),
            Way::Member(parent, name) => write!(formatter, "{parent}/{name}"),
            Way::Item(parent, index) => write!(formatter, "{parent}/{index}"),
        }
    }
}
