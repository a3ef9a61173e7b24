//! The list of suppressions in the hands of operators.

use std::time::Duration;

use nexus_gateway::platform::clock::rfc3339;
use serde_json::{Value, json};

use super::{is_suppressed, opted_out, place};
use crate::harness::TestGateway;
use crate::harness::tenant::{CONSUMER, OTHER_PHONE, PHONE};

#[tokio::test]
async fn an_operator_adds_shows_renews_and_removes_a_suppression() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let path = place(PHONE, CONSUMER);
    let added = tenant
        .put(
            &place("+1%20650-466-1149", "%2B1%20650-555-0199"),
            &json!({ "reason": "asked by phone" }),
        )
        .await;
    assert_eq!(added.status, 201, "{:?}", added.json());
    let shown = tenant.get(&path).await;
    assert_eq!((shown.status, &shown.json()), (200, &added.json()));
    let data = shown.json()["data"].clone();
    assert_eq!(
        (
            &data["channelId"],
            &data["address"],
            &data["source"],
            &data["reason"],
            data.get("expiresAt")
        ),
        (
            &json!(PHONE),
            &json!(CONSUMER),
            &json!("api"),
            &json!("asked by phone"),
            None
        )
    );
    opted_out(&tenant.submit(CONSUMER, "Hello").await);

    let renewed = tenant.call(reqwest::Method::PUT, &path, None).await;
    assert_eq!(renewed.status, 200, "an empty body is enough");
    assert_eq!(renewed.json()["data"].get("reason"), None);
    assert_eq!(tenant.delete(&path).await.status, 200);
    for gone in [tenant.get(&path).await, tenant.delete(&path).await] {
        assert_eq!(gone.status, 404);
    }
    tenant.send(CONSUMER, "Hello").await;

    let removed = tenant.events("suppression.removed", 1).await;
    assert_eq!(removed.len(), 1);
    assert_eq!(
        removed[0]["data"],
        json!({ "channelId": PHONE, "address": CONSUMER, "source": "api" })
    );
    let added = tenant.events("suppression.added", 1).await;
    assert_eq!(added[0]["data"], removed[0]["data"]);
}

#[tokio::test]
async fn a_suppression_with_an_end_is_over_then() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let path = place(PHONE, CONSUMER);
    let expires_at = rfc3339(gateway.clock.now_ms() + 3_600_000);
    let added = tenant.put(&path, &json!({ "expiresAt": expires_at })).await;
    assert_eq!(
        (added.status, &added.json()["data"]["expiresAt"]),
        (201, &json!(expires_at))
    );
    opted_out(&tenant.submit(CONSUMER, "Hello").await);

    gateway.clock.advance(Duration::from_hours(1));
    assert!(!is_suppressed(&tenant, CONSUMER).await);
    let list = tenant.get("/nexus/v3/suppressions").await.json();
    assert_eq!(list["data"]["items"], json!([]));
    let id = tenant.send(CONSUMER, "Hello").await;
    tenant.wait_for_status(&id, "Sent").await;
    assert_eq!(tenant.delete(&path).await.status, 404);
    assert!(tenant.events("suppression.removed", 0).await.is_empty());
}

#[tokio::test]
async fn the_list_is_read_page_by_page_and_is_the_tenants_own() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let mut expected = Vec::new();
    for (channel, address) in [
        (PHONE, "16505550101"),
        (PHONE, "16505550102"),
        (PHONE, "16505550103"),
        (OTHER_PHONE, "16505550101"),
        ("mail.example.com", "ann+news/x@example.org"),
    ] {
        let address = address.to_owned();
        let put = tenant
            .put(&place(channel, &address.replace('/', "%2F")), &json!({}))
            .await;
        assert_eq!(put.status, 201, "{:?}", put.json());
        expected.push((json!(channel), json!(address)));
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = tenant
            .get(&format!("/nexus/v3/suppressions?limit=2{cursor}"))
            .await;
        assert_eq!(page.status, 200, "{:?}", page.json());
        let data = page.json()["data"].clone();
        let items: Vec<Value> = data["items"].as_array().unwrap().clone();
        seen.extend(
            items
                .into_iter()
                .map(|item| (item["channelId"].clone(), item["address"].clone())),
        );
        let Some(next) = data["next"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, expected);
    let theirs = neighbour.get("/nexus/v3/suppressions").await.json();
    assert_eq!(theirs["data"]["items"], json!([]));
}

#[tokio::test]
async fn what_cannot_be_a_suppression_is_refused_and_named() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let path = place(PHONE, CONSUMER);
    let past = rfc3339(gateway.clock.now_ms() - 1_000);
    for (body, named) in [
        (json!({ "reasn": "a typo" }), "reasn"),
        (json!({ "reason": 7 }), "reason"),
        (json!({ "reason": "x".repeat(501) }), "/reason"),
        (json!({ "expiresAt": "tomorrow" }), "/expiresAt"),
        (json!({ "expiresAt": past }), "/expiresAt"),
        (json!([]), ""),
    ] {
        let refused = tenant.put(&path, &body).await;
        assert_eq!(refused.status, 422, "{body}");
        assert!(
            refused.json()["status"].to_string().contains(named),
            "{:?}",
            refused.json()
        );
    }
    for bad in [place(PHONE, "nobody"), place("nowhere", CONSUMER)] {
        for reply in [
            tenant.get(&bad).await,
            tenant.delete(&bad).await,
            tenant.put(&bad, &json!({})).await,
        ] {
            assert_eq!(reply.status, 422, "{bad} {:?}", reply.json());
        }
    }
    for query in [
        "cursor=nonsense",
        "cursor=!",
        "limit=0",
        "limit=501",
        "limit=many",
        "lmit=5",
    ] {
        let reply = tenant.get(&format!("/nexus/v3/suppressions?{query}")).await;
        assert_eq!(reply.status, 422, "{query} {:?}", reply.json());
    }
    assert!(!is_suppressed(&tenant, CONSUMER).await);
}

#[tokio::test]
async fn a_suppression_is_its_tenants_and_of_those_whose_key_allows_it() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let path = place(PHONE, CONSUMER);
    assert_eq!(tenant.put(&path, &json!({})).await.status, 201);
    for foreign in [neighbour.get(&path).await, neighbour.delete(&path).await] {
        assert_eq!(foreign.status, 404);
    }
    let mut intruder = neighbour.clone();
    intruder.ccid = tenant.ccid;
    let reader = tenant.limited_to(&["nexus:suppressions:read"]).await;
    let sender = tenant.limited_to(&["nexus:messages:*"]).await;
    let mut stranger = tenant.clone();
    stranger.key = uuid::Uuid::new_v4().to_string();
    for (caller, reads, writes) in [
        (&intruder, 403, 403),
        (&reader, 200, 403),
        (&sender, 403, 403),
        (&stranger, 401, 401),
    ] {
        assert_eq!(caller.get(&path).await.status, reads);
        assert_eq!(caller.get("/nexus/v3/suppressions").await.status, reads);
        assert_eq!(caller.put(&path, &json!({})).await.status, writes);
        assert_eq!(caller.delete(&path).await.status, writes);
    }
    assert!(is_suppressed(&tenant, CONSUMER).await);
}
