//! STOP, START and HELP as consumers write them.

use nexus_gateway::simulator::text_message;
use serde_json::{Value, json};

use super::{is_suppressed, opted_out, place, submit_from};
use crate::harness::TestGateway;
use crate::harness::tenant::{CONSUMER, OTHER_PHONE, PHONE, Tenant};

/// A consumer of one's own.
fn consumer(number: usize) -> String {
    format!("1650555{number:04}")
}

#[tokio::test]
async fn a_stop_however_it_is_written_stops_and_a_start_takes_it_back() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let stops = [
        "STOP",
        "stop",
        " Stop. ",
        "ＳＴＯＰ",
        "S\u{ad}TOP",
        "STOP 🛑",
        "Arrêt !",
        "ARRE\u{302}T",
        "opt-out",
        "Opt   out",
        "stopall",
        "Unsubscribe",
        "cancel",
        "end",
        "quit",
        "revoke",
        "unsub",
        "\"STOP\"",
        "s.t.o.p",
        "\u{202e}STOP\u{202c}",
    ];
    let starts = ["START", "yes", "Unstop!", "ｓｔａｒｔ", "Yés"];
    for (number, stop) in stops.into_iter().enumerate() {
        let consumer = consumer(number);
        tenant.consumer_says(&consumer, stop).await;
        assert!(is_suppressed(&tenant, &consumer).await, "{stop:?}");
        opted_out(&tenant.submit(&consumer, "Hello").await);

        let start = starts[number % starts.len()];
        tenant.consumer_says(&consumer, start).await;
        assert!(!is_suppressed(&tenant, &consumer).await, "{start:?}");
    }
    tenant.send(&consumer(0), "Hello again").await;
}

#[tokio::test]
async fn other_words_stop_nothing() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    for words in [
        "stop please",
        "stopwatch",
        "HELP",
        "info",
        "Do not stop",
        "st op",
        "?!",
        "START",
        "end of the month",
    ] {
        tenant.consumer_says(CONSUMER, words).await;
        assert!(!is_suppressed(&tenant, CONSUMER).await, "{words:?}");
    }
    assert!(tenant.events("suppression.added", 0).await.is_empty());
    assert!(
        tenant.events("suppression.removed", 0).await.is_empty(),
        "START acts only on a suppression"
    );
    assert_eq!(
        gateway.third_party.count(),
        0,
        "nobody is answered by itself"
    );
}

#[tokio::test]
async fn of_several_keywords_in_one_body_the_last_one_counts() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    for (words, suppressed) in [
        (["STOP", "START"], false),
        (["START", "STOP"], true),
        (["HELP", "START"], false),
    ] {
        let body: Vec<Value> = words
            .iter()
            .map(|word| text_message(CONSUMER, PHONE, &uuid::Uuid::new_v4().to_string(), word))
            .collect();
        assert_eq!(tenant.third_party.send(&body).await.unwrap().status, 200);
        assert_eq!(
            is_suppressed(&tenant, CONSUMER).await,
            suppressed,
            "{words:?}"
        );
    }
}

#[tokio::test]
async fn a_stop_speaks_for_one_consumer_one_sender_and_one_tenant() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let second = tenant.with_second_channel(&gateway).await;
    tenant.consumer_says("+1 650-555-0199", "STOP").await;

    opted_out(&tenant.submit(CONSUMER, "Hello").await);
    opted_out(&tenant.submit("+1 650 555 0199", "Hello").await);
    assert_eq!(tenant.submit(&consumer(1), "Hello").await.status, 202);
    assert_eq!(neighbour.submit(CONSUMER, "Hello").await.status, 202);
    let from_second = submit_from(&tenant, OTHER_PHONE).await;
    assert_eq!(from_second.status, 202, "{:?}", from_second.json());

    let start = second
        .third_party
        .send_text(CONSUMER, OTHER_PHONE, "start", "START")
        .await
        .unwrap();
    assert_eq!(start.status, 200);
    neighbour.consumer_says(CONSUMER, "START").await;
    opted_out(&tenant.submit(CONSUMER, "Hello").await);
}

#[tokio::test]
async fn a_keyword_is_a_message_like_any_other_and_the_evidence_of_what_it_changed() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let mut said = Vec::new();
    for words in ["STOP", "stop", "HELP", "START", "START"] {
        said.push((tenant.consumer_says(CONSUMER, words).await, words));
        let shown = tenant.get(&place(PHONE, CONSUMER)).await.json();
        if said.len() < 4 {
            let data = &shown["data"];
            assert_eq!(
                (&data["source"], &data["evidence"]),
                (&json!("keyword"), &json!(said[0].0))
            );
        }
    }

    let received = tenant.events("message.received", said.len()).await;
    let received: Vec<_> = received
        .iter()
        .map(|event| (&event["data"]["id"], &event["data"]["text"]))
        .collect();
    let expected: Vec<(Value, Value)> = said
        .iter()
        .map(|(id, words)| (json!(id), json!(words)))
        .collect();
    assert_eq!(
        received,
        expected
            .iter()
            .map(|(id, words)| (id, words))
            .collect::<Vec<_>>()
    );
    assert!(tenant.message(&said[0].0).await["conversationId"].is_string());
    for (event_type, (id, _)) in [
        ("suppression.added", &said[0]),
        ("suppression.removed", &said[3]),
    ] {
        let events = tenant.events(event_type, 1).await;
        assert_eq!(events.len(), 1, "once is enough: {events:?}");
        assert_eq!(
            events[0]["data"],
            json!({ "channelId": PHONE, "address": CONSUMER, "source": "keyword", "evidence": id })
        );
        assert_eq!(events[0]["stream"], "all");
    }
}

#[tokio::test]
async fn a_stop_outlasts_a_suppression_that_was_to_end() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    suppress_for_an_hour(&gateway, &tenant).await;
    let stop = tenant.consumer_says(CONSUMER, "STOP").await;
    gateway.clock.advance(std::time::Duration::from_hours(2));

    opted_out(&tenant.submit(CONSUMER, "Hello").await);
    let shown = tenant.get(&place(PHONE, CONSUMER)).await.json();
    assert_eq!(
        (shown["data"].get("expiresAt"), &shown["data"]["evidence"]),
        (None, &json!(stop))
    );
}

#[tokio::test]
async fn a_start_after_the_end_of_a_suppression_removes_nothing() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    suppress_for_an_hour(&gateway, &tenant).await;
    gateway.clock.advance(std::time::Duration::from_hours(2));
    tenant.consumer_says(CONSUMER, "START").await;
    assert!(tenant.events("suppression.removed", 0).await.is_empty());
}

async fn suppress_for_an_hour(gateway: &TestGateway, tenant: &Tenant) {
    let expires_at = nexus_gateway::platform::clock::rfc3339(gateway.clock.now_ms() + 3_600_000);
    let put = tenant
        .put(&place(PHONE, CONSUMER), &json!({ "expiresAt": expires_at }))
        .await;
    assert_eq!(put.status, 201, "{:?}", put.json());
}
