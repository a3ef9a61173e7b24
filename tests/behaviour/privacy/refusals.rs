//! Who may begin, see and cancel an erasure, and which are refused.

use serde_json::{Value, json};

use super::erasing::{ERASURES, begin, completed};
use crate::harness::TestGateway;
use crate::harness::tenant::CONSUMER;

#[tokio::test]
async fn an_erasure_that_says_something_else_is_refused_with_the_place() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    for (body, place) in [
        (json!({}), "/address"),
        (json!({ "address": "" }), "/address"),
        (json!({ "address": "jane" }), "/address"),
        (json!({ "address": 16_505_550_199_i64 }), "/address"),
        (json!({ "address": CONSUMER, "dryRun": 1 }), "/dryRun"),
        (json!({ "address": CONSUMER, "name": "Jane" }), "/name"),
    ] {
        let reply = tenant.post(ERASURES, &body).await;
        let status = reply.json()["status"].clone();
        assert_eq!(
            (reply.status, &status["code"]),
            (422, &json!(422)),
            "{body}"
        );
        assert_eq!(status["details"][0]["path"], place, "{body} {status}");
        assert!(!status.to_string().contains("jane"), "{status}");
    }
    assert_eq!(
        tenant.get(ERASURES).await.json()["data"]["items"],
        json!([])
    );
}

#[tokio::test]
async fn nobody_sees_or_cancels_another_tenant_s_erasure() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let id = begin(&tenant, CONSUMER).await;
    for path in [
        format!("{ERASURES}/{id}"),
        format!("{ERASURES}/1795264928594-0"),
        format!("{ERASURES}/x"),
    ] {
        let (seen, cancelled) = (neighbour.get(&path).await, neighbour.delete(&path).await);
        assert_eq!((seen.status, cancelled.status), (404, 404), "{path}");
        assert_eq!(seen.json()["status"]["message"], "there is no such erasure");
    }
    assert_eq!(
        neighbour.get(ERASURES).await.json()["data"]["items"],
        json!([])
    );
    completed(&tenant, &id).await;
}

#[tokio::test]
async fn whoever_may_only_look_or_send_erases_nobody() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let reader = tenant.limited_to(&["nexus:provisioning:read"]).await;
    let sender = tenant
        .limited_to(&["nexus:messages:*", "nexus:suppressions:*"])
        .await;
    let writer = tenant.limited_to(&["nexus:provisioning:write"]).await;
    let body = json!({ "address": CONSUMER, "dryRun": true });
    for nobody in [&reader, &sender] {
        assert_eq!(nobody.post(ERASURES, &body).await.status, 403);
    }
    let id = begin(&writer, CONSUMER).await;
    let path = format!("{ERASURES}/{id}");
    for nobody in [&sender, &writer] {
        assert_eq!(nobody.get(&path).await.status, 403);
        assert_eq!(nobody.get(ERASURES).await.status, 403);
    }
    assert_eq!(reader.get(&path).await.status, 200);
    assert_eq!(reader.delete(&path).await.status, 403);
    assert_eq!(writer.delete(&path).await.status, 200);
}

#[tokio::test]
async fn a_tenant_erases_so_many_at_once_and_remembers_so_many() {
    let settings = [("ERASURES__RUNNING_MAX", "1"), ("ERASURES__ENDED_MAX", "1")];
    let gateway = TestGateway::start_with(&settings).await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    // What was taken away a moment ago is looked after once more, so it does not end at once.
    tenant.consumer_says(CONSUMER, "Hello").await;
    let first = begin(&tenant, CONSUMER).await;
    let body = json!({ "address": "16505550188" });
    let second = tenant.post_once("a-key", ERASURES, &body).await;
    assert_eq!(
        (second.status, &second.json()["status"]["code"]),
        (429, &json!(310))
    );
    assert!(second.header("retry-after").is_some());
    begin(&neighbour, CONSUMER).await;
    completed(&tenant, &first).await;

    // What was refused has left no key.
    let second = tenant.post_once("a-key", ERASURES, &body).await;
    assert_eq!(second.status, 202, "{:?}", second.json());
    let again = tenant.post_once("a-key", ERASURES, &body).await;
    assert_eq!(
        again.json(),
        second.json(),
        "the same call is the same erasure"
    );
    let second: Value = second.json()["data"]["id"].clone();
    completed(&tenant, second.as_str().unwrap()).await;
    let third = begin(&tenant, "16505550177").await;
    assert_eq!(tenant.get(&format!("{ERASURES}/{first}")).await.status, 404);
    completed(&tenant, &third).await;
}
