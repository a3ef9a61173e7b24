//! What applications submit: each message stands for itself, and is sent once.

use futures_util::future::join_all;
use nexus_gateway::simulator::{Received, Reply};
use serde_json::{Value, json};

use crate::harness::TestGateway;
use crate::harness::tenant::{CONSUMER, PHONE, Tenant, text_to, texts};

async fn submit(tenant: &Tenant, messages: &[Value]) -> Reply {
    tenant
        .post("/nexus/v3/messages", &json!({ "messages": messages }))
        .await
}

/// A text with an id of the caller's.
fn named(message_id: &str, to: &str, text: &str) -> Value {
    let mut message = text_to(to, text);
    message["channel"]["messageId"] = json!(message_id);
    message
}

fn results(reply: &Reply) -> Vec<Value> {
    reply.json()["data"]["results"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}

fn codes(results: &[Value]) -> Vec<Option<u64>> {
    let code = |result: &Value| result["error"]["code"].as_u64();
    results.iter().map(code).collect()
}

#[tokio::test]
async fn each_message_has_its_result_in_order_and_a_bad_one_refuses_nobody_else() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let (mut stranger, mut fax, mut typo) = (
        text_to(CONSUMER, "Hello"),
        text_to(CONSUMER, "Hello"),
        text_to(CONSUMER, "Hello"),
    );
    stranger["channel"]["from"]["id"] = json!("16504661150");
    fax["type"] = json!("Fax");
    typo["tetx"] = json!("Hello");
    let messages = [
        text_to(CONSUMER, "Hello"),
        stranger,
        text_to("nobody", "Hello"),
        fax,
        text_to(CONSUMER, ""),
        typo,
        text_to("+1 650 555 0188", &"ä€".repeat(40)),
    ];

    let reply = submit(&tenant, &messages).await;

    assert_eq!(
        (reply.status, &reply.json()["status"]["code"]),
        (202, &json!(0))
    );
    let results = results(&reply);
    assert_eq!(
        codes(&results),
        [
            None,
            Some(404),
            Some(530),
            Some(510),
            Some(520),
            Some(422),
            None
        ]
    );
    assert!(
        results[5]["error"]["message"]
            .as_str()
            .unwrap()
            .contains("tetx")
    );
    assert_eq!(
        (&results[0]["encoding"], &results[0]["segments"]),
        (&json!("GSM-7"), &json!(1))
    );
    assert_eq!(
        (&results[6]["encoding"], &results[6]["segments"]),
        (&json!("GSM-7"), &json!(1))
    );
    gateway.third_party.wait_for(2).await;

    let refused = submit(&tenant, &messages[1..6]).await;
    assert_eq!(
        (refused.status, &refused.json()["status"]["code"]),
        (422, &json!(422))
    );
    assert_eq!(self::results(&refused).len(), 5);
    let list = tenant.get("/nexus/v3/messages").await.json();
    assert_eq!(list["data"]["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_same_id_of_the_caller_is_one_message_sent_once() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let first = results(&submit(&tenant, &[named("a", CONSUMER, "Hello")]).await).remove(0);

    // From here on the lane is in memory, where repeats must not slip in either.
    tenant
        .wait_for_status(first["id"].as_str().unwrap(), "Sent")
        .await;
    let messages = [
        named("a", CONSUMER, "Hello"),
        named("b", CONSUMER, "Second"),
        named("a", CONSUMER, "Other content"),
        named("b", CONSUMER, "Second"),
        named("c", CONSUMER, "Third"),
    ];
    let again = results(&submit(&tenant, &messages).await);

    assert_eq!(again[0]["id"], first["id"]);
    assert_eq!(again[2]["error"]["code"], 409);
    assert_eq!(again[1]["id"], again[3]["id"]);
    let last = again[4]["id"].as_str().unwrap();
    tenant.wait_for_status(last, "Sent").await;
    assert_eq!(
        texts(&gateway.third_party.requests()),
        ["Hello", "Second", "Third"]
    );
    assert_eq!(tenant.message(last).await["channel"]["messageId"], "c");
}

#[tokio::test]
async fn repeats_at_once_among_other_messages_send_each_once() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let first = tenant.send(CONSUMER, "first").await;
    tenant.wait_for_status(&first, "Sent").await;
    let submitted = (0..40).map(|number| {
        let messages = [
            named(&format!("repeated-{}", number % 4), CONSUMER, "again"),
            named(&format!("own-{number}"), CONSUMER, "once"),
        ];
        let tenant = &tenant;
        async move { results(&submit(tenant, &messages).await) }
    });
    let answers: Vec<Value> = join_all(submitted).await.concat();
    let answered = answers.iter().map(|answer| answer["id"].as_str().unwrap());
    let mut ids: Vec<&str> = answered.chain([first.as_str()]).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 45);

    for id in &ids {
        tenant.wait_for_status(id, "Sent").await;
    }
    let received = gateway.third_party.requests();
    let mut sent: Vec<String> = received.iter().filter_map(Received::message_id).collect();
    sent.sort_unstable();
    assert_eq!(sent, ids);
}

#[tokio::test]
async fn a_submission_is_one_to_a_thousand_messages_and_nothing_else() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    for body in [
        json!({ "messages": [] }),
        json!({ "messages": vec![text_to(CONSUMER, "Hello"); 1_001] }),
        json!({ "messages": [text_to(CONSUMER, "Hello")], "mesages": [] }),
        json!({ "messages": text_to(CONSUMER, "Hello") }),
        json!([]),
    ] {
        let reply = tenant.post("/nexus/v3/messages", &body).await;
        assert_eq!(reply.status, 422, "{:?}", reply.json());
    }
    assert_eq!(gateway.third_party.count(), 0);
    let sent = tenant.send(CONSUMER, "Hello").await;
    assert_eq!(tenant.message(&sent).await["channel"]["from"]["id"], PHONE);
}
