//! A tenant as its people see it: an application with an API key, and a third party with the channel's secret.

use nexus_gateway::simulator::{
    ReceiptReason, ReceiptToSend, Received, Reply, SignedClient, WireClient,
};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use uuid::Uuid;

use super::eventually::eventually;
use super::gateway::{BOOTSTRAP_KEY, TestGateway, WEBHOOK_SECRET};

/// How long something that should happen at once may take on a busy machine.
pub const SOON: std::time::Duration = std::time::Duration::from_secs(20);
/// The contact centre's number.
pub const PHONE: &str = "16504661149";
/// A second number of the contact centre, where a test gives it one.
pub const OTHER_PHONE: &str = "16504661150";
/// A consumer's number.
pub const CONSUMER: &str = "16505550199";

/// One tenant, spoken for through one gateway.
#[derive(Debug, Clone)]
pub struct Tenant {
    pub ccid: Uuid,
    pub key: String,
    pub third_party: SignedClient,
    pub base_url: String,
    client: WireClient,
}

impl Tenant {
    pub(super) async fn create(gateway: &TestGateway, webhook: &Value) -> Self {
        Self::provision(&gateway.url(), &gateway.third_party.url(), webhook).await
    }

    /// A new tenant with one SMS channel, provisioned at a replica's address. `webhook` has further members for the
    /// channel's webhook at the third party.
    pub async fn provision(base_url: &str, third_party_url: &str, webhook: &Value) -> Self {
        let ccid = Uuid::new_v4();
        let api_secret = format!("api-secret-{ccid}");
        let third_party =
            SignedClient::new(base_url, ccid.to_string(), PHONE, api_secret.clone()).unwrap();
        let mut tenant = Self {
            ccid,
            key: BOOTSTRAP_KEY.to_owned(),
            third_party,
            base_url: base_url.to_owned(),
            client: WireClient::new().unwrap(),
        };
        let body = json!({ "tenant": ccid, "name": "test", "permissions": ["nexus:*:*"] });
        let made = tenant.post("/nexus/v3/provisioning/apikeys", &body).await;
        assert_eq!(made.status, 201, "{made:?}");
        made.json()["data"]["key"]
            .as_str()
            .unwrap()
            .clone_into(&mut tenant.key);
        let mut webhook_settings = json!({ "url": third_party_url });
        for (member, value) in webhook.as_object().unwrap() {
            webhook_settings[member] = value.clone();
        }
        let body = json!({
            "data": { "channels": [{ "channelId": PHONE, "webhook": webhook_settings }] },
            "secret": { "channels": [{
                "channelId": PHONE, "webhook": { "secret": WEBHOOK_SECRET }, "api": { "secret": api_secret },
            }] },
        });
        let saved = tenant
            .put(
                &format!("/nexus/v3/provisioning/services/{ccid}/Async"),
                &body,
            )
            .await;
        assert_eq!(saved.status, 201, "{saved:?}");
        tenant
    }

    /// The same tenant, spoken for through another replica.
    pub fn through(&self, gateway: &TestGateway) -> Self {
        self.at(&gateway.url())
    }

    /// The same once that replica has heard of the tenant.
    pub async fn known_through(&self, gateway: &TestGateway) -> Self {
        let elsewhere = self.through(gateway);
        eventually("the replica knows the tenant", SOON, async || {
            elsewhere.is_known().await.then_some(())
        })
        .await;
        elsewhere
    }

    /// The same tenant, spoken for at another address.
    pub fn at(&self, base_url: &str) -> Self {
        let mut third_party = self.third_party.clone();
        base_url.clone_into(&mut third_party.base_url);
        Self {
            base_url: base_url.to_owned(),
            third_party,
            ..self.clone()
        }
    }

    /// Gives the tenant a second channel, and speaks for that one.
    pub async fn with_second_channel(&self, gateway: &TestGateway) -> Self {
        let webhook = json!({ "url": gateway.third_party.url() });
        let secret = |id| {
            let (webhook, api) = (WEBHOOK_SECRET, &self.third_party.api_secret);
            json!({ "channelId": id, "webhook": { "secret": webhook }, "api": { "secret": api } })
        };
        let data = |id| json!({ "channelId": id, "webhook": webhook });
        let body = json!({
            "data": { "channels": [data(PHONE), data(OTHER_PHONE)] },
            "secret": { "channels": [secret(PHONE), secret(OTHER_PHONE)] },
        });
        let path = format!("/nexus/v3/provisioning/services/{}/Async", self.ccid);
        let saved = self.put(&path, &body).await;
        assert_eq!(saved.status, 200, "{saved:?}");
        let mut second = self.clone();
        OTHER_PHONE.clone_into(&mut second.third_party.channel_id);
        second
    }

    /// The same tenant, spoken for with a key that has no more permissions than these.
    pub async fn limited_to(&self, permissions: &[&str]) -> Self {
        let body = json!({ "tenant": self.ccid, "name": "limited", "permissions": permissions });
        let made = self.post("/nexus/v3/provisioning/apikeys", &body).await;
        assert_eq!(made.status, 201, "{made:?}");
        let key = made.json()["data"]["key"].as_str().unwrap().to_owned();
        Self {
            key,
            ..self.clone()
        }
    }

    /// Events of one type, oldest first, once there are so many: what was committed is shown when whoever began before
    /// has ended, on the whole database server. Where none is expected, a second is waited for one.
    pub async fn events(&self, event_type: &str, count: usize) -> Vec<Value> {
        let path = format!("/nexus/v3/events?types={event_type}&limit=500&wait=1");
        let what = format!("there are {count} of {event_type}");
        eventually(&what, SOON, async || {
            let reply = self.get(&path).await;
            assert_eq!(reply.status, 200, "{:?}", reply.json());
            let events = reply.json()["data"]["items"].as_array().unwrap().clone();
            (events.len() >= count).then_some(events)
        })
        .await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.call(Method::DELETE, path, None).await
    }

    /// A POST under an `Idempotency-Key`.
    pub async fn post_once(&self, key: &str, path: &str, body: &Value) -> Reply {
        let key = ("idempotency-key", key);
        let call = self.try_call_with(Method::POST, path, Some(body), Some(key));
        call.await.unwrap()
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        self.try_call(method, path, body).await.unwrap()
    }

    /// `None` where there is no answer: the gateway is gone.
    pub async fn try_call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Option<Reply> {
        self.try_call_with(method, path, body, None).await
    }

    async fn try_call_with(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        header: Option<(&'static str, &str)>,
    ) -> Option<Reply> {
        let ccid = self.ccid.to_string();
        let mut headers = HeaderMap::new();
        let identity = [("x-api-key", self.key.as_str()), ("x-ccid", &ccid)];
        for (name, value) in identity.into_iter().chain(header) {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let body = body.map_or_else(Vec::new, |body| {
            headers.insert("content-type", HeaderValue::from_static("application/json"));
            serde_json::to_vec(body).unwrap()
        });
        self.client
            .send(method, &format!("{}{path}", self.base_url), headers, body)
            .await
            .ok()
    }

    /// Submits one text and gives back the answer.
    pub async fn submit(&self, to: &str, text: &str) -> Reply {
        self.post(
            "/nexus/v3/messages",
            &json!({ "messages": [text_to(to, text)] }),
        )
        .await
    }

    /// Submits one text that has to be accepted, and gives back its id.
    pub async fn send(&self, to: &str, text: &str) -> String {
        let reply = self.submit(to, text).await;
        assert_eq!(reply.status, 202, "{:?}", reply.json());
        reply.json()["data"]["results"][0]["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// A consumer's message that has to be accepted; gives back its id.
    pub async fn consumer_says(&self, from: &str, text: &str) -> String {
        let reply = self
            .third_party
            .send_text(from, PHONE, &Uuid::new_v4().to_string(), text)
            .await
            .unwrap();
        assert_eq!(reply.status, 200, "{:?}", reply.json());
        reply.json()["data"]["ids"][0].as_str().unwrap().to_owned()
    }

    /// A receipt as the third party sends it.
    pub async fn receipt(&self, message_id: &str, status: &str, code: Option<u16>) -> Reply {
        let reasons: Vec<ReceiptReason<'_>> = code
            .into_iter()
            .map(|code| ReceiptReason {
                code,
                message: None,
            })
            .collect();
        let receipt = ReceiptToSend {
            from: PHONE,
            to: CONSUMER,
            message_id,
            status,
            reasons: &reasons,
        };
        self.third_party.send_receipt(&receipt).await.unwrap()
    }

    /// The message as `GET /messages/{id}` shows it.
    pub async fn message(&self, id: &str) -> Value {
        let reply = self.get(&format!("/nexus/v3/messages/{id}")).await;
        assert_eq!(reply.status, 200, "{:?}", reply.json());
        reply.json()["data"].clone()
    }

    /// Whether this replica has heard of the channel: then it finds fault with the message instead.
    pub async fn is_known(&self) -> bool {
        let mut item = text_to(CONSUMER, "not sent");
        item["type"] = json!("Carrier pigeon");
        let reply = self
            .post("/nexus/v3/messages", &json!({ "messages": [item] }))
            .await;
        reply.json()["data"]["results"][0]["error"]["code"] == 510
    }

    /// Waits until the message has a status.
    pub async fn wait_for_status(&self, id: &str, status: &str) -> Value {
        eventually(&format!("message {id} is {status}"), SOON, async || {
            let message = self.message(id).await;
            (message["status"] == status).then_some(message)
        })
        .await
    }
}

/// One item of a submission.
pub fn text_to(to: &str, text: &str) -> Value {
    json!({ "channel": { "from": { "id": PHONE }, "to": { "id": to } }, "type": "Text", "text": text })
}

/// The texts of webhooks, in the order of their arrival.
pub fn texts(received: &[Received]) -> Vec<String> {
    received
        .iter()
        .map(|received| {
            received.json()["text"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}
