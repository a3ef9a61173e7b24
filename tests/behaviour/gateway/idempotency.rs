//! `Idempotency-Key`: whoever does not know whether a call arrived makes it again, and nothing happens twice.

use futures_util::future::join_all;
use nexus_gateway::platform::clock::rfc3339;
use nexus_gateway::simulator::Reply;
use serde_json::{Value, json};

use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, SOON, Tenant, text_to};

const MESSAGES: &str = "/nexus/v3/messages";

fn submission(texts: &[&str]) -> Value {
    let messages: Vec<Value> = texts.iter().map(|text| text_to(CONSUMER, text)).collect();
    json!({ "messages": messages })
}

/// How many messages the tenant has sent.
async fn sent(tenant: &Tenant) -> usize {
    let listed = tenant.get("/nexus/v3/messages?direction=outbound").await;
    listed.json()["data"]["items"].as_array().unwrap().len()
}

#[track_caller]
fn refused(reply: &Reply, status: u16, code: u64) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert_eq!(reply.json()["status"]["code"], code);
}

#[tokio::test]
async fn fifty_equal_submissions_on_two_replicas_are_one_with_one_answer() {
    let gateway = TestGateway::start().await;
    let other = gateway.replica(&[]).await;
    let tenant = gateway.tenant().await;
    let elsewhere = tenant.through(&other);
    eventually("the other replica knows the channel", SOON, async || {
        elsewhere.is_known().await.then_some(())
    })
    .await;
    let body = submission(&["one", "two", "three"]);

    let calls = (0..50).map(|number| {
        let tenant = if number % 2 == 0 { &tenant } else { &elsewhere };
        tenant.post_once("the-order-4711", MESSAGES, &body)
    });
    let replies = join_all(calls).await;

    let first = replies[0].json();
    assert_eq!(first["data"]["results"].as_array().unwrap().len(), 3);
    for reply in &replies {
        assert_eq!((reply.status, reply.json()), (202, first.clone()));
    }
    assert_eq!(sent(&tenant).await, 3);
    assert_eq!(
        tenant
            .post_once("the-order-4711", MESSAGES, &body)
            .await
            .json(),
        first
    );
    tenant
        .post_once("the-order-4712", MESSAGES, &body)
        .await
        .json();
    assert_eq!(sent(&tenant).await, 6);
}

#[tokio::test]
async fn a_repeated_submission_is_answered_the_same_although_the_world_has_changed() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let opted_out = format!("/nexus/v3/suppressions/16504661149/{CONSUMER}");
    tenant.put(&opted_out, &json!({})).await;
    let mut fax = text_to("16505550100", "Hello");
    fax["type"] = json!("Fax");
    let body = json!({ "messages": [
        text_to(CONSUMER, "refused when stored"), fax, text_to("16505550100", "żółw"),
    ] });
    let first = tenant.post_once("k", MESSAGES, &body).await;
    assert_eq!(first.status, 202, "{first:?}");
    let results = first.json()["data"]["results"].clone();
    assert_eq!(results[0]["error"]["code"], 350);
    assert_eq!(results[1]["error"]["code"], 510);
    assert_eq!(results[2]["encoding"], "UCS-2");

    tenant.delete(&opted_out).await;
    let service = format!("/nexus/v3/provisioning/services/{}/Async", tenant.ccid);
    tenant.delete(&service).await;
    let again = tenant.post_once("k", MESSAGES, &body).await;
    assert_eq!((again.status, again.json()), (202, first.json()));
    assert_eq!(sent(&tenant).await, 1);
}

#[tokio::test]
async fn a_submission_of_which_nothing_was_taken_is_judged_anew_or_refused_the_same() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let opted_out = format!("/nexus/v3/suppressions/16504661149/{CONSUMER}");
    tenant.put(&opted_out, &json!({})).await;
    let first = tenant
        .post_once("k", MESSAGES, &submission(&["Hello"]))
        .await;
    refused(&first, 422, 422);
    tenant.delete(&opted_out).await;
    let again = tenant
        .post_once("k", MESSAGES, &submission(&["Hello"]))
        .await;
    assert_eq!((again.status, again.json()), (422, first.json()));

    let nonsense = json!({ "messages": [{ "type": "Text" }] });
    refused(&tenant.post_once("n", MESSAGES, &nonsense).await, 422, 422);
    let corrected = tenant
        .post_once("n", MESSAGES, &submission(&["Hello"]))
        .await;
    assert_eq!(corrected.status, 202, "{corrected:?}");
}

#[tokio::test]
async fn a_key_stands_for_one_request_of_one_tenant() {
    let gateway = TestGateway::start().await;
    let (tenant, other) = (gateway.tenant().await, gateway.tenant().await);
    let body = submission(&["Hello"]);
    let first = tenant.post_once("k", MESSAGES, &body).await;
    assert_eq!(first.status, 202);
    refused(
        &tenant
            .post_once("k", MESSAGES, &submission(&["Hello!"]))
            .await,
        422,
        422,
    );
    let conversation = "/nexus/v3/conversations/1613474523265-0/close";
    refused(
        &tenant.post_once("k", conversation, &json!({})).await,
        422,
        422,
    );
    let of_other = other.post_once("k", MESSAGES, &body).await;
    assert_eq!(of_other.status, 202);
    assert_ne!(of_other.json(), first.json());
    for key in ["", "two words", &"x".repeat(256)] {
        refused(&tenant.post_once(key, MESSAGES, &body).await, 400, 520);
    }
    assert_eq!(sent(&tenant).await, 1);
}

#[tokio::test]
async fn an_agents_reply_and_what_operators_press_happen_once() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    tenant.consumer_says(CONSUMER, "Hello").await;
    let open = tenant.get("/nexus/v3/conversations").await.json();
    let id = open["data"]["items"][0]["id"].as_str().unwrap();
    let conversation = format!("/nexus/v3/conversations/{id}");
    let reply = async || {
        let words = json!({ "type": "Text", "text": "How can I help?" });
        tenant
            .post_once("r", &format!("{conversation}/messages"), &words)
            .await
    };
    let first = reply().await;
    assert_eq!(first.status, 202, "{first:?}");
    let close = async || {
        tenant
            .post_once("c", &format!("{conversation}/close"), &json!({}))
            .await
    };
    let closed = close().await;
    assert_eq!(closed.status, 200, "{closed:?}");
    assert_eq!(reply().await.json(), first.json());
    assert_eq!(close().await.json(), closed.json());
    assert_eq!(sent(&tenant).await, 1);

    let listed = tenant.get("/nexus/v3/endpoints").await.json();
    let endpoint = listed["data"]["items"][0]["id"].as_str().unwrap();
    let press = async |key: &str, verb: &str| {
        let path = format!("/nexus/v3/endpoints/{endpoint}/{verb}");
        tenant.post_once(key, &path, &json!({})).await
    };
    let mut later = text_to(CONSUMER, "later");
    let tomorrow = gateway.clock.now_ms() + 24 * 3_600_000;
    later["notBefore"] = json!(rfc3339(tomorrow));
    let submitted = tenant
        .post(MESSAGES, &json!({ "messages": [later] }))
        .await
        .json();
    let waiting = submitted["data"]["results"][0]["id"].as_str().unwrap();
    let cancel = async || {
        let path = format!("/nexus/v3/messages/{waiting}/cancel");
        tenant.post_once("x", &path, &json!({})).await
    };
    let cancelled = cancel().await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    assert_eq!(cancel().await.json(), cancelled.json());

    let paused = press("p", "pause").await;
    assert_eq!(paused.json()["data"]["state"], "paused", "{paused:?}");
    press("q", "resume").await;
    assert_eq!(press("p", "pause").await.json(), paused.json());
    let now = tenant
        .get(&format!("/nexus/v3/endpoints/{endpoint}"))
        .await
        .json();
    assert_eq!(now["data"]["state"], "open");
}

#[tokio::test]
async fn a_call_that_was_answered_is_not_still_running() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let unknown = "1613473893265-0";
    let paths = [
        format!("/nexus/v3/messages/{unknown}/retry"),
        format!("/nexus/v3/conversations/{unknown}/close"),
        "/nexus/v3/endpoints/4711/pause".to_owned(),
    ];
    for path in &paths {
        for _again in 0..20 {
            let reply = tenant.post_once(path, path, &json!({})).await;
            refused(&reply, 404, 404);
        }
    }
    let id = tenant.consumer_says(CONSUMER, "Hello").await;
    let conversation = &tenant.message(&id).await["conversationId"];
    let path = format!(
        "/nexus/v3/conversations/{}/close",
        conversation.as_str().unwrap()
    );
    for _again in 0..20 {
        let reply = tenant.post_once("close", &path, &json!({})).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
}

#[tokio::test]
async fn keys_are_forgotten_after_their_time_and_limited_in_number() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let body = submission(&["Hello"]);
    let first = tenant.post_once("old", MESSAGES, &body).await.json();
    tenant.post_once("young", MESSAGES, &body).await;
    let mut database = gateway.connect().await;
    sqlx::query(
        "update idempotency_keys set created_at = created_at - 24 * 3600000 where key = 'old'",
    )
    .execute(&mut database)
    .await
    .unwrap();

    let limited = gateway
        .replica(&[("RETENTION__IDEMPOTENCY_KEYS_MAX", "1")])
        .await;
    let there = tenant.through(&limited);
    let refusal = eventually("a further key is too many", SOON, async || {
        let further = uuid::Uuid::new_v4().to_string();
        let reply = there.post_once(&further, MESSAGES, &body).await;
        (reply.status != 202).then_some(reply)
    })
    .await;
    refused(&refusal, 429, 310);
    assert!(refusal.headers.contains_key("retry-after"));
    let known = there.post_once("young", MESSAGES, &body).await;
    assert_eq!(known.status, 202, "a known key is still answered");
    let anew = tenant.post_once("old", MESSAGES, &body).await;
    assert_eq!(anew.status, 202);
    assert_ne!(anew.json(), first, "the old key was forgotten");
}
