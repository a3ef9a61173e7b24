//! Conversations that are handed over to agents elsewhere: what consumers say gets there, what agents answer gets back.

mod agents;
mod consumers;
mod trouble;

use nexus_gateway::simulator::{AgentsClient, AgentsPlatform, HandedIn, INTEGRATION_NAME, Reply};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::harness::TestGateway;
use crate::harness::gateway::PUBLIC_URL;
use crate::harness::tenant::{PHONE, SOON, Tenant};

const CLIENT_SECRET: &str = "aKSXEgLO";
const WEBHOOK_SECRET: &str = "longer than fifteen characters";

/// A gateway, a tenant whose phone is handed over, and the platform where its agents work.
struct Site {
    gateway: TestGateway,
    tenant: Tenant,
    platform: AgentsPlatform,
}

impl Site {
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    async fn start_with(settings: &[(&str, &str)]) -> Self {
        let gateway = TestGateway::start_with(settings).await;
        let tenant = gateway.tenant().await;
        let platform = AgentsPlatform::start(CLIENT_SECRET).await.unwrap();
        let site = Self {
            gateway,
            tenant,
            platform,
        };
        let saved = site.save_service(CLIENT_SECRET, &json!({})).await;
        assert_eq!(saved.status, 201, "{saved:?}");
        let saved = site
            .save_sender(&json!({ "handover": "OpenMessaging" }))
            .await;
        assert_eq!(saved.status, 201, "{saved:?}");
        site
    }

    async fn save_service(&self, client_secret: &str, data: &Value) -> Reply {
        let mut whole =
            json!({ "loginUrl": self.platform.base_url(), "integrationName": INTEGRATION_NAME });
        for (name, value) in data.as_object().unwrap() {
            whole[name] = value.clone();
        }
        let body = json!({
            "url": self.platform.base_url(), "data": whole,
            "secret": { "clientId": "4da40a9d", "clientSecret": client_secret, "webhookSecret": WEBHOOK_SECRET },
        });
        self.tenant.put(&self.service_path(), &body).await
    }

    async fn save_sender(&self, options: &Value) -> Reply {
        let mut whole = json!({ "channelId": PHONE });
        for (name, value) in options.as_object().unwrap() {
            whole[name] = value.clone();
        }
        let path = format!(
            "/nexus/v3/provisioning/senders/{}/chat.Main",
            self.tenant.ccid
        );
        self.tenant.put(&path, &whole).await
    }

    fn service_path(&self) -> String {
        format!(
            "/nexus/v3/provisioning/services/{}/OpenMessaging",
            self.tenant.ccid
        )
    }

    /// The platform as a caller.
    async fn agents(&self) -> AgentsClient {
        let service = self.tenant.get(&self.service_path()).await.json();
        let url = service["data"]["callbackUrl"].as_str().unwrap();
        let url = url.replace(PUBLIC_URL, &self.gateway.url());
        AgentsClient::new(url, WEBHOOK_SECRET).unwrap()
    }

    /// What was handed in, once there is so much.
    async fn handed_in(&self, count: usize) -> Vec<HandedIn> {
        let waiting = self.platform.wait_for(count);
        let handed_in = timeout(SOON, waiting).await;
        handed_in.unwrap_or_else(|_| panic!("{:?}", self.platform.handed_in()))
    }

    /// The lane to agents as the operator sees it.
    async fn endpoint(&self) -> Value {
        let reply = self.tenant.get("/nexus/v3/endpoints").await;
        let endpoints = reply.json()["data"]["items"].as_array().unwrap().clone();
        let ours = |endpoint: &Value| endpoint["connector"] == "OpenMessaging";
        endpoints.into_iter().find(ours).unwrap()
    }
}

/// The texts of what was handed in, in its order.
fn texts(handed_in: &[HandedIn]) -> Vec<&str> {
    let messages = handed_in.iter().filter(|one| one.door == "message");
    messages
        .map(|one| one.body["text"].as_str().unwrap())
        .collect()
}
