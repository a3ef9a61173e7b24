//! Endpoints as their tenant sees and stops them: what each does, pausing and resuming it, on whichever replica.

use nexus_gateway::simulator::{Answer, Rule};
use serde_json::json;

use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, PHONE, SOON, Tenant, texts};

#[tokio::test]
async fn a_pause_through_any_replica_keeps_messages_queued_until_the_endpoint_is_resumed() {
    let owner = TestGateway::start().await;
    let answers = owner.replica_that_only_answers().await;
    let here = owner.tenant().await;
    let elsewhere = here.through(&answers);
    let bystander = owner.tenant().await.through(&answers);
    knows_channel(&elsewhere).await;
    knows_channel(&bystander).await;

    let endpoint = elsewhere.endpoint().await;
    assert_eq!(endpoint["state"], "open");
    let paused = elsewhere.pause().await;
    assert_eq!(paused["state"], "paused");
    let mut waiting = vec![elsewhere.send(CONSUMER, "one").await];
    // Its webhook shows that the owner has heard of everything that happened before it.
    bystander.send(CONSUMER, "not paused").await;
    owner.third_party.wait_for(1).await;
    for text in ["two", "three"] {
        waiting.push(here.send(CONSUMER, text).await);
    }
    for id in &waiting {
        assert_eq!(here.message(id).await["status"], "Queued");
        let path = format!("/nexus/v3/messages/{id}/explain");
        let sentence = here.get(&path).await.json()["data"]["sentence"].clone();
        assert!(sentence.as_str().unwrap().contains("paused"), "{sentence}");
    }
    let seen = here.endpoint().await;
    assert_eq!(
        (&seen["state"], &seen["backlog"], &seen["inFlight"]),
        (&json!("paused"), &json!(3), &json!(0))
    );
    assert_eq!(owner.third_party.count(), 1);

    let resumed = elsewhere.resume().await;
    assert_eq!(resumed["state"], "open");
    for id in &waiting {
        here.wait_for_status(id, "Sent").await;
    }
    let received = texts(&owner.third_party.requests());
    assert_eq!(received, ["not paused", "one", "two", "three"]);
}

#[tokio::test]
async fn an_endpoint_shows_what_is_under_way_and_since_when_its_oldest_message_is_due() {
    let owner = TestGateway::start().await;
    let answers = owner.replica_that_only_answers().await;
    let tenant = owner.tenant().await.through(&answers);
    knows_channel(&tenant).await;
    let idle = tenant.endpoint().await;
    assert_eq!(
        (&idle["channelId"], &idle["state"], &idle["connector"]),
        (&json!(PHONE), &json!("open"), &json!("Async"))
    );
    assert_eq!(
        (&idle["inFlight"], &idle["backlog"], idle.get("oldestDue")),
        (&json!(0), &json!(0), None)
    );

    owner.third_party.answer_with([Rule::new(Answer::Hang)]);
    let first = tenant.send(CONSUMER, "under way").await;
    tenant.send(CONSUMER, "waits for the first").await;
    let accepted_at = tenant.message(&first).await["createdAt"].clone();
    let busy = eventually("the attempt is shown", SOON, async || {
        let endpoint = tenant.endpoint().await;
        (endpoint["inFlight"] == 1).then_some(endpoint)
    })
    .await;
    assert_eq!(
        (&busy["backlog"], &busy["oldestDue"]),
        (&json!(2), &accepted_at)
    );
}

#[tokio::test]
async fn an_endpoint_that_fails_shows_that_it_is_parked_until_when_and_why() {
    let gateway = TestGateway::start_with(&[
        ("DISPATCH__BREAKER_FAILURES", "2"),
        ("DISPATCH__BREAKER_SECONDS", "600,600"),
    ])
    .await;
    let tenant = gateway.tenant().await;
    gateway
        .third_party
        .answer_with([Rule::new(Answer::status(503))]);
    let id = tenant.send(CONSUMER, "Hello").await;
    let parked = eventually("the endpoint is parked", SOON, async || {
        let endpoint = tenant.endpoint().await;
        (endpoint["state"] == "parked").then_some(endpoint)
    })
    .await;
    assert_eq!(
        (&parked["failuresInARow"], &parked["lastError"]),
        (&json!(2), &json!("http_503"))
    );
    assert!(parked["parkedUntil"].is_string(), "{parked}");
    assert!(parked["oldestDue"].is_string(), "{parked}");
    assert_eq!(tenant.message(&id).await["status"], "Queued");

    // Resuming begins anew with it.
    gateway
        .third_party
        .answer_with([Rule::new(Answer::accept())]);
    tenant.pause().await;
    let resumed = tenant.resume().await;
    assert_eq!(
        (&resumed["state"], &resumed["failuresInARow"]),
        (&json!("open"), &json!(0))
    );
    tenant.wait_for_status(&id, "Sent").await;
}

#[tokio::test]
async fn somebody_else_s_endpoint_is_unknown() {
    let gateway = TestGateway::start().await;
    let (owner, other) = (gateway.tenant().await, gateway.tenant().await);
    let theirs = owner.endpoint().await["id"].clone();
    let theirs = theirs.as_str().unwrap();
    assert_ne!(other.endpoint().await["id"], theirs);
    for id in [theirs, "999999999", "0", "-1", "it"] {
        let path = format!("/nexus/v3/endpoints/{id}");
        assert_eq!(other.get(&path).await.status, 404, "{id}");
        for verb in ["pause", "resume"] {
            let reply = other.post(&format!("{path}/{verb}"), &json!({})).await;
            assert_eq!(reply.status, 404, "{verb} {id}");
        }
    }
    assert_eq!(owner.endpoint().await["state"], "open");
}

#[tokio::test]
async fn a_key_that_may_only_read_endpoints_cannot_pause_them() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let endpoint = tenant.endpoint().await;
    let path = format!("/nexus/v3/endpoints/{}", endpoint["id"].as_str().unwrap());
    let reader = with_permission(&tenant, "nexus:endpoints:read").await;
    assert_eq!(reader.get(&path).await.status, 200);
    for verb in ["pause", "resume"] {
        let reply = reader.post(&format!("{path}/{verb}"), &json!({})).await;
        assert_eq!(reply.status, 403, "{verb}");
    }
    let stranger = with_permission(&tenant, "nexus:messages:read").await;
    assert_eq!(stranger.get(&path).await.status, 403);
    assert_eq!(stranger.get("/nexus/v3/endpoints").await.status, 403);
}

/// The same tenant with a key that has one permission.
async fn with_permission(tenant: &Tenant, permission: &str) -> Tenant {
    let body = json!({ "tenant": tenant.ccid, "name": "narrow", "permissions": [permission] });
    let made = tenant.post("/nexus/v3/provisioning/apikeys", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let mut narrow = tenant.clone();
    made.json()["data"]["key"]
        .as_str()
        .unwrap()
        .clone_into(&mut narrow.key);
    narrow
}

async fn knows_channel(tenant: &Tenant) {
    eventually("this replica knows the channel", SOON, async || {
        tenant.is_known().await.then_some(())
    })
    .await;
}
