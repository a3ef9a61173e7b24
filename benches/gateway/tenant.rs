//! Tenants of the gateway, whose webhooks go to the sink.

use std::error::Error;
use std::time::Duration;

use http::Method;
use nexus_gateway::simulator::WireClient;
use serde_json::{Value, json};

/// The key of the whole cluster.
pub const KEY: &str = "5f0c8e1a-9d3b-4c57-8a55-3f2b7a9d1c04";
pub const SECRET: &str = "secret of the benchmark";

/// A tenant with one lane for each of its channels.
#[derive(Debug, Clone)]
pub struct Tenant {
    pub ccid: &'static str,
    pub channels: Vec<Channel>,
}

#[derive(Debug, Clone)]
pub struct Channel {
    pub id: String,
    /// Where its webhooks go.
    pub webhook: String,
    /// Open attempts at once, if it has a limit of its own.
    pub max_in_flight: Option<usize>,
}

impl Tenant {
    /// The one that most cases are about.
    pub fn usual(webhook: &str) -> Self {
        Self {
            ccid: "0ff723ff-6c6f-44e0-9ce3-ce579337eadd",
            channels: vec![Channel::new("16504661149", webhook)],
        }
    }

    /// One besides.
    pub fn neighbour(webhook: &str) -> Self {
        Self {
            ccid: "7c1f5f1e-52ad-4b0d-9d0c-5f5c2b0f6a10",
            channels: vec![Channel::new("16504661150", webhook)],
        }
    }

    /// Makes it, waiting until the gateway answers at all.
    pub async fn provision(&self, gateway: &str) -> Result<(), Box<dyn Error>> {
        let services = format!(
            "http://{gateway}/nexus/v3/provisioning/services/{}",
            self.ccid
        );
        let sms = json!({ "url": "N/A", "data": { "provider": "Async" }, "secret": {} });
        let mut attempts = 400;
        while let Err(error) = put(&format!("{services}/SMS"), &sms).await {
            attempts -= 1;
            if attempts == 0 {
                return Err(error);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        put(&format!("{services}/Async"), &self.document()).await
    }

    fn document(&self) -> Value {
        let data: Vec<Value> = self
            .channels
            .iter()
            .map(|channel| {
                let mut webhook = json!({ "url": channel.webhook });
                if let Some(limit) = channel.max_in_flight {
                    webhook["maxInFlight"] = json!(limit);
                }
                json!({ "channelId": channel.id, "webhook": webhook })
            })
            .collect();
        let secret: Vec<Value> = self
            .channels
            .iter()
            .map(|channel| {
                json!({
                    "channelId": channel.id,
                    "webhook": { "secret": SECRET },
                    "api": { "secret": SECRET },
                })
            })
            .collect();
        json!({ "data": { "channels": data }, "secret": { "channels": secret } })
    }
}

impl Channel {
    pub fn new(id: &str, webhook: &str) -> Self {
        Self {
            id: id.to_owned(),
            webhook: webhook.to_owned(),
            max_in_flight: None,
        }
    }
}

async fn put(url: &str, body: &Value) -> Result<(), Box<dyn Error>> {
    let mut headers = http::HeaderMap::new();
    headers.insert("x-api-key", KEY.parse()?);
    headers.insert("content-type", "application/json".parse()?);
    let reply = WireClient::new()?
        .send(Method::PUT, url, headers, body.to_string())
        .await?;
    if !matches!(reply.status, 200 | 201) {
        return Err(format!("{url}: {} {}", reply.status, reply.json()).into());
    }
    Ok(())
}
