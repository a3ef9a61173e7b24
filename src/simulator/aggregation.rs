//! The aggregation service's side of its HTTP API: it hands in what consumers wrote and what became of messages.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use form_urlencoded::Serializer;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::{Map, Value};

use super::wire::{Reply, WireClient, WireError};

/// Calls the gateway for one tenant. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AggregationClient {
    /// Without a slash at its end and without the base path, such as `http://127.0.0.1:8080`.
    pub base_url: String,
    /// The user and password of HTTP Basic: the tenant and an API key of it.
    pub credentials: (String, String),
    pub shape: CallShape,
    client: WireClient,
}

/// Where the members of a call are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallShape {
    /// As documented.
    Form,
    Query,
    Json,
}

/// MO: what a consumer wrote.
#[derive(Debug, Clone, Copy)]
pub struct ConsumerSms<'a> {
    /// Unique; a repetition has the same.
    pub message_id: &'a str,
    pub shortcode: &'a str,
    pub phone_number: &'a str,
    pub message: &'a str,
}

impl ConsumerSms<'_> {
    /// The members of the call in their documented order.
    pub fn members(&self) -> Vec<(&'static str, String)> {
        let members = [
            ("type", "MO"),
            ("message_id", self.message_id),
            ("shortcode", self.shortcode),
            ("phone_number", self.phone_number),
            ("carrier", "383"),
            ("message", self.message),
        ];
        members.map(|(name, value)| (name, value.to_owned())).into()
    }
}

/// The members of a DR in their documented order.
pub fn receipt_members(
    message_id: &str,
    message_state: u16,
    result_code: u16,
) -> Vec<(&'static str, String)> {
    vec![
        ("type", "receipt".to_owned()),
        ("message_id", message_id.to_owned()),
        ("message_state", message_state.to_string()),
        ("result_code", result_code.to_string()),
        ("app_id", String::new()),
        ("conversation_id", String::new()),
    ]
}

impl AggregationClient {
    pub fn new(
        base_url: impl Into<String>,
        user: impl Into<String>,
        password: impl Into<String>,
    ) -> Result<Self, WireError> {
        Ok(Self {
            base_url: base_url.into(),
            credentials: (user.into(), password.into()),
            shape: CallShape::Form,
            client: WireClient::new()?,
        })
    }

    /// The same with the members written elsewhere.
    #[must_use]
    pub fn with_shape(&self, shape: CallShape) -> Self {
        Self {
            shape,
            ..self.clone()
        }
    }

    pub async fn message(&self, message: &ConsumerSms<'_>) -> Result<Reply, WireError> {
        self.call("message", &message.members()).await
    }

    /// A receipt for the message that was given with this id.
    pub async fn receipt(
        &self,
        message_id: &str,
        message_state: u16,
        result_code: u16,
    ) -> Result<Reply, WireError> {
        let members = receipt_members(message_id, message_state, result_code);
        self.call("receipt", &members).await
    }

    /// A call with any members. `what` is `message` or `receipt`.
    pub async fn call(
        &self,
        what: &str,
        members: &[(&'static str, String)],
    ) -> Result<Reply, WireError> {
        let form = Serializer::new(String::new())
            .extend_pairs(members)
            .finish();
        let mut headers = self.authorized();
        let (query, content_type, body) = match self.shape {
            CallShape::Form => ("", "application/x-www-form-urlencoded", form),
            CallShape::Query => (form.as_str(), "", String::new()),
            CallShape::Json => {
                let members = members.iter();
                let object: Map<String, Value> = members
                    .map(|(name, value)| ((*name).to_owned(), value.as_str().into()))
                    .collect();
                ("", "application/json", Value::from(object).to_string())
            }
        };
        if !content_type.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        self.post(what, query, headers, body.into()).await
    }

    /// A call with every part of it in hand.
    pub async fn post(
        &self,
        what: &str,
        query: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Reply, WireError> {
        let mut url = format!("{}/nexus/v3/sms/{what}", self.base_url);
        if !query.is_empty() {
            url = format!("{url}?{query}");
        }
        self.client.send(Method::POST, &url, headers, body).await
    }

    /// The header `Authorization` with the credentials.
    pub fn authorized(&self) -> HeaderMap {
        let (user, password) = &self.credentials;
        let token = BASE64_STANDARD.encode(format!("{user}:{password}"));
        let value = HeaderValue::try_from(format!("Basic {token}"));
        // Base64 is visible ASCII.
        value
            .map(|value| HeaderMap::from_iter([(AUTHORIZATION, value)]))
            .unwrap_or_default()
    }
}
