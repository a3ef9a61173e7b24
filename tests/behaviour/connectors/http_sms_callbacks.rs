//! What described providers call us with, each sent by its simulator: receipts in all their forms, and texts of consumers.

use std::time::Duration;

use nexus_gateway::simulator::{Answer, Became, CallbackRules, ConsumerText, Rule, WireClient};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::carrier::{Carrier, INFOBIP, Site, TWILIO, VONAGE};
use crate::harness::tenant::CONSUMER;

/// A site whose provider calls back like this.
async fn calling(carrier: Carrier, rules: CallbackRules) -> Site {
    let site = carrier.site().await;
    let url = Some(site.callback_url().await);
    site.provider.call_back(CallbackRules { url, ..rules });
    site
}

async fn receipts_arrive(carrier: Carrier) {
    for (became, status) in [(Became::Delivered, "Delivered"), (Became::Failed, "Failed")] {
        let rules = CallbackRules {
            receipts: Some(became),
            reordered: true,
            copies: 2,
            ..CallbackRules::default()
        };
        let site = calling(carrier, rules).await;
        let id = site.send("receipts, please").await;
        let calls = site.provider.wait_for_calls(3).await;
        assert!(
            calls.iter().all(|call| call.status == Some(200)),
            "{calls:?}"
        );
        let message = site.tenant.wait_for_status(&id, status).await;
        let history = message["history"].as_array().unwrap();
        let told = history
            .iter()
            .find(|entry| entry["status"] == status)
            .unwrap();
        assert_eq!(told["source"], "HttpSms", "{message}");
        let failed = became == Became::Failed;
        let reason = failed.then_some(530);
        let code = told["reasons"][0]["code"].as_i64();
        // Vonage's code 6 is a spam rejection.
        assert_eq!(
            code.map(|code| if code == 350 { 530 } else { code }),
            reason
        );
    }
}

#[tokio::test]
async fn receipts_say_what_became_of_a_text_whatever_their_order_and_number() {
    Box::pin(receipts_arrive(TWILIO)).await;
    Box::pin(receipts_arrive(VONAGE)).await;
    Box::pin(receipts_arrive(INFOBIP)).await;
}

#[tokio::test]
async fn a_receipt_that_comes_before_the_answer_finds_its_text() {
    let site = calling(TWILIO, CallbackRules::default()).await;
    let slow = Rule::new(Answer::accept()).delayed(Duration::from_millis(500));
    site.provider.answer_with([slow]);
    let id = site.send("slow answer").await;
    site.provider.wait_for_calls(1).await;
    assert_ne!(site.tenant.message(&id).await["status"], "Delivered");
    site.tenant.wait_for_status(&id, "Delivered").await;
}

#[tokio::test]
async fn a_receipt_that_names_our_id_settles_a_text_that_may_have_been_sent() {
    let site = calling(INFOBIP, CallbackRules::default()).await;
    site.provider
        .answer_with([Rule::new(Answer::AcceptAndReset).times(1)]);
    let id = site.send("did it?").await;
    site.tenant.wait_for_status(&id, "Delivered").await;
    assert_eq!(site.provider.count(), 1);
}

#[tokio::test]
async fn receipts_of_nothing_are_taken_and_wait() {
    let rules = CallbackRules {
        unknown: true,
        ..CallbackRules::default()
    };
    let site = calling(VONAGE, rules).await;
    let id = site.send("and one of nothing").await;
    let calls = site.provider.wait_for_calls(2).await;
    assert!(
        calls.iter().all(|call| call.status == Some(200)),
        "{calls:?}"
    );
    site.tenant.wait_for_status(&id, "Delivered").await;
}

async fn texts_arrive(carrier: Carrier) {
    let site = calling(carrier, CallbackRules::default()).await;
    let text = |id: &str, text: &str| ConsumerText {
        id: id.to_owned(),
        from: CONSUMER.to_owned(),
        to: "16505550188".to_owned(),
        text: text.to_owned(),
    };
    for _ in 0..2 {
        site.provider
            .hand_in(&text("mo-1", "Is it open today? 😀"))
            .unwrap();
    }
    let calls = site.provider.wait_for_calls(2).await;
    assert!(
        calls.iter().all(|call| call.status == Some(200)),
        "{calls:?}"
    );
    let events = site.tenant.events("message.received", 1).await;
    assert_eq!(events.len(), 1, "the same id changes nothing: {events:?}");
    assert_eq!(events[0]["data"]["text"], "Is it open today? 😀");
    let conversation = events[0]["data"]["conversationId"].as_str().unwrap();
    let path = format!("/nexus/v3/conversations/{conversation}/messages");
    let reply = json!({ "type": "Text", "text": "Until six" });
    assert_eq!(site.tenant.post(&path, &reply).await.status, 202);
    site.provider.wait_for(1).await;

    site.provider.hand_in(&text("mo-2", "STOP")).unwrap();
    site.provider.wait_for_calls(3).await;
    let refused = site.submit("are you still there?").await;
    assert_eq!(refused.json()["data"]["results"][0]["error"]["code"], 350);
}

#[tokio::test]
async fn texts_of_consumers_are_received_once_and_answered_through_their_provider() {
    texts_arrive(TWILIO).await;
    texts_arrive(VONAGE).await;
    texts_arrive(INFOBIP).await;
}

async fn post(site: &Site, body: &Value) -> nexus_gateway::simulator::Reply {
    let content_type = HeaderValue::from_static("application/json");
    let headers = HeaderMap::from_iter([(reqwest::header::CONTENT_TYPE, content_type)]);
    let url = site.callback_url().await;
    let client = WireClient::new().unwrap();
    let sent = client.send(Method::POST, &url, headers, body.to_string());
    sent.await.unwrap()
}

#[tokio::test]
async fn what_cannot_be_taken_is_named_and_takes_nothing_with_it() {
    let site = INFOBIP.site().await;
    let id = site.send("one of three").await;
    site.tenant.wait_for_status(&id, "Sent").await;
    let text = |to: &str| json!({ "messageId": "mo-1", "from": CONSUMER, "to": to, "text": "Hi" });
    let delivered = json!({ "groupName": "DELIVERED" });
    let body = json!({ "results": [
        text("99999"), { "status": delivered }, { "messageId": id, "status": delivered }, text("16505550188"),
    ] });
    let reply = post(&site, &body).await;
    assert_eq!(reply.status, 400, "{reply:?}");
    let details = reply.json()["status"]["details"].clone();
    let places: Vec<&str> = details
        .as_array()
        .unwrap()
        .iter()
        .map(|detail| detail["path"].as_str().unwrap())
        .collect();
    assert_eq!(places, ["/results/1/messageId", "/results/0/to"]);
    site.tenant.wait_for_status(&id, "Delivered").await;
    assert_eq!(site.tenant.events("message.received", 1).await.len(), 1);
}

#[tokio::test]
async fn a_callback_is_answered_as_the_provider_wants_it() {
    let site = TWILIO.site().await;
    let receipt = json!({ "MessageSid": "SM1", "MessageStatus": "sent" });
    let reply = post(&site, &receipt).await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.header("content-type"),
        Some("text/xml; charset=utf-8")
    );
    assert_eq!(reply.body, "<Response/>");
    let site = VONAGE.site().await;
    let receipt = json!({ "messageId": "a", "status": "buffered" });
    let reply = post(&site, &receipt).await;
    assert_eq!(reply.json(), json!({ "status": { "code": 0 } }));
}
