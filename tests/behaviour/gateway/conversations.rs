//! The agent's side: threads of one consumer on one channel.

use futures_util::future::join_all;
use nexus_gateway::simulator::Reply;
use serde_json::{Value, json};

use crate::harness::TestGateway;
use crate::harness::tenant::{CONSUMER, OTHER_PHONE, PHONE, Tenant, texts};

const LIST: &str = "/nexus/v3/conversations";

fn items(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.status, 200, "{:?}", reply.json());
    reply.json()["data"]["items"].as_array().unwrap().clone()
}

/// The only conversation there is.
async fn only(tenant: &Tenant) -> String {
    let all = items(&tenant.get(LIST).await);
    assert_eq!(all.len(), 1, "{all:?}");
    all[0]["id"].as_str().unwrap().to_owned()
}

async fn reply(tenant: &Tenant, conversation: &str, text: &str) -> Reply {
    let body = json!({ "type": "Text", "text": text });
    tenant
        .post(&format!("{LIST}/{conversation}/messages"), &body)
        .await
}

async fn close(tenant: &Tenant, conversation: &str) -> Reply {
    tenant
        .post(&format!("{LIST}/{conversation}/close"), &json!({}))
        .await
}

#[tokio::test]
async fn an_agent_answers_a_consumer_in_order() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let asked = tenant
        .consumer_says(CONSUMER, "Is my order on its way?")
        .await;
    let conversation = only(&tenant).await;
    let shown = tenant.get(&format!("{LIST}/{conversation}")).await.json()["data"].clone();
    assert_eq!(
        (
            &shown["state"],
            &shown["channelId"],
            &shown["consumer"]["id"],
            shown.get("closedAt")
        ),
        (&json!("open"), &json!(PHONE), &json!(CONSUMER), None)
    );

    let said: Vec<String> = (0..8).map(|number| format!("line {number}")).collect();
    let mut ids = vec![asked];
    for text in &said {
        let replied = reply(&tenant, &conversation, text).await;
        assert_eq!(replied.status, 202, "{:?}", replied.json());
        ids.push(replied.json()["data"]["id"].as_str().unwrap().to_owned());
    }
    let received = gateway.third_party.wait_for(8).await;
    assert_eq!(texts(&received), said);
    let channel = received[0].json()["channel"].clone();
    assert_eq!(
        (&channel["from"]["id"], &channel["to"]["id"]),
        (&json!(PHONE), &json!(CONSUMER))
    );
    let messages = items(&tenant.get(&format!("{LIST}/{conversation}/messages")).await);
    let newest_first: Vec<_> = messages
        .iter()
        .map(|message| message["id"].as_str().unwrap())
        .collect();
    assert_eq!(newest_first, ids.iter().rev().collect::<Vec<_>>());
    assert!(
        messages
            .iter()
            .all(|message| message["conversationId"] == json!(conversation))
    );
}

#[tokio::test]
async fn a_conversation_that_is_closed_twice_has_ended_once() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    tenant.consumer_says(CONSUMER, "Hello").await;
    let conversation = only(&tenant).await;
    let closed = close(&tenant, &conversation).await;
    assert_eq!(
        (closed.status, &closed.json()["data"]["state"]),
        (200, &json!("closed"))
    );
    assert_eq!(
        close(&tenant, &conversation).await.json(),
        closed.json(),
        "twice is as good as once"
    );
    for (event_type, count) in [("conversation.started", 1), ("conversation.finished", 1)] {
        let events = tenant.events(event_type, count).await;
        assert_eq!(events.len(), count);
        assert_eq!(
            (&events[0]["stream"], &events[0]["data"]),
            (
                &json!("chat"),
                &json!({ "conversationId": conversation, "channelId": PHONE, "consumer": CONSUMER })
            )
        );
    }
}

#[tokio::test]
async fn a_consumer_who_writes_after_the_end_opens_another_conversation() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let first = tenant.consumer_says(CONSUMER, "one").await;
    let ended = only(&tenant).await;
    close(&tenant, &ended).await;
    let late = reply(&tenant, &ended, "One more thing").await;
    assert_eq!(late.status, 409, "{:?}", late.json());

    let second = tenant.consumer_says(CONSUMER, "two").await;
    let all = items(&tenant.get(LIST).await);
    let states: Vec<_> = all
        .iter()
        .map(|each| each["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["open", "closed"], "newest first");
    for (message, conversation) in [(&first, &all[1]), (&second, &all[0])] {
        assert_eq!(
            tenant.message(message).await["conversationId"],
            conversation["id"]
        );
        let path = format!("{LIST}/{}/messages", conversation["id"].as_str().unwrap());
        let messages = items(&tenant.get(&path).await);
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0]["id"], json!(message));
    }
    assert_eq!(gateway.third_party.count(), 0);
}

#[tokio::test]
async fn however_a_number_is_written_it_is_one_consumer_and_each_channel_has_its_own_thread() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let second = tenant.with_second_channel(&gateway).await;
    let replica = gateway.replica(&[]).await;
    let elsewhere = tenant.known_through(&replica).await;
    let spellings = [
        CONSUMER,
        "+16505550199",
        "+1 650-555-0199",
        "1 650 555-0199",
        "+1 650 555 0199",
        "1-650-555-0199",
    ];
    let said = spellings.into_iter().enumerate().map(|(number, spelling)| {
        let through = if number % 2 == 0 { &tenant } else { &elsewhere };
        through.consumer_says(spelling, "Hello")
    });
    assert_eq!(join_all(said).await.len(), spellings.len());
    let conversation = only(&tenant).await;
    let messages = items(&tenant.get(&format!("{LIST}/{conversation}/messages")).await);
    assert_eq!(messages.len(), spellings.len());
    assert!(
        messages
            .iter()
            .all(|message| message["channel"]["from"]["id"] == CONSUMER)
    );

    let other = second
        .third_party
        .send_text(CONSUMER, OTHER_PHONE, "other-1", "Hello")
        .await
        .unwrap();
    assert_eq!(other.status, 200, "{:?}", other.json());
    let all = items(&tenant.get(LIST).await);
    let channels: Vec<_> = all
        .iter()
        .map(|each| each["channelId"].as_str().unwrap())
        .collect();
    assert_eq!(channels, [OTHER_PHONE, PHONE]);
    replica.stop().await;
}

#[tokio::test]
async fn conversations_and_their_messages_are_read_page_by_page() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    for number in 0..5 {
        tenant
            .consumer_says(&format!("1650555010{number}"), "Hello")
            .await;
    }
    for number in 0..4 {
        tenant
            .consumer_says("16505550100", &format!("more {number}"))
            .await;
    }
    let all = items(&tenant.get(LIST).await);
    let first = all.last().unwrap()["id"].as_str().unwrap().to_owned();
    for (path, count) in [
        (LIST.to_owned(), 5),
        (format!("{LIST}/{first}/messages"), 5),
    ] {
        let whole = items(&tenant.get(&path).await);
        assert_eq!(whole.len(), count);
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = tenant.get(&format!("{path}?limit=2{cursor}")).await;
            let of_page = items(&page);
            assert!(of_page.len() <= 2);
            paged.extend(of_page);
            match page.json()["data"]["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(paged, whole);
        for query in ["limit=0", "limit=501", "cursor=nonsense", "lmit=2"] {
            let refused = tenant.get(&format!("{path}?{query}")).await;
            assert_eq!(refused.status, 422, "{path}?{query} {:?}", refused.json());
        }
    }
}

#[tokio::test]
async fn what_no_agent_may_do_is_refused() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    tenant.consumer_says(CONSUMER, "Hello").await;
    let conversation = only(&tenant).await;
    let messages = format!("{LIST}/{conversation}/messages");
    for (body, code) in [
        (json!({ "type": "Text", "text": "Hi", "tpye": "Text" }), 422),
        (json!({ "type": "Text" }), 520),
        (json!({ "type": "Text", "text": "" }), 520),
        (json!({ "text": "Hi" }), 422),
        (json!({ "type": "Carrier pigeon", "text": "Hi" }), 510),
        (json!({ "type": "Text", "text": 7 }), 520),
    ] {
        let refused = tenant.post(&messages, &body).await;
        assert_eq!(
            (refused.status, &refused.json()["status"]["code"]),
            (422, &json!(code)),
            "{body}"
        );
    }
    let reader = tenant.limited_to(&["nexus:messages:read"]).await;
    let other = tenant.limited_to(&["nexus:events:read"]).await;
    let mut nobody = tenant.clone();
    nobody.key = uuid::Uuid::new_v4().to_string();
    assert_eq!(neighbour.get(LIST).await.json()["data"]["items"], json!([]));
    for (caller, reads, writes) in [
        (&neighbour, 404, 404),
        (&reader, 200, 403),
        (&other, 403, 403),
        (&nobody, 401, 401),
    ] {
        assert_eq!(
            caller.get(&format!("{LIST}/{conversation}")).await.status,
            reads
        );
        assert_eq!(caller.get(&messages).await.status, reads);
        assert_eq!(reply(caller, &conversation, "Hi").await.status, writes);
        assert_eq!(close(caller, &conversation).await.status, writes);
    }
}

#[tokio::test]
async fn nobody_is_answered_in_a_conversation_that_is_unknown_or_after_a_stop() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    tenant.consumer_says(CONSUMER, "Hello").await;
    let conversation = only(&tenant).await;
    for unknown in ["1613474523265-0", "nonsense"] {
        assert_eq!(tenant.get(&format!("{LIST}/{unknown}")).await.status, 404);
        assert_eq!(
            tenant
                .get(&format!("{LIST}/{unknown}/messages"))
                .await
                .status,
            404
        );
        assert_eq!(reply(&tenant, unknown, "Hi").await.status, 404);
        assert_eq!(close(&tenant, unknown).await.status, 404);
    }

    tenant.consumer_says(CONSUMER, "STOP").await;
    let stopped = reply(&tenant, &conversation, "Hi").await;
    assert_eq!(
        (stopped.status, &stopped.json()["status"]["code"]),
        (422, &json!(350))
    );
    assert_eq!(gateway.third_party.count(), 0);
    let shown = tenant.get(&format!("{LIST}/{conversation}")).await.json();
    assert_eq!(
        shown["data"]["state"], "open",
        "nothing of it had any effect"
    );
}
