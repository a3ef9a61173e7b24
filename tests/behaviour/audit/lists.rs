//! What a list shows, to whom, and what it refuses.

use nexus_gateway::platform::clock::rfc3339;
use nexus_gateway::simulator::{Answer, WireClient};
use reqwest::header::HeaderMap;
use serde_json::json;

use super::records;
use crate::harness::TestGateway;
use crate::harness::tenant::{CONSUMER, PHONE, Tenant};

async fn suppress(tenant: &Tenant, address: &str) {
    let path = format!("/nexus/v3/suppressions/{PHONE}/{address}");
    let put = tenant
        .put(&path, &json!({ "reason": "canary-reason" }))
        .await;
    assert!(put.status < 300, "{:?}", put.json());
}

/// What a key sees that is given for no tenant in particular.
async fn everything(tenant: &Tenant, key: &str) -> Vec<serde_json::Value> {
    let client = WireClient::new().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", key.parse().unwrap());
    let url = format!("{}/nexus/v3/audit?limit=500", tenant.base_url);
    let reply = client.send(reqwest::Method::GET, &url, headers, Vec::new());
    let reply = reply.await.unwrap();
    assert_eq!(reply.status, 200);
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    body["data"]["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_record_says_who_what_when_and_from_where_but_not_what_it_was_changed_to() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    suppress(&tenant, CONSUMER).await;
    let path = format!("/nexus/v3/provisioning/senders/{}/chat.Main", tenant.ccid);
    let sender =
        json!({ "channelId": PHONE, "provider": "Async", "header:x-route": "canary-value" });
    assert_eq!(tenant.put(&path, &sender).await.status, 201);
    let again =
        json!({ "channelId": PHONE, "provider": "Async", "header:x-route": "canary-other" });
    assert_eq!(tenant.put(&path, &again).await.status, 200);

    let shown = records(&tenant, "object=sender").await;
    let newest = &shown[0];
    assert_eq!(shown.len(), 2);
    assert_eq!(newest["action"], "sender.saved");
    assert_eq!(
        newest["object"],
        json!({ "kind": "sender", "id": "chat.Main" })
    );
    assert_eq!(newest["changed"], json!(["/header:x-route"]));
    assert_eq!(newest["author"]["kind"], "key");
    assert_eq!(newest["author"]["name"], "test");
    assert_eq!(newest["source"], "127.0.0.1");
    assert_eq!(newest["tenant"], tenant.ccid.to_string());

    let all = serde_json::to_string(&everything(&tenant, gateway.bootstrap_key()).await).unwrap();
    for canary in [
        CONSUMER,
        "canary",
        &tenant.key,
        &tenant.third_party.api_secret,
        gateway.bootstrap_key(),
    ] {
        assert!(!all.contains(canary), "{canary} is on record");
    }
}

#[tokio::test]
async fn a_tenant_sees_its_own_records_and_the_cluster_all_or_those_it_chooses() {
    let gateway = TestGateway::start().await;
    let (one, other) = (gateway.tenant().await, gateway.tenant().await);
    suppress(&one, CONSUMER).await;
    suppress(&other, CONSUMER).await;

    let of_one = records(&one, "limit=500").await;
    let is_ones = |record: &serde_json::Value| record["tenant"] == one.ccid.to_string();
    assert!(
        of_one.len() >= 3 && of_one.iter().all(is_ones),
        "{of_one:?}"
    );
    let mut chosen = one.clone();
    gateway.bootstrap_key().clone_into(&mut chosen.key);
    let by_cluster = records(&chosen, "limit=500&action=suppression.saved").await;
    assert!(by_cluster.len() == 1 && is_ones(&by_cluster[0]));
    let own = everything(&one, &one.key).await;
    assert!(!own.is_empty() && own.iter().all(is_ones), "{own:?}");
    let all = everything(&one, gateway.bootstrap_key()).await;
    for ccid in [one.ccid, other.ccid] {
        assert!(
            all.iter()
                .any(|record| record["tenant"] == ccid.to_string())
        );
    }
    // The first key of a cluster is the gateway's own doing.
    let first = all
        .iter()
        .find(|record| record["author"]["kind"] == "gateway");
    assert_eq!(first.unwrap()["action"], "key.created");

    let mut foreign = one.clone();
    foreign.ccid = other.ccid;
    assert_eq!(foreign.get("/nexus/v3/audit").await.status, 403);
    let limited = one.limited_to(&["nexus:messages:read"]).await;
    assert_eq!(limited.get("/nexus/v3/audit").await.status, 403);
}

#[tokio::test]
async fn records_are_narrowed_by_time_action_and_object_and_read_page_by_page() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    for address in ["16505550101", "16505550102", "16505550103"] {
        suppress(&tenant, address).await;
    }
    let all = records(&tenant, "action=suppression.saved").await;
    assert_eq!(all.len(), 3);
    let first = tenant
        .get("/nexus/v3/audit?object=suppression&limit=2")
        .await
        .json();
    let next = first["data"]["next"].as_str().unwrap();
    let rest = records(
        &tenant,
        &format!("object=suppression&limit=2&cursor={next}"),
    )
    .await;
    assert_eq!(first["data"]["items"].as_array().unwrap()[..], all[..2]);
    assert_eq!(rest[..], all[2..]);
    let one = all[1]["object"]["id"].as_str().unwrap();
    assert_eq!(
        records(&tenant, &format!("objectId={one}")).await[..],
        all[1..2]
    );
    let hour_ago = rfc3339(gateway.clock.now_ms() - 3_600_000);
    assert!(
        records(&tenant, &format!("until={hour_ago}"))
            .await
            .is_empty()
    );
    assert!(records(&tenant, &format!("since={hour_ago}")).await.len() >= 5);
    assert!(
        records(&tenant, "action=service.saved&object=key")
            .await
            .is_empty()
    );
    for bad in [
        "action=nothing",
        "object=nothing",
        "since=now",
        "limit=0",
        "cursor=x",
        "other=1",
    ] {
        let refused = tenant.get(&format!("/nexus/v3/audit?{bad}")).await;
        assert_eq!(refused.status, 422, "{bad}");
    }
}

#[tokio::test]
async fn what_is_sent_again_and_what_is_stopped_by_hand_is_on_record() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    gateway.third_party.answer_with([Answer::status(400)]);
    let dead = tenant.send(CONSUMER, "refused").await;
    let another = tenant.send(CONSUMER, "refused, too").await;
    tenant.wait_for_status(&dead, "Failed").await;
    tenant.wait_for_status(&another, "Failed").await;
    let retry = format!("/nexus/v3/messages/{dead}/retry");
    assert_eq!(
        tenant.post_once("once", &retry, &json!({})).await.status,
        202
    );
    assert_eq!(
        tenant.post_once("once", &retry, &json!({})).await.status,
        202
    );
    let retried = records(&tenant, "object=message").await;
    assert_eq!(retried.len(), 1, "the same call again changes nothing");
    assert_eq!(retried[0]["object"]["id"], dead);

    let replay = json!({ "filter": {}, "ratePerSecond": 0.01, "dryRun": false });
    let begun = tenant.post("/nexus/v3/replays", &replay).await.json();
    let id = begun["data"]["id"].as_str().unwrap();
    let path = format!("/nexus/v3/replays/{id}");
    assert_eq!(tenant.delete(&path).await.status, 200);
    assert_eq!(tenant.delete(&path).await.status, 200);
    let actions: Vec<_> = records(&tenant, &format!("object=replay&objectId={id}")).await;
    let actions: Vec<_> = actions.iter().map(|record| &record["action"]).collect();
    assert_eq!(actions, ["replay.cancelled", "replay.begun"]);
}
