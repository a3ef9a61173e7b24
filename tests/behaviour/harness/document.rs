//! The document of the API (OpenAPI 3.1), as tests ask it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;

use jsonschema::Validator;
use nexus_gateway::router;
use serde_json::{Value, json};

/// What an operation may be in a path item.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The document, with a validator for each schema that was asked for.
pub struct Document {
    pub json: Value,
    validators: RefCell<HashMap<String, Validator>>,
}

/// One method of one path.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'a> {
    /// In capitals.
    pub method: &'a str,
    pub path: &'a str,
    pub json: &'a Value,
}

impl Document {
    pub fn of_this_build() -> Self {
        Self::new(router::document())
    }

    pub fn new(json: Value) -> Self {
        Self {
            json,
            validators: RefCell::default(),
        }
    }

    pub fn operations(&self) -> Vec<Operation<'_>> {
        let paths = self.json["paths"].as_object().unwrap();
        let operations = paths.iter().flat_map(|(path, item)| {
            let item = item.as_object().unwrap();
            item.iter().map(move |(method, json)| {
                let known = METHODS.into_iter().find(|known| known == method);
                assert!(known.is_some(), "{path} has {method}");
                Operation { method, path, json }
            })
        });
        operations.collect()
    }

    pub fn operation(&self, method: &str, path: &str) -> Option<Operation<'_>> {
        self.operations()
            .into_iter()
            .find(|known| known.method.eq_ignore_ascii_case(method) && known.path == path)
    }

    /// What is wrong with an answer of an operation by what the document says of it; `None` if nothing is.
    pub fn fault(
        &self,
        (method, path): (&str, &str),
        status: u16,
        (content_type, body): (&str, &[u8]),
    ) -> Option<String> {
        let Some(operation) = self.operation(method, path) else {
            return Some("the document does not have the operation".to_owned());
        };
        let Some(answer) = operation.json["responses"].get(status.to_string()) else {
            return Some(format!("the document does not have {status}"));
        };
        let answer = self.resolved(answer);
        let Some(content) = answer["content"].as_object() else {
            let is_empty = body.is_empty();
            return (!is_empty).then(|| format!("{status} has a body"));
        };
        let essence = content_type.split(';').next().unwrap_or_default();
        let Some(media) = content.get(essence).or_else(|| content.get("*/*")) else {
            return Some(format!("{status} is not {content_type} in the document"));
        };
        if essence != "application/json" {
            return None;
        }
        let value = serde_json::from_slice(body).unwrap_or_default();
        let fault = self.misfit(&media["schema"], &value)?;
        Some(format!("{status} is not as in the document: {fault}"))
    }

    /// What is referred to, or what is there itself.
    pub fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let reference = value["$ref"]
            .as_str()
            .and_then(|text| text.strip_prefix('#'));
        reference.map_or(value, |pointer| self.json.pointer(pointer).unwrap())
    }

    /// In what a value does not fit a schema of the document.
    pub fn misfit(&self, schema: &Value, value: &Value) -> Option<String> {
        let mut validators = self.validators.borrow_mut();
        let validator = validators
            .entry(schema.to_string())
            .or_insert_with(|| self.validator(schema));
        let faults: Vec<String> = validator
            .iter_errors(value)
            .map(|fault| format!("{} {fault}", fault.instance_path()))
            .collect();
        (!faults.is_empty()).then(|| faults.join("; "))
    }

    fn validator(&self, schema: &Value) -> Validator {
        let whole = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "allOf": [schema],
            "components": self.json["components"],
        });
        jsonschema::draft202012::options()
            .should_validate_formats(true)
            .build(&whole)
            .unwrap_or_else(|fault| panic!("{schema} is no schema: {fault}"))
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Document").finish_non_exhaustive()
    }
}

impl Operation<'_> {
    /// As failures call it.
    pub fn name(&self) -> String {
        format!("{} {}", self.method.to_uppercase(), self.path)
    }

    /// Every body of JSON that it speaks of, with its place: its schema and its example.
    pub fn media<'a>(&'a self, document: &'a Document) -> Vec<(String, &'a Value)> {
        let request = self.json.get("requestBody").map(|body| ("request", body));
        let answers = self.json["responses"].as_object().into_iter().flatten();
        let answers = answers.map(|(status, answer)| (status.as_str(), answer));
        let bodies = request.into_iter().chain(answers);
        let media = bodies.filter_map(|(place, body)| {
            let media = document.resolved(body)["content"].get("application/json")?;
            Some((format!("{}: {place}", self.name()), media))
        });
        media.collect()
    }
}
