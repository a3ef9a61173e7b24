//! Walks a JSON document by hand, so that every fault in it can be named with its place.

use std::fmt;

use serde_json::{Map, Value};

use crate::values::ReasonCode;

/// Characters of a stranger's word that a sentence repeats.
const REPEATED_CHARS_MAX: usize = 40;

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// A JSON pointer into the document.
    pub path: String,
    pub message: String,
    pub reason: ReasonCode,
}

/// Something is at fault, and has been noted.
#[derive(Debug, Clone, Copy)]
pub struct Noted;

/// One value of a document and the way to it. The way is only written out for a fault.
#[derive(Debug)]
pub struct Place<'a> {
    value: &'a Value,
    way: Way<'a>,
}

/// An object of a document.
#[derive(Debug)]
pub struct Object<'a> {
    members: &'a Map<String, Value>,
    place: &'a Place<'a>,
}

#[derive(Debug)]
enum Way<'a> {
    Root,
    Member(&'a Place<'a>, &'static str),
    Item(&'a Place<'a>, usize),
}

impl<'a> Place<'a> {
    pub fn root(value: &'a Value) -> Self {
        Self {
            value,
            way: Way::Root,
        }
    }

    pub fn item<'b>(&'b self, index: usize, value: &'b Value) -> Place<'b> {
        Place {
            value,
            way: Way::Item(self, index),
        }
    }

    /// Notes a fault here, for the caller to return.
    pub fn fault<T>(
        &self,
        faults: &mut Vec<Fault>,
        reason: ReasonCode,
        message: impl Into<String>,
    ) -> Result<T, Noted> {
        faults.push(Fault {
            path: self.to_string(),
            message: message.into(),
            reason,
        });
        Err(Noted)
    }

    /// Whether there is nothing here; `null` is nothing.
    pub fn is_absent(&self) -> bool {
        self.value.is_null()
    }

    pub fn object(&'a self, faults: &mut Vec<Fault>) -> Result<Object<'a>, Noted> {
        match self.value.as_object() {
            Some(members) => Ok(Object {
                members,
                place: self,
            }),
            None => self.wrong_kind(faults, "an object"),
        }
    }

    pub fn array(&self, faults: &mut Vec<Fault>) -> Result<&'a Vec<Value>, Noted> {
        let array = self.value.as_array();
        array.map_or_else(|| self.wrong_kind(faults, "an array"), Ok)
    }

    pub fn text(&self, faults: &mut Vec<Fault>) -> Result<&'a str, Noted> {
        let text = self.value.as_str();
        text.map_or_else(|| self.wrong_kind(faults, "a string"), Ok)
    }

    /// A text that need not be there and is not to be long.
    pub fn short_text(
        &self,
        chars_max: usize,
        faults: &mut Vec<Fault>,
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

    pub fn integer(&self, faults: &mut Vec<Fault>) -> Result<i32, Noted> {
        let integer = self.value.as_i64();
        let integer = integer.and_then(|number| i32::try_from(number).ok());
        integer.map_or_else(|| self.wrong_kind(faults, "an integer"), Ok)
    }

    fn wrong_kind<T>(&self, faults: &mut Vec<Fault>, kind: &str) -> Result<T, Noted> {
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
    pub fn member(&self, name: &'static str) -> Place<'a> {
        Place {
            value: self.members.get(name).unwrap_or(&Value::Null),
            way: Way::Member(self.place, name),
        }
    }

    pub fn place(&self) -> &Place<'a> {
        self.place
    }

    /// Notes every member that is not among the known ones.
    pub fn refuse_others(&self, known: &[&str], faults: &mut Vec<Fault>) -> Result<(), Noted> {
        let mut others = self
            .members
            .keys()
            .filter(|name| !known.contains(&name.as_str()))
            .peekable();
        if others.peek().is_none() {
            return Ok(());
        }
        for name in others {
            let shown: String = name.chars().take(REPEATED_CHARS_MAX).collect();
            let sentence = format!("has the unknown member {shown:?}");
            let _ = self
                .place
                .fault::<()>(faults, ReasonCode::InvalidStructure, sentence);
        }
        Err(Noted)
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
