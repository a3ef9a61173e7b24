//! Receipts: whose they are, that their order makes no difference, and what becomes of those that nobody waits for.

mod matching;
mod order;
mod parking;

use nexus_gateway::simulator::{ReceiptReason, ReceiptToSend, receipt_message};
use serde_json::Value;

use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, PHONE, SOON, Tenant};

/// A receipt as a member of a body.
fn receipt(message_id: &str, status: &str, code: Option<u16>) -> Value {
    let reasons: Vec<ReceiptReason<'_>> = code
        .into_iter()
        .map(|code| ReceiptReason {
            code,
            message: None,
        })
        .collect();
    receipt_message(&ReceiptToSend {
        from: PHONE,
        to: CONSUMER,
        message_id,
        status,
        reasons: &reasons,
    })
}

/// What a message's history says came from receipts, in order.
fn receipts_of(message: &Value) -> Vec<&str> {
    let entries = message["history"].as_array().unwrap();
    entries
        .iter()
        .filter(|entry| entry["source"] == "Async")
        .map(|entry| entry["status"].as_str().unwrap())
        .collect()
}

/// The message once so many receipts are in its history.
async fn with_receipts(tenant: &Tenant, id: &str, count: usize) -> Value {
    eventually(
        &format!("message {id} has {count} receipts"),
        SOON,
        async || (receipts_of(&tenant.message(id).await).len() == count).then_some(()),
    )
    .await;
    // Its status and its history are read one after the other: what came in between shows in one of them only.
    tenant.message(id).await
}
