//! Erasures as operators ask for them and follow them.

use serde_json::{Value, json};

use crate::harness::eventually::eventually;
use crate::harness::tenant::{SOON, Tenant};

pub(crate) const ERASURES: &str = "/nexus/v3/erasures";

/// Begins to erase a person; gives back the erasure's id.
pub(crate) async fn begin(tenant: &Tenant, address: &str) -> String {
    let reply = tenant.post(ERASURES, &json!({ "address": address })).await;
    assert_eq!(reply.status, 202, "{:?}", reply.json());
    let data = reply.json()["data"].clone();
    assert_eq!(data["state"], "running");
    data["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn erasure(tenant: &Tenant, id: &str) -> Value {
    let reply = tenant.get(&format!("{ERASURES}/{id}")).await;
    assert_eq!(reply.status, 200, "{:?}", reply.json());
    reply.json()["data"].clone()
}

/// Waits until an erasure has ended.
pub(crate) async fn completed(tenant: &Tenant, id: &str) -> Value {
    eventually("the erasure is completed", SOON * 2, async || {
        let erasure = erasure(tenant, id).await;
        (erasure["state"] == "completed").then_some(erasure)
    })
    .await
}

/// Erases a person.
pub(crate) async fn erase(tenant: &Tenant, address: &str) -> Value {
    let id = begin(tenant, address).await;
    completed(tenant, &id).await
}
