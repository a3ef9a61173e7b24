//! The two ways into the gateway, as requests.

use std::error::Error;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::json;

use crate::sink;
use crate::stand::{CCID, CHANNEL, KEY, LISTEN, SECRET};

/// People who are written to, one after the other.
const PEOPLE: u64 = 1000;

/// Where the requests go, and how they are made.
#[derive(Debug)]
pub struct Target {
    pub address: String,
    pub path: String,
    /// The headers of every request.
    pub headers: Vec<(&'static str, String)>,
    /// The key that signs each body, if they are signed.
    pub secret: Option<String>,
    /// Renders one message with its number and text.
    pub message: fn(u64, &str) -> String,
    /// Above every number of an earlier run.
    pub first_number: u64,
}

/// Signed messages from consumers; each run has numbers of its own.
pub fn third_party(run: usize) -> Target {
    Target {
        address: LISTEN.to_owned(),
        path: format!("/nexus/v3/channels/{CHANNEL}/messages"),
        headers: vec![("x-ccid", CCID.to_owned())],
        secret: Some(SECRET.to_owned()),
        message: |number, text| {
            json!({
                "channel": {
                    "from": { "id": person(number) },
                    "to": { "id": CHANNEL },
                    "messageId": format!("theirs-{number}"),
                },
                "type": "Text",
                "text": text,
            })
            .to_string()
        },
        first_number: first_number(run),
    }
}

/// Messages that the contact centre submits.
pub fn submit(run: usize) -> Target {
    Target {
        address: LISTEN.to_owned(),
        path: "/nexus/v3/messages".to_owned(),
        headers: vec![("x-ccid", CCID.to_owned()), ("x-api-key", KEY.to_owned())],
        secret: None,
        message: |number, text| {
            json!({
                "channel": { "from": { "id": CHANNEL }, "to": { "id": person(number) } },
                "type": "Text",
                "text": text,
            })
            .to_string()
        },
        first_number: first_number(run),
    }
}

fn person(number: u64) -> String {
    format!("1650555{:04}", number % PEOPLE)
}

fn first_number(run: usize) -> u64 {
    u64::try_from(run).unwrap_or(0) * 1_000_000_000
}

impl Target {
    /// One request, whose messages are made now.
    pub fn request(
        &self,
        request: usize,
        messages: usize,
    ) -> Result<Request<Full<Bytes>>, Box<dyn Error>> {
        let first = self.first_number + u64::try_from(request * messages)?;
        let rendered: Vec<String> = (0..u64::try_from(messages)?)
            .map(|index| (self.message)(first + index, &sink::marked_text()))
            .collect();
        let body = format!("{{\"messages\":[{}]}}", rendered.join(","));
        let mut builder = Request::builder()
            .method(Method::POST)
            .uri(&self.path)
            .header("host", &self.address)
            .header("content-type", "application/json");
        for (name, value) in &self.headers {
            builder = builder.header(*name, value);
        }
        if let Some(secret) = &self.secret {
            let signature =
                nexus_gateway::auth::signature::sign_sha1(secret.as_bytes(), body.as_bytes());
            builder = builder.header("x-hub-signature", signature);
        }
        Ok(builder.body(Full::new(Bytes::from(body)))?)
    }
}
