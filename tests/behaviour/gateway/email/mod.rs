//! The vendor's "Email data flow", and mail the other way: a domain as a channel of the customer's own gateway.

mod received;
mod replied;
mod sent;

use nexus_gateway::simulator::{Received, Reply, SignedClient};
use serde_json::{Value, json};

use crate::harness::TestGateway;
use crate::harness::gateway::WEBHOOK_SECRET;
use crate::harness::tenant::{PHONE, Tenant};

/// The contact centre's domain, and its addresses.
const DOMAIN: &str = "company.com";
const COMPANY: &str = "no-reply@company.com";
/// A consumer's address.
const CONSUMER: &str = "recipient-1@mail.com";
/// A medium, as messages refer to it.
const MEDIUM: &str = "genesys://nexus/bb4a9f86-dbbb-4464-a669-650da94fbad6";

/// A tenant whose Async service has a number and a domain, and the third party as it speaks for the domain. `webhook`
/// has further members for the domain's webhook.
async fn tenant_with_mail(gateway: &TestGateway, webhook: Value) -> (Tenant, SignedClient) {
    let tenant = gateway.tenant().await;
    let secret = tenant.third_party.api_secret.clone();
    let mut settings = json!({ "url": gateway.third_party.url() });
    for (member, value) in webhook.as_object().unwrap() {
        settings[member] = value.clone();
    }
    let half = |channel: &str| json!({ "channelId": channel, "webhook": { "secret": WEBHOOK_SECRET }, "api": { "secret": secret } });
    let body = json!({
        "data": { "channels": [
            { "channelId": PHONE, "webhook": { "url": gateway.third_party.url() } },
            { "channelId": DOMAIN, "webhook": settings },
        ] },
        "secret": { "channels": [half(PHONE), half(DOMAIN)] },
    });
    let path = format!("/nexus/v3/provisioning/services/{}/Async", tenant.ccid);
    let saved = tenant.put(&path, &body).await;
    assert_eq!(saved.status, 200, "{:?}", saved.json());
    let mut mail = tenant.third_party.clone();
    DOMAIN.clone_into(&mut mail.channel_id);
    (tenant, mail)
}

/// The vendor's content of a mail.
fn content() -> Value {
    json!([
        { "type": "text", "text": "Plain text email body" },
        { "type": "html", "text": "Html email body" },
    ])
}

/// A mail between two addresses, as both APIs have it.
fn mail(from: &str, to: &str) -> Value {
    json!({
        "channel": { "from": { "id": from }, "to": { "id": to } },
        "type": "Email",
        "subject": "Subject",
        "content": content(),
    })
}

/// The message with one member changed, given by a JSON pointer; `null` takes it away.
fn changed(mut message: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    message.pointer_mut(parent).unwrap()[name] = value;
    message
}

/// A consumer's mail under an id of the third party's.
fn from_consumer(message_id: &str) -> Value {
    changed(
        mail(CONSUMER, "help@company.com"),
        "/channel/messageId",
        json!(message_id),
    )
}

async fn submit(tenant: &Tenant, messages: &[Value]) -> Reply {
    tenant
        .post("/nexus/v3/messages", &json!({ "messages": messages }))
        .await
}

/// Submits one mail that has to be accepted; its id.
async fn send(tenant: &Tenant, message: &Value) -> String {
    let reply = submit(tenant, std::slice::from_ref(message)).await;
    assert_eq!(reply.status, 202, "{:?}", reply.json());
    reply.json()["data"]["results"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The ids that a signed body was answered with.
#[track_caller]
fn ids(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{:?}", reply.json());
    let body = reply.json();
    let ids = body["data"]["ids"].as_array().unwrap();
    ids.iter()
        .map(|id| id.as_str().unwrap().to_owned())
        .collect()
}

/// Every webhook that carried this message.
fn webhooks_of(gateway: &TestGateway, id: &str) -> Vec<Received> {
    let mut received = gateway.third_party.requests();
    received.retain(|received| received.message_id().as_deref() == Some(id));
    received
}
