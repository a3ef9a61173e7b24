//! Changes that are made once although they are asked for again.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::SOON;
use crate::provisioning::api::{Holder, PHONE, Reply, async_service, new_ccid};

async fn post_once(holder: &Holder, key: &str, path: &str, body: &Value) -> Reply {
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", key),
    ];
    holder
        .call(Method::POST, path, Some(body.to_string()), &headers)
        .await
}

#[tokio::test]
async fn fifty_equal_orders_of_a_key_on_two_replicas_make_one_key_and_show_it_to_all() {
    let gateway = TestGateway::start().await;
    let other = gateway.replica(&[]).await;
    let callers = [Holder::bootstrap(&gateway), Holder::bootstrap(&other)];
    let body =
        json!({ "tenant": new_ccid(), "name": "once", "permissions": ["nexus:messages:send"] });

    let calls = (0..50).map(|number| {
        let (caller, body) = (&callers[number % 2], &body);
        async move {
            eventually("the first call is over", SOON, async || {
                let reply = post_once(caller, "key-for-once", "apikeys", body).await;
                let running = reply.body["status"]["code"] == 4091;
                (!running).then_some(reply)
            })
            .await
        }
    });
    let replies = join_all(calls).await;

    for reply in &replies {
        assert_eq!(reply.accepted(201).body, replies[0].body);
    }
    let listed = callers[0].get("apikeys").await;
    let items = listed.accepted(200).data()["items"].as_array().unwrap();
    assert_eq!(
        items.iter().filter(|item| item["name"] == "once").count(),
        1
    );
    // What is kept of the answer cannot be read in the database.
    let shown = replies[0].data()["key"].as_str().unwrap();
    let mut database = gateway.connect().await;
    let kept: Vec<u8> = sqlx::query_scalar("select sealed_answer from idempotency_keys")
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert!(!String::from_utf8_lossy(&kept).contains(shown));
}

#[tokio::test]
async fn while_the_first_call_runs_the_second_is_told_to_wait() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let path = format!("services/{}/Async", new_ccid());
    let body = async_service(PHONE);
    let mut database = gateway.connect().await;
    sqlx::query("begin").execute(&mut database).await.unwrap();
    sqlx::query("select version from directory for update")
        .execute(&mut database)
        .await
        .unwrap();
    let first = post_once(&operator, "k", &path, &body);
    let release = async {
        eventually("the first call waits", SOON, async || {
            first_call_waits(&gateway).await.then_some(())
        })
        .await;
        let waiting = post_once(&operator, "k", &path, &body).await;
        assert_eq!(waiting.status, 409, "{}", waiting.body);
        assert_eq!(waiting.body["status"]["code"], 4091);
        sqlx::query("rollback")
            .execute(&mut database)
            .await
            .unwrap();
    };
    let (first, ()) = tokio::join!(first, release);
    first.accepted(201);
    let again = post_once(&operator, "k", &path, &body).await;
    assert_eq!(again.accepted(201).body, first.body);
}

/// Whether the first call has begun and waits for its turn.
async fn first_call_waits(gateway: &TestGateway) -> bool {
    let mut database = gateway.connect().await;
    sqlx::query_scalar(
        "select exists (select 1 from pg_stat_activity where datname = current_database()
                        and wait_event_type = 'Lock' and query like '%update directory%')",
    )
    .fetch_one(&mut database)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_refused_change_leaves_no_key_and_a_done_one_stays_done() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let path = format!("services/{}/Async", new_ccid());
    let body = async_service(PHONE);
    let wrong = json!({ "data": {}, "secret": {} });
    post_once(&operator, "k", &path, &wrong).await.refused(422);
    let made = post_once(&operator, "k", &path, &body).await;
    made.accepted(201);
    operator.delete(&path).await.accepted(200);
    let again = post_once(&operator, "k", &path, &body).await;
    assert_eq!(again.accepted(201).body, made.body);
    operator.get(&path).await.refused(404);
    post_once(&operator, "k", &path, &wrong).await.refused(422);
}

#[tokio::test]
async fn repeating_anothers_call_shows_no_key_that_one_could_not_make() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let ccid = new_ccid();
    let strong = operator
        .tenant_key(&ccid, &["nexus:apikeys:write", "nexus:messages:send"])
        .await;
    let weak = operator.tenant_key(&ccid, &["nexus:apikeys:write"]).await;
    let body = json!({ "tenant": ccid, "name": "n", "permissions": ["nexus:messages:send"] });
    post_once(&strong, "k", "apikeys", &body)
        .await
        .accepted(201);
    post_once(&weak, "k", "apikeys", &body).await.refused(403);
}
