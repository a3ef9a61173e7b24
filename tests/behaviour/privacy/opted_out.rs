//! Who has opted out is not written to, also after they were erased, though nobody knows any more who they are.

use nexus_gateway::simulator::Answer;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::dump::rows_with;
use super::erasing::erase;
use crate::gateway::replays;
use crate::harness::TestGateway;
use crate::harness::tenant::{CONSUMER, PHONE, Tenant, text_to};

const OTHER: &str = "16505550188";

fn place(address: &str) -> String {
    format!("/nexus/v3/suppressions/{PHONE}/{address}")
}

async fn stopped_and_erased(tenant: &Tenant) {
    tenant.consumer_says(CONSUMER, "STOP").await;
    erase(tenant, CONSUMER).await;
}

async fn is_refused(tenant: &Tenant) {
    let reply = tenant.submit(CONSUMER, "canary").await;
    assert_eq!(reply.status, 422, "{:?}", reply.json());
    let said = reply.json().to_string();
    assert!(said.contains("recipient opted out"), "{said}");
}

#[tokio::test]
async fn an_opt_out_holds_after_its_person_was_erased_and_names_nobody() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    stopped_and_erased(&tenant).await;
    let mut database = gateway.connect().await;
    let left = rows_with(&mut database, &[CONSUMER]).await;
    assert!(left.is_empty(), "{left:#?}");

    is_refused(&tenant).await;
    let batch = json!({ "messages": [text_to(CONSUMER, "canary"), text_to(OTHER, "meant")] });
    let results = tenant.post("/nexus/v3/messages", &batch).await.json();
    let results = results["data"]["results"].clone();
    assert_eq!(results[0]["error"]["code"], 350, "{results}");
    let meant = results[1]["id"].as_str().unwrap();
    tenant.wait_for_status(meant, "Sent").await;
    assert_eq!(gateway.third_party.count(), 1);
    let left = rows_with(&mut database, &[CONSUMER, "canary"]).await;
    assert!(left.is_empty(), "what is refused leaves nothing: {left:#?}");

    let shown = tenant.get(&place("%2B1%20650-555-0199")).await;
    assert_eq!(shown.status, 200);
    assert_eq!(
        shown.json()["data"]["address"],
        CONSUMER,
        "as it was asked for"
    );
    assert_eq!(shown.json()["data"]["source"], "keyword");
    let listed = tenant.get("/nexus/v3/suppressions").await.json();
    let listed = listed["data"]["items"].as_array().unwrap().clone();
    assert_eq!(listed.len(), 1);
    assert!(
        listed[0]["address"]
            .as_str()
            .unwrap()
            .starts_with("erased:")
    );
    neighbour
        .send(CONSUMER, "another tenant's own affair")
        .await;
    // Another replica, and one that was started anew, know it as well.
    let replica = gateway.replica(&[]).await;
    is_refused(&tenant.known_through(&replica).await).await;
}

#[tokio::test]
async fn what_was_dead_before_is_not_sent_to_whom_the_proof_stands_for() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    stopped_and_erased(&tenant).await;
    let mut database = gateway.connect().await;
    let proof = proof(&mut database).await;
    tenant.consumer_says(CONSUMER, "START").await;
    gateway.third_party.answer_with([Answer::status(400)]);
    let (retried, replayed) = (
        tenant.send(CONSUMER, "dead").await,
        tenant.send(CONSUMER, "dead, too").await,
    );
    tenant.wait_for_status(&retried, "Failed").await;
    tenant.wait_for_status(&replayed, "Failed").await;
    gateway.third_party.reset();
    gateway.third_party.answer_with([Answer::accept()]);
    put_back(&mut database, &tenant, &proof).await;

    let retry = format!("/nexus/v3/messages/{retried}/retry");
    assert_eq!(tenant.post(&retry, &json!({})).await.status, 202);
    let ended = tenant.wait_for_status(&retried, "Failed").await;
    assert!(
        ended["history"].to_string().contains("recipient opted out"),
        "{ended}"
    );
    let replay = json!({ "filter": {}, "ratePerSecond": replays::FAST });
    let id = replays::begin(&tenant, &replay).await;
    let ended = replays::completed(&tenant, &id).await;
    assert_eq!(replays::figures(&ended), (1, 0, 1));
    assert_eq!(gateway.third_party.count(), 0);
}

#[tokio::test]
async fn who_was_erased_may_come_back() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    stopped_and_erased(&tenant).await;
    tenant.consumer_says(CONSUMER, "START").await;
    assert_eq!(tenant.get(&place(CONSUMER)).await.status, 404);
    let sent = tenant.send(CONSUMER, "Welcome back").await;
    tenant.wait_for_status(&sent, "Sent").await;
    assert_eq!(tenant.events("suppression.removed", 1).await.len(), 1);

    stopped_and_erased(&tenant).await;
    assert_eq!(tenant.put(&place(CONSUMER), &json!({})).await.status, 200);
    let mut database = gateway.connect().await;
    let listed: Vec<String> = sqlx::query_scalar("select address from suppressions")
        .fetch_all(&mut database)
        .await
        .unwrap();
    assert_eq!(listed, [CONSUMER], "known again, and once");
    erase(&tenant, CONSUMER).await;
    assert_eq!(tenant.delete(&place(CONSUMER)).await.status, 200);
    tenant.send(CONSUMER, "Welcome back").await;
}

#[tokio::test]
async fn who_opts_out_again_and_is_erased_again_is_in_the_list_once_and_for_good() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    stopped_and_erased(&tenant).await;
    stopped_and_erased(&tenant).await;
    let listed = tenant.get("/nexus/v3/suppressions").await.json();
    let listed: &Value = &listed["data"]["items"];
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0].get("expiresAt"), None);
    is_refused(&tenant).await;
}

async fn proof(database: &mut PgConnection) -> String {
    sqlx::query_scalar("select address from suppressions")
        .fetch_one(database)
        .await
        .unwrap()
}

/// As if the person had opted out, and been erased, after these messages died.
async fn put_back(database: &mut PgConnection, tenant: &Tenant, proof: &str) {
    sqlx::query(
        "insert into suppressions (ccid, channel_id, address, source, created_at) values ($1, $2, $3, 'keyword', 0)",
    )
    .bind(tenant.ccid)
    .bind(PHONE)
    .bind(proof)
    .execute(database)
    .await
    .unwrap();
}
