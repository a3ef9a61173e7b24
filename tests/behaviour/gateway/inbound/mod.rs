//! The Third-Party Messaging API: what a third party sends us.

mod malformed;
mod refusals;
mod repeats;
mod replayed;
mod signatures;
mod taken;

use bytes::Bytes;
use nexus_gateway::simulator::{Reply, WireClient};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::harness::tenant::Tenant;

/// A call of the API with every part of it in hand.
async fn post(tenant: &Tenant, path: &str, headers: HeaderMap, body: impl Into<Bytes>) -> Reply {
    let url = format!("{}{path}", tenant.base_url);
    let client = WireClient::new().unwrap();
    client
        .send(Method::POST, &url, headers, body)
        .await
        .unwrap()
}

/// A rightly signed body of any content.
async fn post_signed(tenant: &Tenant, body: impl Into<Bytes>) -> Reply {
    let body: Bytes = body.into();
    let headers = tenant.third_party.signed_headers(&body);
    tenant.third_party.post(headers, body).await.unwrap()
}

/// The answered ids.
#[track_caller]
fn ids(reply: &Reply) -> Vec<String> {
    let body = reply.json();
    assert_eq!(
        (reply.status, &body["status"]),
        (200, &json!({ "code": 0 })),
        "{body}"
    );
    let ids = body["data"]["ids"].as_array().cloned().unwrap_or_default();
    ids.iter()
        .map(|id| id.as_str().unwrap().to_owned())
        .collect()
}

/// Every message of the tenant, newest first.
async fn stored(tenant: &Tenant) -> Vec<Value> {
    let reply = tenant.get("/nexus/v3/messages?limit=500").await;
    assert_eq!(reply.status, 200, "{:?}", reply.json());
    reply.json()["data"]["items"].as_array().unwrap().clone()
}

/// Events of one type, oldest first.
async fn events(tenant: &Tenant, event_type: &str) -> Vec<Value> {
    let path = format!("/nexus/v3/events?stream=all&types={event_type}&limit=500");
    let reply = tenant.get(&path).await;
    assert_eq!(reply.status, 200, "{:?}", reply.json());
    reply.json()["data"]["items"].as_array().unwrap().clone()
}
