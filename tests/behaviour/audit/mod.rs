//! Who changed what, when and from where: on record, once, and shown to whom it concerns.

mod chain;
mod lists;
mod storm;
mod uses;

use serde_json::Value;

use crate::harness::tenant::Tenant;

/// The records of a list with these parameters, newest first.
async fn records(tenant: &Tenant, parameters: &str) -> Vec<Value> {
    let reply = tenant.get(&format!("/nexus/v3/audit?{parameters}")).await;
    assert_eq!(reply.status, 200, "{:?}", reply.json());
    reply.json()["data"]["items"].as_array().unwrap().clone()
}
