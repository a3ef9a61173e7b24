//! Who must not be sent to: by their own words or by an operator's, and what that stops.

mod keywords;
mod list;
mod one_click;
mod queued;
mod race;

use nexus_gateway::simulator::Reply;
use serde_json::{Value, json};

use crate::harness::tenant::{CONSUMER, PHONE, Tenant, text_to};

/// Where one suppression is, seen from the tenant.
fn place(channel: &str, address: &str) -> String {
    format!("/nexus/v3/suppressions/{channel}/{address}")
}

/// Whether a consumer is suppressed for the tenant's first channel.
async fn is_suppressed(tenant: &Tenant, address: &str) -> bool {
    let shown = tenant.get(&place(PHONE, address)).await;
    assert!([200, 404].contains(&shown.status), "{:?}", shown.json());
    shown.status == 200
}

/// Has to be refused because the recipient has opted out.
#[track_caller]
fn opted_out(reply: &Reply) {
    let body = reply.json();
    let error = &body["data"]["results"][0]["error"];
    assert_eq!((reply.status, &error["code"]), (422, &json!(350)), "{body}");
    assert_eq!(error["message"], "recipient opted out");
}

/// A message that a suppression has ended after it was accepted.
async fn ends_opted_out(tenant: &Tenant, id: &str) -> Value {
    let message = tenant.wait_for_status(id, "Failed").await;
    let reasons = json!([{ "code": 350, "message": "recipient opted out" }]);
    let history = message["history"].as_array().unwrap();
    // Not always the last: what two replicas write in the same millisecond has no order among itself.
    let ended = history.iter().find(|entry| entry["reasons"] == reasons);
    assert_eq!(
        ended.unwrap_or(&Value::Null)["status"],
        "Failed",
        "{message}"
    );
    assert_eq!(message.get("deadLetter"), None);
    message
}

/// Submits a text from one of the tenant's channels.
async fn submit_from(tenant: &Tenant, channel: &str) -> Reply {
    let mut item = text_to(CONSUMER, "Hello");
    item["channel"]["from"]["id"] = json!(channel);
    tenant
        .post("/nexus/v3/messages", &json!({ "messages": [item] }))
        .await
}
