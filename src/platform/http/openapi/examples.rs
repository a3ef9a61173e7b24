//! Examples of whole bodies, put together from those of their parts.

use serde_json::{Map, Value};

/// An example of what has this schema; `None` where a part of it has none.
///
/// The first of a schema's own examples counts. Else that of an object is made of its members' (those
/// that need not be there are left out where they have none), that of a list
/// has one item, and that of a choice is its first alternative's.
pub(super) fn example(schema: &Value, document: &Value) -> Option<Value> {
    if let Some(own) = schema["examples"].get(0).or_else(|| schema.get("example")) {
        return Some(own.clone());
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.strip_prefix('#')?;
        return example(document.pointer(pointer)?, document);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return merged(parts, document);
    }
    if let Some(first) = schema["oneOf"].get(0) {
        return example(first, document);
    }
    if let Some(first) = schema["enum"].get(0) {
        return Some(first.clone());
    }
    match schema["type"].as_str()? {
        "object" => members(schema, document),
        "array" => Some(vec![example(&schema["items"], document)?].into()),
        _ => None,
    }
}

fn members(schema: &Value, document: &Value) -> Option<Value> {
    let mut members = Map::new();
    let needed = |name: &str| {
        let names = schema["required"].as_array();
        names.is_some_and(|names| names.iter().any(|needed| needed == name))
    };
    for (name, member) in schema["properties"].as_object()? {
        match example(member, document) {
            Some(example) => {
                members.insert(name.clone(), example);
            }
            None if needed(name) => return None,
            None => {}
        }
    }
    Some(members.into())
}

fn merged(parts: &[Value], document: &Value) -> Option<Value> {
    let mut members = Map::new();
    for part in parts {
        let Value::Object(more) = example(part, document)? else {
            return None;
        };
        members.extend(more);
    }
    Some(members.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_whole_is_put_together_from_its_parts() {
        let name = json!({ "type": "string", "examples": ["Jane", "Joe"] });
        let document = json!({ "components": { "schemas": { "Name": name } } });
        let of_name = json!({ "$ref": "#/components/schemas/Name" });
        let person = json!({
            "type": "object", "required": ["name", "state"],
            "properties": { "name": of_name, "state": { "enum": ["open", "closed"] }, "more": { "type": "integer" } },
        });
        let list = json!({ "type": "array", "items": person });
        let expected = json!([{ "name": "Jane", "state": "open" }]);
        assert_eq!(example(&list, &document), Some(expected));
        let both = json!({ "allOf": [person, { "type": "object", "examples": [{ "age": 7 }] }] });
        let expected = json!({ "name": "Jane", "state": "open", "age": 7 });
        assert_eq!(example(&both, &document), Some(expected));
    }

    #[test]
    fn where_a_part_has_none_there_is_none() {
        let schema = json!({
            "type": "object", "required": ["a"], "properties": { "a": { "type": "string" } },
        });
        assert_eq!(example(&schema, &json!({})), None);
    }
}
