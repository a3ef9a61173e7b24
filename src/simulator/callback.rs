//! What a provider calls us with, before it is sent: what became of a text, or what a consumer wrote.

use bytes::Bytes;
use hyper::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One call.
#[derive(Debug, Clone)]
pub(super) struct Callback {
    pub(super) method: Method,
    /// Below the address that is called.
    pub(super) path: &'static str,
    /// What stands behind the `?`.
    pub(super) query: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
}

/// A message that the provider took.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    /// The id that it gave it.
    pub(super) id: String,
    /// Ours, where the request had it.
    pub(super) our_id: Option<String>,
    pub(super) sender: String,
    pub(super) recipient: String,
}

/// What became of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Became {
    /// It is on its way.
    Sent,
    Delivered,
    Failed,
}

/// What a consumer wrote.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsumerText {
    /// The provider's own; a repetition has the same.
    pub id: String,
    pub from: String,
    pub to: String,
    pub text: String,
}

impl Callback {
    pub(super) fn json(method: Method, body: &Value) -> Self {
        Self {
            method,
            path: "",
            query: String::new(),
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.to_string().into(),
        }
    }
}
