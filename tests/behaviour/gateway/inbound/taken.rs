//! What becomes of messages that are taken.

use nexus_gateway::simulator::{ReceiptToSend, receipt_message, text_message};
use serde_json::json;
use sqlx::Row;

use super::{events, ids, post, post_signed, stored};
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, PHONE, SOON, Tenant};

/// A receipt for a message that nobody knows.
fn receipt(message_id: &str) -> serde_json::Value {
    receipt_message(&ReceiptToSend {
        from: PHONE,
        to: CONSUMER,
        message_id,
        status: "Delivered",
        reasons: &[],
    })
}

#[tokio::test]
async fn signed_texts_are_taken_and_their_ids_answered_in_order() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let texts = ["one", "two", "three"].map(|text| text_message(CONSUMER, PHONE, text, text));

    let reply = tenant.third_party.send(&texts).await.unwrap();

    let ids = ids(&reply);
    assert_eq!(
        reply.json(),
        json!({ "status": { "code": 0 }, "data": { "ids": ids } })
    );
    assert_eq!(ids.len(), 3);
    for id in &ids {
        let (milliseconds, number) = id.split_once('-').unwrap();
        assert_eq!(milliseconds.len(), 13, "{id}");
        assert!(number.parse::<u32>().unwrap() <= 4_194_303, "{id}");
    }
    for (id, text) in ids.iter().zip(["one", "two", "three"]) {
        let message = tenant.message(id).await;
        assert_eq!(message["direction"], "inbound");
        assert_eq!(message["status"], "Received");
        assert_eq!(message["text"], text);
        assert_eq!(message["channelId"], PHONE);
        assert_eq!(message["channel"]["from"]["id"], CONSUMER);
        assert_eq!(message["channel"]["to"]["id"], PHONE);
        assert_eq!(message["channel"]["messageId"], text);
    }
}

#[tokio::test]
async fn the_api_is_there_with_and_without_the_base_path_and_ignores_unknown_members() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    for (number, base) in ["/nexus/v3", ""].into_iter().enumerate() {
        let mut text = text_message(CONSUMER, PHONE, &number.to_string(), "Hello");
        text["sentBy"] = json!({ "any": ["thing"] });
        text["channel"]["from"]["name"] = json!("Jane Roe");
        let body = json!({ "messages": [text], "batch": 7 }).to_string();
        let headers = tenant.third_party.signed_headers(body.as_bytes());

        let reply = post(
            &tenant,
            &format!("{base}/channels/{PHONE}/messages"),
            headers,
            body,
        )
        .await;

        let message = tenant.message(&ids(&reply)[0]).await;
        assert_eq!(
            message["channel"]["from"],
            json!({ "id": CONSUMER, "name": "Jane Roe" })
        );
    }
}

#[tokio::test]
async fn content_and_receipts_may_be_mixed_and_only_content_has_ids() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let sent = tenant.send(CONSUMER, "Your order is on its way").await;
    tenant.wait_for_status(&sent, "Sent").await;
    let mixed = [
        text_message(CONSUMER, PHONE, "a", "first"),
        receipt(&sent),
        text_message(CONSUMER, PHONE, "b", "second"),
        receipt("unknown"),
    ];

    let ids = ids(&tenant.third_party.send(&mixed).await.unwrap());

    assert_eq!(ids.len(), 2);
    assert_eq!(tenant.message(&ids[0]).await["text"], "first");
    assert_eq!(tenant.message(&ids[1]).await["text"], "second");
    assert_eq!(tenant.message(&sent).await["status"], "Delivered");

    let alone = tenant
        .third_party
        .send(&[receipt("unknown")])
        .await
        .unwrap();
    assert_eq!(
        (alone.status, alone.json()),
        (200, json!({ "status": { "code": 0 } }))
    );
}

#[tokio::test]
async fn a_thousand_messages_are_taken_in_one_body_and_one_more_are_not() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let many: Vec<_> = (0..1_001)
        .map(|number| text_message(CONSUMER, PHONE, &number.to_string(), "Hello"))
        .collect();

    let refused = tenant.third_party.send(&many).await.unwrap();
    assert_eq!(
        (refused.status, &refused.json()["status"]["code"]),
        (400, &json!(520))
    );
    assert_eq!(refused.json()["status"]["details"][0]["path"], "/messages");
    assert!(stored(&tenant).await.is_empty());

    let ids = ids(&tenant.third_party.send(&many[..1_000]).await.unwrap());
    assert_eq!(ids.len(), 1_000);
    assert!(ids.is_sorted_by_key(|id| order(id)), "{ids:?}");
}

/// Ids increase by time, then by number.
fn order(id: &str) -> (u64, u32) {
    let (milliseconds, number) = id.split_once('-').unwrap();
    (milliseconds.parse().unwrap(), number.parse().unwrap())
}

#[tokio::test]
async fn a_consumer_s_messages_join_one_conversation_and_another_s_open_another() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let other = "16505550188";

    let first = tenant.consumer_says(CONSUMER, "Hello").await;
    let second = tenant.consumer_says(CONSUMER, "Anybody there?").await;
    let third = tenant.consumer_says(other, "Hello too").await;

    let mut conversations = Vec::new();
    for id in [&first, &second, &third] {
        conversations.push(tenant.message(id).await["conversationId"].clone());
    }
    assert!(conversations[0].is_string());
    assert_eq!(conversations[0], conversations[1]);
    assert_ne!(conversations[0], conversations[2]);
    let started = eventually("both conversations are events", SOON, async || {
        let started = events(&tenant, "conversation.started").await;
        (started.len() == 2).then_some(started)
    });
    let started = started.await;
    assert_eq!(started[0]["data"]["conversationId"], conversations[0]);
    assert_eq!(started[0]["data"]["consumer"], CONSUMER);
    assert_eq!(started[1]["data"]["consumer"], other);
}

#[tokio::test]
async fn first_messages_that_come_at_once_open_one_conversation() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;

    let said = (0..20).map(|number| {
        let tenant = tenant.clone();
        async move {
            tenant
                .consumer_says(CONSUMER, &format!("Hello {number}"))
                .await
        }
    });
    let ids = futures_util::future::join_all(said).await;

    let mut conversations = Vec::new();
    for id in &ids {
        conversations.push(tenant.message(id).await["conversationId"].to_string());
    }
    conversations.dedup();
    assert_eq!(conversations.len(), 1, "{conversations:?}");
}

#[tokio::test]
async fn a_campaigns_only_sender_s_messages_open_no_conversation_and_go_to_stream_cxc() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    sender(
        &tenant,
        "chat.Campaigns",
        &json!({ "channelId": PHONE, "cxcOnly": "true" }),
    )
    .await;

    let id = tenant.consumer_says(CONSUMER, "Tell me more").await;

    assert_eq!(tenant.message(&id).await.get("conversationId"), None);
    let received = eventually("the message is an event", SOON, async || {
        events(&tenant, "message.received").await.pop()
    });
    let received = received.await;
    assert_eq!(
        (&received["stream"], &received["data"]["id"]),
        (&json!("cxc"), &json!(id))
    );
    assert!(events(&tenant, "conversation.started").await.is_empty());
    let chat = tenant.get("/nexus/v3/events?stream=chat").await;
    assert_eq!(chat.json()["data"]["items"], json!([]));
    let conversations = tenant.get("/nexus/v3/conversations").await;
    assert_eq!(conversations.json()["data"]["items"], json!([]));
}

/// Saves a sender section.
async fn sender(tenant: &Tenant, section: &str, options: &serde_json::Value) {
    let path = format!("/nexus/v3/provisioning/senders/{}/{section}", tenant.ccid);
    let saved = tenant.put(&path, options).await;
    assert_eq!(saved.status, 201, "{:?}", saved.json());
}

#[tokio::test]
async fn all_spellings_of_a_number_are_one_number() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let spellings = [
        (PHONE, PHONE, CONSUMER),
        ("+16504661149", "1-650-466-1149", "+1 650 555 0199"),
        ("1%20650%20466%201149", "+16504661149", "1 650-555-0199"),
        ("%2B1-650-466-1149", "1 650 466 1149", "+16505550199"),
    ];
    for (number, (path, to, from)) in spellings.into_iter().enumerate() {
        let text = text_message(from, to, &number.to_string(), "Hello");
        let body = json!({ "messages": [text] }).to_string();
        let headers = tenant.third_party.signed_headers(body.as_bytes());

        let path = format!("/nexus/v3/channels/{path}/messages");
        let id = ids(&post(&tenant, &path, headers, body).await).remove(0);

        let message = tenant.message(&id).await;
        assert_eq!(message["channel"]["from"]["id"], CONSUMER, "{from}");
        assert_eq!(message["channel"]["to"]["id"], PHONE, "{to}");
        assert_eq!(message["channelId"], PHONE);
    }
    let conversations = tenant.get("/nexus/v3/conversations").await;
    assert_eq!(
        conversations.json()["data"]["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn trace_headers_are_kept_with_the_message() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let trace = [
        ("x-b3-traceid", "80f198ee-5634-3ba8-64fe-8b2a57d3eff7"),
        (
            "traceparent",
            "00-80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-01",
        ),
        ("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1"),
    ];
    let body = json!({ "messages": [text_message(CONSUMER, PHONE, "1", "Hello")] }).to_string();
    let mut headers = tenant.third_party.signed_headers(body.as_bytes());
    for (name, value) in trace {
        headers.insert(name, value.parse().unwrap());
    }

    let path = format!("/nexus/v3/channels/{PHONE}/messages");
    ids(&post(&tenant, &path, headers, body).await);

    // No API shows what an inbound message carried.
    let kept = sqlx::query("select context from messages")
        .fetch_one(&mut gateway.connect().await)
        .await
        .unwrap();
    let kept: String = kept.get(0);
    for (_, value) in trace {
        assert!(kept.contains(value), "{kept}");
    }
}

#[tokio::test]
async fn an_answer_carries_the_request_s_own_id_or_a_new_one() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let body = json!({ "messages": [text_message(CONSUMER, PHONE, "1", "Hello")] }).to_string();
    let mut headers = tenant.third_party.signed_headers(body.as_bytes());
    headers.insert("x-request-id", "mine-1".parse().unwrap());

    let named = tenant
        .third_party
        .post(headers, body.clone().into())
        .await
        .unwrap();
    let unnamed = post_signed(&tenant, body).await;

    assert_eq!(named.header("x-request-id"), Some("mine-1"));
    assert!(
        unnamed
            .header("x-request-id")
            .is_some_and(|id| id.len() > 8)
    );
}
