//! Testing an endpoint by hand: one real post, and nothing else changes.

use std::time::Duration;

use nexus_gateway::simulator::{Answer, Reply, Rule, Signature};
use serde_json::{Value, json};

use super::webhook::save_service;
use crate::harness::TestGateway;
use crate::harness::gateway::WEBHOOK_SECRET;
use crate::harness::tenant::{CONSUMER, PHONE, Tenant};

async fn act(tenant: &Tenant, what: &str) -> Reply {
    let endpoint = tenant.endpoint().await;
    let id = endpoint["id"].as_str().unwrap();
    tenant
        .post(&format!("/nexus/v3/endpoints/{id}/{what}"), &json!({}))
        .await
}

/// The outcome of a test that was made.
async fn test(tenant: &Tenant) -> Value {
    let reply = act(tenant, "test").await;
    assert_eq!(reply.status, 200, "{:?}", reply.json());
    reply.json()["data"].clone()
}

#[tokio::test]
async fn a_test_is_one_signed_post_that_leaves_no_trace() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let before = tenant.endpoint().await;

    let tested = test(&tenant).await;

    assert_eq!(
        (&tested["outcome"], &tested["httpStatus"]),
        (&json!("accepted"), &json!(200))
    );
    assert!(tested["durationMilliseconds"].is_u64());
    let posts = gateway.third_party.requests();
    assert_eq!(posts.len(), 1);
    assert_eq!(posts[0].signature, Signature::Good);
    let channel = posts[0].json()["channel"].clone();
    assert_eq!(
        (&channel["from"]["id"], &channel["to"]["id"]),
        (&json!(PHONE), &json!(PHONE))
    );
    let list = tenant.get("/nexus/v3/messages").await.json();
    assert_eq!(list["data"]["items"], json!([]));
    assert_eq!(tenant.endpoint().await, before);
}

#[tokio::test]
async fn a_paused_endpoint_is_tested_and_stays_paused() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    tenant.pause().await;
    let waits = tenant.send(CONSUMER, "waits").await;

    assert_eq!(test(&tenant).await["outcome"], "accepted");

    assert_eq!(tenant.endpoint().await["state"], "paused");
    assert_eq!(tenant.message(&waits).await["status"], "Queued");
    assert_eq!(gateway.third_party.count(), 1);
}

#[tokio::test]
async fn what_goes_wrong_is_shown_without_what_is_nobody_s_business() {
    let gateway = TestGateway::start().await;
    let refusals = [
        (Rule::new(Answer::status(503)), "retry", json!("http_503")),
        (Rule::new(Answer::status(410)), "refused", json!("http_410")),
        (Rule::new(Answer::Hang), "retry", json!("timeout")),
        (Rule::new(Answer::Reset), "retry", json!("connection_lost")),
    ];
    for (rule, outcome, error) in refusals {
        let tenant = gateway.tenant_with(json!({ "timeoutSeconds": 1 })).await;
        gateway.third_party.answer_with([rule]);
        let tested = test(&tenant).await;
        assert_eq!(
            (&tested["outcome"], &tested["error"]),
            (&json!(outcome), &error),
            "{tested}"
        );
        assert!(
            tested["message"].as_str().unwrap().contains("endpoint"),
            "{tested}"
        );
        // Not even a 410 changes anything.
        assert_eq!(tenant.endpoint().await["state"], "open");
    }
    let tenant = gateway.tenant().await;
    let text = format!(
        "{{\"token\":\"abc\",\"to\":\"+{CONSUMER}\",\"note\":\"{}\"}}",
        "long ".repeat(500)
    );
    gateway.third_party.answer_with([Answer::Body { text }]);
    let shown = test(&tenant).await["answer"].as_str().unwrap().to_owned();
    assert!(shown.contains("note") && shown.len() <= 512, "{shown}");
    assert!(
        !shown.contains(CONSUMER) && !shown.contains("abc"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_test_reaches_no_address_that_a_message_would_not() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let webhook = json!({ "url": "http://private.invalid/webhook" });
    save_service(&tenant, &webhook, &json!(WEBHOOK_SECRET)).await;
    let tested = test(&tenant).await;
    assert_eq!(tested["outcome"], "retry");
    assert!(
        tested["error"] == "dns" || tested["error"] == "address_refused",
        "{tested}"
    );
    assert_eq!(gateway.third_party.count(), 0);
}

#[tokio::test]
async fn one_endpoint_is_tested_once_in_a_while_and_only_by_its_tenant() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    gateway
        .third_party
        .answer_with([Rule::new(Answer::accept()).delayed(Duration::from_millis(100))]);

    let (one, two) = tokio::join!(act(&tenant, "test"), act(&tenant, "test"));

    let refused = if one.status == 200 { two } else { one };
    assert_eq!(
        (refused.status, &refused.json()["status"]["code"]),
        (429, &json!(310))
    );
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=6).contains(&wait));
    assert_eq!(gateway.third_party.count(), 1);
    // Another endpoint has a turn of its own.
    assert_eq!(test(&neighbour).await["outcome"], "accepted");

    let theirs = neighbour.endpoint().await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for id in [theirs.as_str(), "999999", "0", "-1", "abc"] {
        let path = format!("/nexus/v3/endpoints/{id}");
        assert_eq!(tenant.get(&path).await.status, 404, "{id}");
        assert_eq!(
            tenant
                .post(&format!("{path}/test"), &json!({}))
                .await
                .status,
            404,
            "{id}"
        );
    }
    let own = tenant.endpoint().await;
    let shown = tenant
        .get(&format!(
            "/nexus/v3/endpoints/{}",
            own["id"].as_str().unwrap()
        ))
        .await;
    assert_eq!(shown.json()["data"], own);
    let reader = tenant.limited_to(&["nexus:endpoints:read"]).await;
    assert_eq!(act(&reader, "test").await.status, 403);
}
