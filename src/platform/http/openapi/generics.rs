//! Schemas of generic types: what they are made for is written out in them where it could be referred to.

use serde_json::{Map, Value, json};

/// Puts a reference wherever a named schema is written out within another.
pub(super) fn refer_to_parts(schemas: &mut Value) {
    let named = schemas.as_object().cloned().unwrap_or_default();
    for (name, schema) in schemas.as_object_mut().into_iter().flatten() {
        refer(schema, (name, &named), true);
    }
}

fn refer(schema: &mut Value, (whole, named): (&str, &Map<String, Value>), is_whole: bool) {
    if schema.is_object() && !is_whole {
        let same = named
            .iter()
            .find(|(name, known)| *name != whole && *known == schema);
        if let Some((name, _)) = same {
            *schema = json!({ "$ref": format!("#/components/schemas/{name}") });
            return;
        }
    }
    match schema {
        Value::Object(members) => {
            for (name, member) in members {
                if name != "examples" {
                    refer(member, (whole, named), false);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                refer(item, (whole, named), false);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_name_is_referred_to() {
        let person = json!({ "type": "object", "properties": { "name": { "type": "string" } } });
        let mut schemas = json!({
            "Person": person,
            "List_Person": { "type": "array", "items": person, "examples": [person] },
        });
        refer_to_parts(&mut schemas);
        assert_eq!(schemas["Person"], person);
        let list = json!({
            "type": "array", "items": { "$ref": "#/components/schemas/Person" }, "examples": [person],
        });
        assert_eq!(schemas["List_Person"], list);
    }
}
