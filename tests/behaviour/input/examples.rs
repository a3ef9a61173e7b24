//! The examples of the document are calls that the gateway takes.

use std::collections::HashSet;

use serde_json::Value;

use super::caller::Caller;
use super::door::{Door, Takes};
use super::doors::doors;
use super::site::Site;
use crate::harness::document::{Document, Operation};

/// Whose path the document's examples go to; the site has a tenant of its own.
const TENANT_OF_EXAMPLES: &str = "0ff723ff-6c6f-44e0-9ce3-ce579337eadd";

#[tokio::test]
async fn every_example_of_a_request_is_taken() {
    let site = Site::open().await;
    let document = Document::of_this_build();
    let mut caller = Caller::new(&site.gateway.url());
    let mut taken = 0;
    let mut seen = HashSet::new();
    for door in doors(&site.objects) {
        // Where an operation has several rows, the examples are of the first one's channel.
        if !seen.insert((door.method.clone(), door.template)) {
            continue;
        }
        let operation = document.operation(door.method.as_str(), door.template);
        for example in examples(&document, operation.unwrap()) {
            let example = example.to_string();
            let own = site.objects.provisioned.to_string();
            let body = example.replace(TENANT_OF_EXAMPLES, &own);
            let headers = site.headers(&json_door(&door), body.as_bytes());
            let call = (door.method.clone(), door.path.as_str());
            let answer = caller.call(call, headers, body.clone().into()).await;
            let answer = answer.unwrap();
            let said = String::from_utf8_lossy(&answer.body);
            // Some are taken only where more is provisioned than here; their rows say how they are answered.
            let is_taken = (200..300).contains(&answer.status);
            assert!(
                is_taken || door.answers == [answer.status],
                "{} {}: {body} is answered {said}",
                door.method,
                door.template
            );
            taken += 1;
        }
    }
    assert!(taken > 10, "only {taken} examples");
}

/// What the operation may be sent: its own example, and each of the schema's.
fn examples(document: &Document, operation: Operation<'_>) -> Vec<Value> {
    let media = &operation.json["requestBody"]["content"]["application/json"];
    let Some(whole) = media.get("example") else {
        return Vec::new();
    };
    let mut found = vec![whole.clone()];
    // A list of messages is shown with the first example of one; the others are as good.
    let item = media["schema"]["$ref"]
        .as_str()
        .and_then(|reference| document.json.pointer(&reference[1..]))
        .and_then(|body| body["properties"]["messages"]["items"]["$ref"].as_str())
        .and_then(|reference| document.json.pointer(&reference[1..]));
    let items = item.and_then(|item| item["examples"].as_array());
    for example in items.into_iter().flatten() {
        found.push(serde_json::json!({ "messages": [example] }));
    }
    found
}

/// The door with a body of JSON.
fn json_door(door: &Door) -> Door {
    Door {
        takes: Takes::Json(Value::Null),
        ..door.clone()
    }
}
