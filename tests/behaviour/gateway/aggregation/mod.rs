//! What the aggregation service calls us with: consumers' messages and receipts under HTTP Basic.

mod attachments;
mod callers;
mod messages;
mod receipts;
mod refusals;

use nexus_gateway::simulator::{AggregationClient, ConsumerSms, Reply};
use serde_json::{Value, json};

use crate::harness::TestGateway;
use crate::harness::tenant::{CONSUMER, PHONE, Tenant};

/// The service as it calls for a tenant, with a key of that tenant.
fn service(tenant: &Tenant) -> AggregationClient {
    let user = tenant.ccid.to_string();
    AggregationClient::new(&tenant.base_url, user, &tenant.key).unwrap()
}

/// A consumer's message to the tenant's number.
fn sms<'a>(message_id: &'a str, message: &'a str) -> ConsumerSms<'a> {
    ConsumerSms {
        message_id,
        shortcode: PHONE,
        phone_number: CONSUMER,
        message,
    }
}

/// The id that a message was given.
#[track_caller]
fn id(reply: &Reply) -> String {
    let body = reply.json();
    assert_eq!(
        (reply.status, &body["status"]),
        (200, &json!({ "code": 0 })),
        "{body}"
    );
    body["data"]["id"].as_str().unwrap().to_owned()
}

/// Every message of the tenant, newest first.
async fn stored(tenant: &Tenant) -> Vec<Value> {
    let reply = tenant.get("/nexus/v3/messages?limit=500").await;
    reply.json()["data"]["items"].as_array().unwrap().clone()
}

/// Events of one type, oldest first.
async fn events(tenant: &Tenant, event_type: &str) -> Vec<Value> {
    let path = format!("/nexus/v3/events?stream=all&types={event_type}&limit=500");
    let reply = tenant.get(&path).await;
    reply.json()["data"]["items"].as_array().unwrap().clone()
}

/// How many receipts wait for a message that is not known.
async fn parked(gateway: &TestGateway) -> i64 {
    sqlx::query_scalar("select count(*) from parked_receipts")
        .fetch_one(&mut gateway.connect().await)
        .await
        .unwrap()
}
