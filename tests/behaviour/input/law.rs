//! What holds for every answer, whatever was asked.

use bytes::Bytes;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// The reason codes of the contract, and the code of a conflict that passes by itself.
const CODES: [u64; 9] = [305, 310, 350, 500, 510, 512, 520, 530, 4091];
/// Longest sentence: what a caller sent is not sent back at length, in characters.
const SENTENCE_CHARS_MAX: usize = 1_000;
/// What only the inside knows.
const INTERNALS: [&str; 16] = [
    "SQLSTATE",
    "sqlx",
    "serde",
    "postgres",
    "constraint",
    "relation \"",
    "::",
    ".rs",
    "src/",
    "panicked",
    "invalid type",
    "invalid value",
    "struct ",
    "Some(",
    " at line ",
    "untagged",
];

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn is_refusal(&self) -> bool {
        (400..500).contains(&self.status)
    }

    /// What is wrong with the answer; `None` if nothing is.
    pub fn fault(&self) -> Option<String> {
        let status = self.status;
        if !matches!(status, 200..=299 | 400..=499) {
            return Some(format!("is a {status}: {}", self.excerpt()));
        }
        if !self.headers.contains_key("x-request-id") {
            return Some(format!("{status} has no X-Request-Id"));
        }
        if !self.is_refusal() {
            return None;
        }
        let said = self.refusal_fault()?;
        Some(format!("{status} {said}: {}", self.excerpt()))
    }

    fn refusal_fault(&self) -> Option<String> {
        let Ok(body) = serde_json::from_slice::<Value>(&self.body) else {
            return Some("is not JSON".to_owned());
        };
        let content_type = self.headers.get("content-type");
        if content_type.is_none_or(|value| value != "application/json") {
            return Some("is not called JSON".to_owned());
        }
        let code = body["status"]["code"].as_u64();
        if !code.is_some_and(|code| code == u64::from(self.status) || CODES.contains(&code)) {
            return Some(format!("has the code {code:?}"));
        }
        if !body["status"]["message"].is_string() {
            return Some("has no sentence".to_owned());
        }
        texts(&body).into_iter().find_map(sentence_fault)
    }

    fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        text.chars().take(300).collect()
    }
}

/// Every text in a document.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(members) => members.values().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

fn sentence_fault(sentence: &str) -> Option<String> {
    if sentence.chars().count() > SENTENCE_CHARS_MAX {
        return Some("says too much".to_owned());
    }
    let internal = INTERNALS.iter().find(|word| sentence.contains(*word))?;
    Some(format!("tells of the inside ({internal})"))
}

#[test]
fn the_law_sees_what_must_not_be_said() {
    let answer = |status, body: &str| Answer {
        status,
        headers: HeaderMap::from_iter([
            ("x-request-id".parse().unwrap(), "1".parse().unwrap()),
            (
                "content-type".parse().unwrap(),
                "application/json".parse().unwrap(),
            ),
        ]),
        body: Bytes::copy_from_slice(body.as_bytes()),
    };
    let good = r#"{"status":{"code":520,"message":"the body is not JSON at byte 3"}}"#;
    assert_eq!(answer(400, good).fault(), None);
    for (status, body) in [
        (500, good),
        (503, good),
        (301, good),
        (400, "<html>"),
        (400, r#"{"status":{"code":422,"message":"no"}}"#),
        (400, r#"{"status":{"code":400}}"#),
        (400, r#"{"status":{"code":400,"message":"SQLSTATE 22021"}}"#),
        (
            400,
            r#"{"status":{"code":400,"message":"no","details":[{"path":"/a","message":"core::str::Utf8Error"}]}}"#,
        ),
    ] {
        assert!(answer(status, body).fault().is_some(), "{status} {body}");
    }
}
