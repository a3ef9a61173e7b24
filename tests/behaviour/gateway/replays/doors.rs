//! Who may begin, see and cancel a replay, and which are refused.

use serde_json::{Value, json};

use super::{REPLAYS, begin, completed, dead_letters, figures, people, replay};
use crate::harness::TestGateway;
use crate::harness::tenant::Tenant;

#[tokio::test]
async fn a_replay_that_says_something_else_is_refused_with_the_place() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let bodies = [
        (json!({ "ratePerSecond": 1 }), "/filter"),
        (json!({ "filter": {} }), "/ratePerSecond"),
        (
            json!({ "filter": {}, "ratePerSecond": 0 }),
            "/ratePerSecond",
        ),
        (
            json!({ "filter": {}, "ratePerSecond": -1 }),
            "/ratePerSecond",
        ),
        (
            json!({ "filter": {}, "ratePerSecond": 10_001 }),
            "/ratePerSecond",
        ),
        (
            json!({ "filter": {}, "ratePerSecond": "1" }),
            "/ratePerSecond",
        ),
        (
            json!({ "filter": {}, "ratePerSecond": 1, "dryRun": 1 }),
            "/dryRun",
        ),
        (
            json!({ "filter": {}, "ratePerSecond": 1, "dry": true }),
            "/dry",
        ),
    ];
    for (body, place) in bodies {
        is_refused_at(&tenant, &body, place).await;
    }
    let since_until = json!({ "since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z" });
    let filters = [
        (json!({ "deadLetter": true }), "/filter/deadLetter"),
        (json!({ "limit": 5 }), "/filter/limit"),
        (json!({ "channelId": "a b" }), "/filter/channelId"),
        (json!({ "address": "" }), "/filter/address"),
        (json!({ "status": "Dead" }), "/filter/status"),
        (json!({ "direction": "up" }), "/filter/direction"),
        (json!({ "since": "today" }), "/filter/since"),
        (json!({ "campaignId": "" }), "/filter/campaignId"),
        (since_until, "/filter/until"),
    ];
    for (filter, place) in filters {
        let body = json!({ "filter": filter, "ratePerSecond": 1 });
        is_refused_at(&tenant, &body, place).await;
    }
    assert_eq!(tenant.get(REPLAYS).await.json()["data"]["items"], json!([]));
}

async fn is_refused_at(tenant: &Tenant, body: &Value, place: &str) {
    let reply = tenant.post(REPLAYS, body).await;
    let status = reply.json()["status"].clone();
    assert_eq!(
        (reply.status, &status["code"]),
        (422, &json!(422)),
        "{body}"
    );
    assert_eq!(status["details"][0]["path"], place, "{body} {status}");
}

#[tokio::test]
async fn nobody_sees_or_cancels_another_tenant_s_replay() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    dead_letters(&gateway.third_party, &tenant, &people(2), "spring").await;
    let id = begin(&tenant, &json!({ "filter": {}, "ratePerSecond": 0.01 })).await;
    for path in [
        format!("{REPLAYS}/{id}"),
        format!("{REPLAYS}/1795264928594-0"),
        format!("{REPLAYS}/x"),
    ] {
        let (seen, cancelled) = (neighbour.get(&path).await, neighbour.delete(&path).await);
        assert_eq!((seen.status, cancelled.status), (404, 404), "{path}");
        assert_eq!(seen.json()["status"]["message"], "there is no such replay");
    }
    assert_eq!(
        neighbour.get(REPLAYS).await.json()["data"]["items"],
        json!([])
    );
    assert_eq!(replay(&tenant, &id).await["state"], "running");
}

#[tokio::test]
async fn whoever_may_only_look_begins_and_cancels_nothing() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let reader = tenant.limited_to(&["nexus:messages:read"]).await;
    let sender = tenant.limited_to(&["nexus:messages:send"]).await;
    let body = json!({ "filter": {}, "ratePerSecond": 1 });
    let id = begin(&sender, &body).await;
    let path = format!("{REPLAYS}/{id}");
    assert_eq!(reader.post(REPLAYS, &body).await.status, 403);
    assert_eq!(reader.delete(&path).await.status, 403);
    assert_eq!(sender.get(&path).await.status, 403);
    assert_eq!(sender.get(REPLAYS).await.status, 403);
    assert_eq!(reader.get(&path).await.status, 200);
    assert_eq!(sender.delete(&path).await.status, 200);
}

#[tokio::test]
async fn a_tenant_has_so_many_at_once_and_remembers_so_many() {
    let settings = [("REPLAYS__RUNNING_MAX", "2"), ("REPLAYS__ENDED_MAX", "1")];
    let gateway = TestGateway::start_with(&settings).await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    dead_letters(&gateway.third_party, &tenant, &people(9), "spring").await;
    let slow = json!({ "filter": {}, "ratePerSecond": 0.01 });
    let first = begin(&tenant, &slow).await;
    let second = begin(&tenant, &slow).await;
    let third = tenant.post_once("a-key", REPLAYS, &slow).await;
    assert_eq!(
        (third.status, &third.json()["status"]["code"]),
        (429, &json!(310))
    );
    assert!(third.header("retry-after").is_some());
    begin(&neighbour, &slow).await;

    for id in [&first, &second] {
        assert_eq!(tenant.delete(&format!("{REPLAYS}/{id}")).await.status, 200);
    }
    // What was refused has left no key.
    let third = tenant.post_once("a-key", REPLAYS, &slow).await;
    assert_eq!(third.status, 202, "{:?}", third.json());
    assert_eq!(tenant.get(&format!("{REPLAYS}/{first}")).await.status, 404);
    assert_eq!(tenant.get(&format!("{REPLAYS}/{second}")).await.status, 200);
}

#[tokio::test]
async fn the_same_call_again_is_the_same_replay() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    dead_letters(&gateway.third_party, &tenant, &people(3), "spring").await;
    let body = json!({ "filter": { "campaignId": "spring" }, "ratePerSecond": 100 });
    let first = tenant.post_once("k", REPLAYS, &body).await;
    assert_eq!(first.status, 202, "{:?}", first.json());
    let id = first.json()["data"]["id"].as_str().unwrap().to_owned();
    assert_eq!(figures(&completed(&tenant, &id).await), (3, 3, 0));
    let again = tenant.post_once("k", REPLAYS, &body).await;
    assert_eq!((again.status, again.json()), (202, first.json()));
    let other = json!({ "filter": {}, "ratePerSecond": 100 });
    assert_eq!(tenant.post_once("k", REPLAYS, &other).await.status, 422);
    let items = tenant.get(REPLAYS).await.json()["data"]["items"].clone();
    assert_eq!(items.as_array().unwrap().len(), 1);
}
