//! The two ways into the gateway, as requests.

use std::error::Error;
use std::time::Instant;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use nexus_gateway::auth::signature::sign_sha1;
use serde_json::{Value, json};

use crate::sink;
use crate::tenant::{KEY, SECRET, Tenant};

/// People who are written to, one after the other.
const PEOPLE: u64 = 1000;

/// Who hands messages in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// A third party, which signs what consumers wrote. The references take the same.
    ThirdParty,
    /// The contact centre.
    Submit,
}

/// Where the requests go, and how they are made.
#[derive(Debug, Clone)]
pub struct Target {
    door: Door,
    /// Each connection takes the next one.
    pub addresses: Vec<String>,
    ccid: &'static str,
    channels: Vec<String>,
    /// When the messages may be sent, if not at once.
    pub not_before: Option<String>,
    /// Above every number of an earlier run.
    first_number: u64,
}

impl Target {
    pub fn new(door: Door, addresses: Vec<String>, tenant: &Tenant, first_number: u64) -> Self {
        let channels = tenant.channels.iter().map(|channel| channel.id.clone());
        Self {
            door,
            addresses,
            ccid: tenant.ccid,
            channels: channels.collect(),
            not_before: None,
            first_number,
        }
    }

    /// One request, whose messages are due at `due`.
    pub fn request(
        &self,
        request: usize,
        messages: usize,
        due: Instant,
    ) -> Result<Request<Full<Bytes>>, Box<dyn Error>> {
        let first = self.first_number + u64::try_from(request * messages)?;
        let channel = &self.channels[request % self.channels.len()];
        let messages: Vec<Value> = (0..u64::try_from(messages)?)
            .map(|index| self.message(channel, first + index, &sink::marked_text(due)))
            .collect();
        let body = json!({ "messages": messages }).to_string();
        let builder = Request::builder()
            .method(Method::POST)
            .header("host", "127.0.0.1")
            .header("content-type", "application/json")
            .header("x-ccid", self.ccid);
        let builder = match self.door {
            Door::ThirdParty => builder
                .uri(format!("/nexus/v3/channels/{channel}/messages"))
                .header(
                    "x-hub-signature",
                    sign_sha1(SECRET.as_bytes(), body.as_bytes()),
                ),
            Door::Submit => builder.uri("/nexus/v3/messages").header("x-api-key", KEY),
        };
        Ok(builder.body(Full::new(Bytes::from(body)))?)
    }

    fn message(&self, channel: &str, number: u64, text: &str) -> Value {
        let person = format!("1650555{:04}", number % PEOPLE);
        let mut message = json!({ "type": "Text", "text": text });
        message["channel"] = match self.door {
            Door::ThirdParty => json!({
                "from": { "id": person },
                "to": { "id": channel },
                "messageId": format!("theirs-{number}"),
            }),
            Door::Submit => json!({ "from": { "id": channel }, "to": { "id": person } }),
        };
        if let Some(not_before) = &self.not_before {
            message["notBefore"] = json!(not_before);
        }
        message
    }
}
