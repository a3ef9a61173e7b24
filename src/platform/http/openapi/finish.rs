//! What is added to every operation at the end, because the middleware does it to every answer or because it follows
//! from what the handler said.

use std::collections::HashSet;

use serde_json::{Map, Value, json};
use utoipa::IntoResponses as _;
use utoipa::openapi::OpenApi;

use super::examples::example;
use super::generics::refer_to_parts;
use super::refusals::{self, AnyRefused};

/// The document as it is served.
///
/// # Errors
///
/// None that a caller could cause: a description that cannot be written as JSON.
pub fn finish(document: &OpenApi) -> serde_json::Result<Value> {
    let mut document = serde_json::to_value(document)?;
    document["components"]["responses"] = refusals::answers();
    let refused = serde_json::to_value(AnyRefused::responses())?;
    refer_to_parts(&mut document["components"]["schemas"]);
    let described = document.clone();
    for item in members(&mut document["paths"]) {
        name_apart(item);
        for operation in members(item) {
            name_permission(operation);
            add_refusals(operation, &refused);
            name_optional_body(operation);
            for answer in members(&mut operation["responses"]) {
                finish_answer(answer, &described);
            }
            if let Some(request) = operation.get_mut("requestBody") {
                show_examples(request, &described);
            }
        }
    }
    for answer in members(&mut document["components"]["responses"]) {
        finish_answer(answer, &described);
    }
    Ok(document)
}

/// The values of an object.
fn members(object: &mut Value) -> impl Iterator<Item = &mut Value> {
    object.as_object_mut().into_iter().flat_map(Map::values_mut)
}

/// Gives each operation a name of its own: the methods of one handler have the same until here.
fn name_apart(item: &mut Value) {
    let mut names = HashSet::new();
    for (method, operation) in item.as_object_mut().into_iter().flatten() {
        let name = operation["operationId"]
            .as_str()
            .unwrap_or(method)
            .to_owned();
        if !names.insert(name.clone()) {
            operation["operationId"] = json!(format!("{name}By{}", method.to_uppercase()));
        }
    }
}

/// Says in one way which permission a call needs: its security requirements have it as a role.
fn name_permission(operation: &mut Value) {
    let requirements = operation["security"].as_array();
    let mut roles = requirements
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .flat_map(|schemes| schemes.values())
        .filter_map(|roles| roles.get(0)?.as_str());
    let Some(permission) = roles.next().map(str::to_owned) else {
        return;
    };
    let sentence = format!("Needs the permission `{permission}`.");
    operation["description"] = match operation["description"].as_str() {
        Some(said) if !said.is_empty() => json!(format!("{said}\n\n{sentence}")),
        _ => json!(sentence),
    };
    operation["x-permission"] = json!(permission);
}

/// Adds what any request may be refused with.
fn add_refusals(operation: &mut Value, refused: &Value) {
    let answers = operation["responses"].as_object_mut();
    if let (Some(answers), Some(refused)) = (answers, refused.as_object()) {
        for (status, answer) in refused {
            answers.entry(status).or_insert_with(|| answer.clone());
        }
    }
}

/// A body that may be left out is not `null` instead.
fn name_optional_body(operation: &mut Value) {
    let Some(request) = operation.get_mut("requestBody") else {
        return;
    };
    let Some(schema) = request.pointer_mut("/content/application~1json/schema") else {
        return;
    };
    let alternatives = schema["oneOf"].as_array();
    let given = alternatives.and_then(|alternatives| match alternatives.as_slice() {
        [given, null] if null["type"] == "null" => Some(given.clone()),
        _ => None,
    });
    if let Some(given) = given {
        *schema = given;
        request["required"] = json!(false);
    }
}

/// Adds what every answer has. A reference is finished where it leads to.
fn finish_answer(answer: &mut Value, document: &Value) {
    if answer.get("$ref").is_some() {
        return;
    }
    if answer["description"].as_str().is_none_or(str::is_empty) {
        answer["description"] = json!("Done; where something was taken on or made, it is durable.");
    }
    answer["headers"]["X-Request-Id"] = json!({
        "description": "The name of the request in the log: the caller's own, if it sent one.",
        "schema": { "type": "string" },
    });
    show_examples(answer, document);
}

/// Gives every body of JSON an example, where it has none of its own.
fn show_examples(body: &mut Value, document: &Value) {
    if body.get("content").is_none() {
        return;
    }
    for media in members(&mut body["content"]) {
        let has_own = media.get("example").is_some() || media.get("examples").is_some();
        let found = example(&media["schema"], document).filter(|_| !has_own);
        if let Some(found) = found {
            media["example"] = found;
        }
    }
}
