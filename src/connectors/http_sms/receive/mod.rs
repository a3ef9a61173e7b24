//! What the provider calls us with: receipts and texts of consumers, one or a list of them, as JSON, as a form or behind
//! the `?`, where the settings say that each of their members is.

mod item;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use super::settings::{CallbackRules, ReceiptId};
use crate::connectors::callback::{Receipt, Text};
use crate::connectors::form::{self, BodyShape, MemberFault};

/// More fields are in no call.
const FIELDS_MAX: usize = 100;
/// Receipts and texts of one call.
const ITEMS_MAX: usize = 1_000;

/// What of a call can be taken, and what is wrong with the rest of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Call {
    pub receipts: Vec<Receipt>,
    pub texts: Vec<PlacedText>,
    pub faults: Vec<MemberFault>,
}

/// A text, and where in the call its receiver's number is, for whoever finds that the number is not the tenant's.
#[derive(Debug, PartialEq, Eq)]
pub struct PlacedText {
    pub text: Text,
    pub to: String,
}

/// Reads a call. `query` is what stands behind the `?`; it counts where there is no body.
///
/// # Errors
///
/// What is wrong with it as a whole. What is wrong with one of several is among its `faults`: a provider that repeats all
/// because of one would lose the others.
pub fn read(
    rules: &CallbackRules,
    query: &str,
    body: Option<(BodyShape, &[u8])>,
    text_bytes_max: usize,
) -> Result<Call, MemberFault> {
    let document = match body {
        None => fields(query.as_bytes())?,
        Some((BodyShape::Form, bytes)) => fields(bytes)?,
        Some((BodyShape::Json, bytes)) => {
            serde_json::from_slice(bytes).map_err(|_| MemberFault::new("", "must be JSON"))?
        }
    };
    let (items, place) = items(rules, &document)?;
    let mut call = Call::default();
    for (index, value) in items.iter().enumerate() {
        let place = match place {
            Some(place) => format!("{place}/{index}"),
            None => String::new(),
        };
        item::read(rules, (value, &place), text_bytes_max, &mut call);
    }
    Ok(call)
}

/// The receipts and texts of a call, and where their list is, if there is one.
fn items<'a>(
    rules: &'a CallbackRules,
    document: &'a Value,
) -> Result<(&'a [Value], Option<&'a str>), MemberFault> {
    let Some(place) = &rules.items else {
        // A list of its own, as some providers send it.
        return Ok(match document {
            Value::Array(items) => (limited(items)?, Some("")),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => (std::slice::from_ref(document), None),
        });
    };
    let items = place.find(document).and_then(Value::as_array);
    let items = items.ok_or_else(|| MemberFault::new(place.name(), "must be a list"))?;
    Ok((limited(items)?, Some(place.name())))
}

fn limited(items: &[Value]) -> Result<&[Value], MemberFault> {
    if items.len() > ITEMS_MAX {
        let message = format!("must have at most {ITEMS_MAX} items");
        return Err(MemberFault::new("", message));
    }
    Ok(items)
}

/// A form as an object of texts. A field may be there twice if it says one thing.
fn fields(form: &[u8]) -> Result<Value, MemberFault> {
    let mut members = Map::new();
    for (count, pair) in form::pairs(form).enumerate() {
        let (name, value) = pair.map_err(|_| MemberFault::new("", "the form is not UTF-8"))?;
        if count == FIELDS_MAX {
            return Err(MemberFault::new("", "the form has too many fields"));
        }
        // No text of the database can hold it.
        if name.contains('\0') || value.contains('\0') {
            let message = "the form may not have the character U+0000";
            return Err(MemberFault::new("", message));
        }
        let value = Value::String(value);
        if members.get(&name).is_some_and(|said| *said != value) {
            let message = "is there twice and says two things";
            return Err(MemberFault::new(&name, message));
        }
        members.insert(name, value);
    }
    Ok(Value::Object(members))
}

/// Whether receipts name a text by our id.
pub fn names_our_id(rules: &CallbackRules) -> bool {
    let receipt = rules.receipt.as_ref();
    receipt.is_some_and(|receipt| matches!(receipt.id, ReceiptId::Ours(_)))
}
