//! What a replica holds in the store while it waits for another one.

use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::fleet::lanes_are_shared;
use crate::harness::tenant::{CONSUMER, SOON, Tenant, text_to};

#[tokio::test]
async fn whoever_waits_for_a_message_s_key_keeps_nobody_from_its_lane() {
    let owner = TestGateway::start().await;
    let answers = owner.replica_that_only_answers().await;
    let tenant = owner.tenant().await;
    let elsewhere = tenant.known_through(&answers).await;
    let mut database = owner.connect().await;
    lanes_are_shared(&mut database, 1).await;
    let id = send(&elsewhere).await;

    // What another flush does while it settles the same message: nobody knows yet whether the key stays.
    let mut other = owner.connect().await;
    let mut flush = other.begin().await.unwrap();
    sqlx::query("delete from inbound_keys")
        .execute(&mut *flush)
        .await
        .unwrap();
    let repeat = send(&elsewhere);
    let looks = async {
        somebody_waits(&mut database).await;
        // That flush comes to the lane last.
        sqlx::query("select lane from lanes for update nowait")
            .execute(&mut *flush)
            .await
            .expect("the lane is free");
        flush.rollback().await.unwrap();
    };
    let (again, ()) = tokio::join!(repeat, looks);
    assert_eq!(again, id, "it is the same message");
}

/// Submits a message that is always the same, and gives back its id.
async fn send(tenant: &Tenant) -> String {
    let mut item = text_to(CONSUMER, "Hello");
    item["channel"]["messageId"] = json!("a-message");
    let body = json!({ "messages": [item] });
    let reply = tenant.post("/nexus/v3/messages", &body).await;
    assert_eq!(reply.status, 202, "{:?}", reply.json());
    let id = &reply.json()["data"]["results"][0]["id"];
    id.as_str().unwrap().to_owned()
}

async fn somebody_waits(database: &mut PgConnection) {
    eventually("somebody waits for the key", SOON, async || {
        let waiting: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        )
        .fetch_one(&mut *database)
        .await
        .unwrap();
        (waiting > 0).then_some(())
    })
    .await;
}
