//! Webhooks: what we send to a third party, and what follows from its answers.

mod accepted;
mod endings;
mod order;
mod pace;
mod refused;
mod request;
mod retried;
mod signatures;
mod turns;

use nexus_gateway::simulator::Received;
use serde_json::{Value, json};

use crate::harness::TestGateway;
use crate::harness::tenant::{PHONE, Tenant, text_to};

/// Settings under which failures in a row park no endpoint.
const NEVER_PARKS: (&str, &str) = ("DISPATCH__BREAKER_FAILURES", "1000000");

/// A text to somebody with further members.
pub(super) fn item(to: &str, text: &str, members: &Value) -> Value {
    let mut item = text_to(to, text);
    for (name, value) in members.as_object().unwrap() {
        item[name] = value.clone();
    }
    item
}

/// Submits one message that has to be accepted, and gives back its id.
pub(super) async fn submit(tenant: &Tenant, item: &Value) -> String {
    let reply = tenant
        .post("/nexus/v3/messages", &json!({ "messages": [item] }))
        .await;
    assert_eq!(reply.status, 202, "{:?}", reply.json());
    reply.json()["data"]["results"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The attempts of a message, oldest first.
pub(super) async fn attempts(tenant: &Tenant, id: &str) -> Vec<Value> {
    let reply = tenant
        .get(&format!("/nexus/v3/messages/{id}/attempts"))
        .await;
    assert_eq!(reply.status, 200, "{:?}", reply.json());
    reply.json()["data"]["items"].as_array().unwrap().clone()
}

pub(super) async fn explanation(tenant: &Tenant, id: &str) -> Value {
    let reply = tenant
        .get(&format!("/nexus/v3/messages/{id}/explain"))
        .await;
    assert_eq!(reply.status, 200, "{:?}", reply.json());
    reply.json()["data"].clone()
}

/// The ids of all dead letters, newest first.
pub(super) async fn dead_letters(tenant: &Tenant) -> Vec<String> {
    let reply = tenant
        .get("/nexus/v3/messages?deadLetter=true&limit=500")
        .await;
    assert_eq!(reply.status, 200, "{:?}", reply.json());
    let items = reply.json()["data"]["items"].as_array().unwrap().clone();
    items
        .iter()
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Every webhook that carried this message.
pub(super) fn webhooks_of(gateway: &TestGateway, id: &str) -> Vec<Received> {
    let mut received = gateway.third_party.requests();
    received.retain(|received| received.message_id().as_deref() == Some(id));
    received
}

/// Saves the tenant's Async service anew.
pub(super) async fn save_service(tenant: &Tenant, webhook: &Value, webhook_secret: &Value) {
    let body = json!({
        "data": { "channels": [{ "channelId": PHONE, "webhook": webhook }] },
        "secret": { "channels": [{
            "channelId": PHONE,
            "webhook": { "secret": webhook_secret },
            "api": { "secret": tenant.third_party.api_secret },
        }] },
    });
    let path = format!("/nexus/v3/provisioning/services/{}/Async", tenant.ccid);
    let saved = tenant.put(&path, &body).await;
    assert_eq!(saved.status, 200, "{:?}", saved.json());
}

/// When something happened, in Unix milliseconds.
pub(super) fn at(time: &Value) -> i64 {
    nexus_gateway::platform::clock::unix_ms(time.as_str().unwrap()).unwrap()
}
