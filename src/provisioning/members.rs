//! Reading a flat JSON object member by member, so that every fault is named with its place and all at once.

use std::fmt::Display;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::error::Fault;

/// Longest text of an option, in characters.
const TEXT_CHARS_MAX: usize = 255;

/// The members of an object that have not been read yet, and what was wrong with those that have.
#[derive(Debug)]
pub struct Members {
    pointer: &'static str,
    unread: Map<String, Value>,
    faults: Vec<Fault>,
}

impl Members {
    /// Begins to read the object at this JSON pointer of the body.
    pub fn new(pointer: &'static str, members: Map<String, Value>) -> Self {
        Self {
            pointer,
            unread: members,
            faults: Vec::new(),
        }
    }

    /// Whether a member is there to be read; one that is `null` counts as absent.
    pub fn has(&self, name: &str) -> bool {
        self.unread.get(name).is_some_and(|value| !value.is_null())
    }

    /// Takes a member out; one that is `null` counts as absent.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.unread.remove(name).filter(|value| !value.is_null())
    }

    /// Takes out a text of visible characters.
    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text)
                if text.is_empty()
                    || text.chars().count() > TEXT_CHARS_MAX
                    || text.contains(char::is_control) =>
            {
                self.fault(
                    name,
                    format!("must be 1 to {TEXT_CHARS_MAX} characters without control characters"),
                );
                None
            }
            Value::String(text) => Some(text),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => {
                self.fault(name, "must be a string");
                None
            }
        }
    }

    /// Takes out a text that has a form of its own.
    pub fn parsed<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self.text(name)?;
        text.parse()
            .map_err(|error: T::Err| self.fault(name, error.to_string()))
            .ok()
    }

    /// Takes out every member whose name begins like this.
    pub fn take_prefixed(&mut self, prefix: &str) -> Vec<(String, Value)> {
        let (taken, kept) = std::mem::take(&mut self.unread)
            .into_iter()
            .partition::<Map<_, _>, _>(|(name, _)| name.starts_with(prefix));
        self.unread = kept;
        taken.into_iter().collect()
    }

    /// Notes that a member is at fault.
    pub fn fault(&mut self, name: &str, message: impl Into<String>) {
        let name = name.replace('~', "~0").replace('/', "~1");
        self.faults
            .push(Fault::new(format!("{}/{name}", self.pointer), message));
    }

    /// Ends the reading: what is left is unknown and at fault.
    pub fn finish(mut self) -> Result<(), Vec<Fault>> {
        let unknown: Vec<String> = self.unread.keys().cloned().collect();
        for name in unknown {
            self.fault(&name, "is not known here");
        }
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(self.faults)
        }
    }
}
