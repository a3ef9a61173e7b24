//! The gateway as the demo sees it: a base URL and the tenant's key.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::DemoError;
use super::tenant::Tenant;
use crate::simulator::{Reply, WireClient, WireError};

/// How long the gateway may take until it is ready, its first start with a new database included.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// How often is asked for what is not yet so.
const ASK_EVERY: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Gateway {
    client: WireClient,
    base_url: String,
    ccid: String,
    api_key: String,
}

impl Gateway {
    pub(super) fn new(base_url: String, tenant: &Tenant) -> Result<Self, WireError> {
        let client = WireClient::new()?;
        Ok(Self {
            client,
            base_url,
            ccid: tenant.ccid.to_string(),
            api_key: tenant.api_key.clone(),
        })
    }

    pub(super) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Calls as the demo tenant.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<Reply, WireError> {
        self.call_with(
            method,
            path,
            &[("x-api-key", &self.api_key), ("x-ccid", &self.ccid)],
            body,
        )
        .await
    }

    /// Calls as the demo tenant, with a trace that starts here.
    pub(super) async fn call_traced(
        &self,
        method: Method,
        path: &str,
        trace_id: &str,
        body: &Value,
    ) -> Result<Reply, WireError> {
        let headers = [
            ("x-api-key", self.api_key.as_str()),
            ("x-ccid", &self.ccid),
            ("x-b3-traceid", trace_id),
        ];
        self.call_with(method, path, &headers, body).await
    }

    /// Calls with these headers; `Null` is no body.
    pub(super) async fn call_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: &Value,
    ) -> Result<Reply, WireError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_str(value) {
                map.insert(HeaderName::from_static(name), value);
            }
        }
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        if !body.is_empty() {
            map.insert("content-type", HeaderValue::from_static("application/json"));
        }
        self.client
            .send(method, &format!("{}{path}", self.base_url), map, body)
            .await
    }

    pub(super) async fn wait_until_ready(&self) -> Result<(), DemoError> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let reply = self
                .call_with(Method::GET, "/health/ready", &[], &Value::Null)
                .await;
            if reply.is_ok_and(|reply| reply.status == 200) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(DemoError::NotReady {
                    url: self.base_url.clone(),
                    seconds: READY_WITHIN.as_secs(),
                });
            }
            sleep(ASK_EVERY).await;
        }
    }

    /// Reads a message until its status is the wanted one, for at most `patience`; then as it is.
    pub(super) async fn read_until(
        &self,
        path: &str,
        status: &str,
        patience: Duration,
    ) -> Result<Reply, WireError> {
        let deadline = Instant::now() + patience;
        loop {
            let reply = self.call(Method::GET, path, &Value::Null).await?;
            if reply.json()["data"]["status"] == status || Instant::now() >= deadline {
                return Ok(reply);
            }
            sleep(ASK_EVERY).await;
        }
    }
}
