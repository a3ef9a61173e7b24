//! How soon a replica knows what another one was told of a key. It is notified of the change; what it sees at its own
//! tick where the notification is lost is not shown here.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{SOON, Tenant};

const ROUNDS: u32 = 40;
/// What the API promises.
const PROMISED: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_key_that_is_made_disabled_enabled_and_deleted_is_so_on_the_other_replica() {
    changes(1).await;
}

#[tokio::test]
#[ignore = "long; .ci/deep runs it"]
async fn every_change_of_a_key_is_in_force_on_the_other_replica_within_a_second() {
    let longest = changes(ROUNDS).await;
    assert!(longest <= PROMISED, "{longest:?}");
}

/// Changes a key of each round in every way; how long the other replica took at most.
async fn changes(rounds: u32) -> Duration {
    let gateway = TestGateway::start().await;
    let other = gateway.replica(&[]).await;
    let tenant = gateway.tenant().await;
    let permissions = json!(["nexus:messages:read"]);
    let body = json!({ "tenant": tenant.ccid, "name": "rotated", "permissions": permissions });
    let mut longest = Duration::ZERO;
    for round in 0..rounds {
        let made = tenant
            .post("/nexus/v3/provisioning/apikeys", &body)
            .await
            .json();
        let path = format!(
            "/nexus/v3/provisioning/apikeys/{}",
            made["data"]["id"].as_str().unwrap()
        );
        let mut elsewhere = tenant.through(&other);
        elsewhere.key = made["data"]["key"].as_str().unwrap().to_owned();
        longest = longest.max(becomes(&elsewhere, 200).await);
        let disabled = tenant
            .call(Method::PATCH, &path, Some(&json!({ "enabled": false })))
            .await;
        assert_eq!(disabled.status, 200, "round {round}");
        longest = longest.max(becomes(&elsewhere, 401).await);
        let enabled = tenant
            .call(Method::PATCH, &path, Some(&json!({ "enabled": true })))
            .await;
        assert_eq!(enabled.status, 200, "round {round}");
        longest = longest.max(becomes(&elsewhere, 200).await);
        assert_eq!(tenant.delete(&path).await.status, 200, "round {round}");
        longest = longest.max(becomes(&elsewhere, 401).await);
    }
    longest
}

/// How long it takes from here until the key is answered so.
async fn becomes(elsewhere: &Tenant, status: u16) -> Duration {
    let began = Instant::now();
    eventually("the replica knows", SOON, async || {
        (elsewhere.get("/nexus/v3/messages").await.status == status).then_some(())
    })
    .await;
    began.elapsed()
}
