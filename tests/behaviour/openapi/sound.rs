//! The document keeps the rules of OpenAPI 3.1 that a reader relies on, and our own.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use crate::harness::document::{Document, Operation};

#[test]
fn the_document_is_openapi_3_1_with_a_title_and_a_version() {
    let document = Document::of_this_build().json;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    assert_eq!(document["info"]["title"], "nexus-gateway");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_operation_has_a_name_of_its_own_a_summary_and_a_known_tag() {
    let document = Document::of_this_build();
    let tags = document.json["tags"].as_array().unwrap();
    let tags: BTreeSet<&str> = tags.iter().map(|tag| text(&tag["name"])).collect();
    let (mut names, mut used) = (HashSet::new(), BTreeSet::new());
    for operation in document.operations() {
        let said = operation.json;
        assert!(
            names.insert(text(&said["operationId"])),
            "{}",
            operation.name()
        );
        let summary = text(&said["summary"]);
        assert!(
            summary.starts_with(char::is_uppercase) && summary.ends_with('.'),
            "{}: {summary}",
            operation.name()
        );
        used.extend(said["tags"].as_array().unwrap().iter().map(text));
    }
    assert_eq!(used, tags);
}

#[test]
fn every_parameter_of_a_path_is_declared_and_none_is_there_twice() {
    let document = Document::of_this_build();
    for operation in document.operations() {
        let in_path: BTreeSet<&str> = operation
            .path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        let parameters = operation.json["parameters"].as_array();
        let mut declared = BTreeSet::new();
        let mut seen = HashSet::new();
        for parameter in parameters.into_iter().flatten() {
            let (name, place) = (text(&parameter["name"]), text(&parameter["in"]));
            assert!(
                seen.insert((name, place)),
                "{}: {name} twice",
                operation.name()
            );
            if place == "path" {
                assert_eq!(parameter["required"], true, "{}", operation.name());
                declared.insert(name);
            }
        }
        assert_eq!(declared, in_path, "{}", operation.name());
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_part_is_referred_to() {
    let document = Document::of_this_build().json;
    let mut used = BTreeSet::new();
    references(&document, &mut used);
    for reference in &used {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in schemas.keys() {
        let reference = format!("#/components/schemas/{name}");
        assert!(used.contains(reference.as_str()), "nobody uses {name}");
    }
}

#[test]
fn every_security_scheme_that_an_operation_names_is_explained() {
    let document = Document::of_this_build();
    let schemes = document.json["components"]["securitySchemes"].as_object();
    let schemes: BTreeSet<&str> = schemes.unwrap().keys().map(String::as_str).collect();
    let mut used = BTreeSet::new();
    for operation in document.operations() {
        used.extend(requirements(operation).into_keys());
    }
    assert_eq!(used, schemes);
}

/// So that whoever walks the document knows what each call needs.
#[test]
fn every_operation_under_an_api_key_names_its_permission() {
    let document = Document::of_this_build();
    for operation in document.operations() {
        let requirements = requirements(operation);
        let by_key = ["apiKey", "basic"].map(|scheme| requirements.get(scheme));
        let roles: Vec<&str> = by_key.into_iter().flatten().flatten().copied().collect();
        let named = operation.json.get("x-permission").map(text);
        let named: Vec<&str> = named.into_iter().collect();
        assert_eq!(named, roles, "{}", operation.name());
        let said = operation.json["description"].as_str().unwrap_or_default();
        for permission in roles {
            let sentence = format!("Needs the permission `{permission}`.");
            assert!(said.ends_with(&sentence), "{}: {said}", operation.name());
        }
    }
}

#[test]
fn every_answer_is_described_and_every_refusal_has_the_envelope() {
    let document = Document::of_this_build();
    for operation in document.operations() {
        for (status, answer) in operation.json["responses"].as_object().unwrap() {
            let place = format!("{} {status}", operation.name());
            let answer = document.resolved(answer);
            assert!(!text(&answer["description"]).is_empty(), "{place}");
            assert!(answer["headers"]["X-Request-Id"].is_object(), "{place}");
            if status.as_str() >= "400" {
                let schema = &answer["content"]["application/json"]["schema"];
                let reference = text(&schema["$ref"]);
                assert!(reference.ends_with("Refusal"), "{place}: {reference}");
            }
        }
        assert!(
            operation.json["responses"]["503"].is_object(),
            "{}",
            operation.name()
        );
    }
}

#[test]
fn every_body_has_an_example_that_fits_its_schema() {
    let document = Document::of_this_build();
    for operation in document.operations() {
        for (place, media) in operation.media(&document) {
            let example = media.get("example");
            let example = example.unwrap_or_else(|| panic!("{place} has no example"));
            let misfit = document.misfit(&media["schema"], example);
            assert!(misfit.is_none(), "{place}: {misfit:?} in {example}");
        }
    }
    let schemas = document.json["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        for example in schema["examples"].as_array().into_iter().flatten() {
            let misfit = document.misfit(schema, example);
            assert!(misfit.is_none(), "{name}: {misfit:?} in {example}");
        }
    }
}

/// The security schemes of an operation with the roles that they need.
fn requirements(operation: Operation<'_>) -> BTreeMap<&str, Vec<&str>> {
    let alternatives = operation.json["security"].as_array().into_iter().flatten();
    let schemes = alternatives.flat_map(|alternative| alternative.as_object().unwrap());
    schemes
        .map(|(scheme, roles)| {
            let roles = roles.as_array().unwrap().iter().map(text);
            (scheme.as_str(), roles.collect())
        })
        .collect()
}

fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                found.insert(reference);
            }
            members
                .values()
                .for_each(|member| references(member, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
