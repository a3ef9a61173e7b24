//! What SparkPost's event webhooks say about mails, at an address that nobody else knows.

use nexus_gateway::simulator::{Answer, Reply, Rule, WireClient};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::carrier::{SPARKPOST, Site};

/// Posts a batch as SparkPost does.
pub(super) async fn post(site: &Site, batch_id: &str, batch: &Value) -> Reply {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("x-messagesystems-batch-id", batch_id.parse().unwrap());
    let url = site.callback_url().await;
    let client = WireClient::new().unwrap();
    let sent = client.send(Method::POST, &url, headers, batch.to_string());
    sent.await.unwrap()
}

pub(super) fn event(kind: &str, message_id: &str, more: &Value) -> Value {
    let mut event = json!({
        "type": kind, "event_id": "1", "timestamp": "1795521600", "rcpt_to": "jane@example.com",
        "rcpt_meta": { "messageId": message_id }, "transmission_id": "2",
    });
    for (name, value) in more.as_object().unwrap() {
        event[name] = value.clone();
    }
    json!({ "msys": { "message_event": event } })
}

pub(super) async fn sent(site: &Site, text: &str) -> String {
    let id = site.send(text).await;
    site.tenant.wait_for_status(&id, "Sent").await;
    id
}

#[tokio::test]
async fn events_say_what_became_of_mails() {
    let site = SPARKPOST.site().await;
    let (delivered, bounced) = (sent(&site, "one").await, sent(&site, "two").await);
    let gone = json!({ "bounce_class": "10", "error_code": "550", "reason": "5.1.1 no such user" });
    let batch = json!([
        event("injection", &delivered, &json!({})),
        event("delivery", &delivered, &json!({})),
        event("bounce", &bounced, &gone),
        event("open", &delivered, &json!({})),
        { "msys": {} },
    ]);
    let taken = post(&site, "batch-1", &batch).await;
    assert_eq!(taken.status, 200, "{taken:?}");
    let message = site.tenant.message(&delivered).await;
    assert_eq!(message["status"], "Delivered");
    let message = site.tenant.message(&bounced).await;
    assert_eq!(message["status"], "Failed");
    let last = message["history"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    assert_eq!(last["source"], "SparkPost", "{last}");
    assert_eq!(last["reasons"][0]["code"], 530);
    assert_eq!(last["said"]["bounce_class"], "10");
}

#[tokio::test]
async fn a_mail_that_comes_back_after_it_was_delivered_has_failed_for_all_that() {
    let site = SPARKPOST.site().await;
    let id = sent(&site, "out and back").await;
    let batch = json!([event("out_of_band", &id, &json!({ "bounce_class": 10 }))]);
    post(&site, "batch-2", &batch).await;
    let batch = json!([event("delivery", &id, &json!({}))]);
    post(&site, "batch-1", &batch).await;
    assert_eq!(site.tenant.message(&id).await["status"], "Failed");
}

#[tokio::test]
async fn a_batch_that_comes_again_changes_nothing() {
    let site = SPARKPOST.site().await;
    let id = sent(&site, "once").await;
    let batch = json!([event("delivery", &id, &json!({}))]);
    for _ in 0..3 {
        assert_eq!(post(&site, "batch-1", &batch).await.status, 200);
    }
    let message = site.tenant.message(&id).await;
    let history = message["history"].as_array().unwrap().iter();
    let delivered = history.filter(|entry| entry["status"] == "Delivered");
    assert_eq!(delivered.count(), 1, "{message}");
}

#[tokio::test]
async fn an_event_settles_a_mail_of_which_nobody_knew_whether_it_was_sent() {
    let site = SPARKPOST.site().await;
    site.provider
        .answer_with([Rule::new(Answer::Reset).times(1)]);
    let id = site.send("did it?").await;
    site.tenant.wait_for_status(&id, "Unknown").await;
    let batch = json!([event("delivery", &id, &json!({}))]);
    assert_eq!(post(&site, "batch-1", &batch).await.status, 200);
    assert_eq!(site.tenant.message(&id).await["status"], "Delivered");
    assert_eq!(site.provider.count(), 1);
}

#[tokio::test]
async fn the_trial_of_an_address_is_answered_and_what_is_no_batch_refused() {
    let site = SPARKPOST.site().await;
    let trial = post(&site, "trial", &json!([{ "msys": {} }])).await;
    assert_eq!(trial.status, 200, "{trial:?}");
    for body in [json!({}), json!([1]), json!("text")] {
        let refused = post(&site, "none", &body).await;
        assert_eq!(refused.status, 400, "{refused:?}");
        assert_eq!(refused.json()["status"]["code"], 520);
    }
}
