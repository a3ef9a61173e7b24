//! A caller of the provisioning API: a key, and what it gets for an answer.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::TestGateway;

pub const PHONE: &str = "16504661149";

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
}

/// Whoever holds a key.
#[derive(Debug, Clone)]
pub struct Holder {
    base: String,
    client: reqwest::Client,
    key: Option<String>,
}

impl Holder {
    /// The holder of the first cluster key.
    pub fn bootstrap(gateway: &TestGateway) -> Self {
        Self::anonymous(gateway).with_key(gateway.bootstrap_key())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the test stands outside, where our rules for outbound calls do not hold"
    )]
    pub fn anonymous(gateway: &TestGateway) -> Self {
        Self {
            base: gateway.url(),
            client: reqwest::Client::new(),
            key: None,
        }
    }

    pub fn with_key(&self, key: impl Into<String>) -> Self {
        Self {
            key: Some(key.into()),
            ..self.clone()
        }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, None, &[]).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.call(Method::DELETE, path, None, &[]).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        self.call(
            Method::PUT,
            path,
            Some(body.to_string()),
            &[("content-type", "application/json")],
        )
        .await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.call(
            Method::POST,
            path,
            Some(body.to_string()),
            &[("content-type", "application/json")],
        )
        .await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Reply {
        self.call(
            Method::PATCH,
            path,
            Some(body.to_string()),
            &[("content-type", "application/json")],
        )
        .await
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the answers of the gateway under test are small"
    )]
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        headers: &[(&str, &str)],
    ) -> Reply {
        let mut request = self.client.request(
            method,
            format!(
                "{}/nexus/v3/provisioning/{path}",
                self.base.trim_end_matches('/')
            ),
        );
        if let Some(key) = &self.key {
            request = request.header("x-api-key", key);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.body(body.unwrap_or_default()).send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        Reply {
            status,
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
        }
    }

    /// Makes a key of one tenant and holds it.
    pub async fn tenant_key(&self, ccid: &str, permissions: &[&str]) -> Self {
        let reply = self
            .post(
                "apikeys",
                &json!({ "tenant": ccid, "name": "of a test", "permissions": permissions }),
            )
            .await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        self.with_key(reply.data()["key"].as_str().unwrap())
    }
}

impl Reply {
    pub fn data(&self) -> &Value {
        &self.body["data"]
    }

    /// Asserts the status and that the envelope says the same.
    #[track_caller]
    pub fn refused(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.body["status"]["code"], status, "{}", self.body);
        assert!(self.body["status"]["message"].is_string(), "{}", self.body);
        self
    }

    /// Asserts a 422 whose details name exactly these places.
    #[track_caller]
    pub fn refused_at(&self, places: &[&str]) {
        self.refused(422);
        let details = self.body["status"]["details"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let mut named: Vec<&str> = details
            .iter()
            .filter_map(|detail| detail["path"].as_str())
            .collect();
        named.sort_unstable();
        assert_eq!(named, places, "{}", self.body);
    }

    #[track_caller]
    pub fn accepted(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.body["status"]["code"], 0, "{}", self.body);
        self
    }
}

pub fn new_ccid() -> String {
    Uuid::new_v4().to_string()
}

/// The `Async` service of the vendor's example, with one channel.
pub fn async_service(channel_id: &str) -> Value {
    json!({
        "data": { "channels": [{ "channelId": channel_id, "webhook": { "url": "https://genesys-webhook.company.com" } }] },
        "secret": { "channels": [{ "channelId": channel_id, "webhook": { "secret": "webhook-key" }, "api": { "secret": "api-key" } }] },
    })
}
