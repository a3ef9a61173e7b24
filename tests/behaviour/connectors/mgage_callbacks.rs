//! What DirectTEXT calls us with: texts of consumers and receipts, at an address that nobody else knows.

use std::time::Duration;

use nexus_gateway::simulator::{Answer, MGageClient, Reply, Rule};
use serde_json::{Value, json};

use super::carrier::{MGAGE, Site};
use crate::harness::tenant::CONSUMER;

async fn client(site: &Site) -> MGageClient {
    MGageClient::new(site.callback_url().await).unwrap()
}

async fn receipt(site: &Site, id: &str, code: &str) -> Reply {
    let client = client(site).await;
    client.receipt(id, code, CONSUMER).await.unwrap()
}

async fn says(site: &Site, id: &str, text: &str) -> Reply {
    let client = client(site).await;
    client.text(id, (CONSUMER, "87767"), text).await.unwrap()
}

/// The last entry of a message's history.
fn last(message: &Value) -> &Value {
    message["history"].as_array().unwrap().last().unwrap()
}

#[tokio::test]
async fn receipts_say_what_became_of_a_text() {
    let site = MGAGE.site().await;
    for (code, status, reason) in [
        ("40", "Delivered", None),
        ("129", "Failed", Some(530)),
        ("270", "Failed", Some(500)),
        ("124", "Sent", None),
        ("777", "Sent", None),
    ] {
        let id = site.send("receipts, please").await;
        site.tenant.wait_for_status(&id, "Sent").await;
        let said = receipt(&site, &format!("mgage-{id}"), code).await;
        assert_eq!(said.status, 200, "{said:?}");
        let message = site.tenant.message(&id).await;
        assert_eq!(message["status"], status, "{code}");
        let entry = last(&message);
        assert_eq!(
            (&entry["source"], &entry["said"]["status_code"]),
            (&json!("mGage"), &json!(code))
        );
        assert_eq!(entry["reasons"][0]["code"].as_i64(), reason, "{entry}");
    }
}

#[tokio::test]
async fn what_a_code_means_can_be_said_in_the_service() {
    let codes = json!({ "statusCodes": { "777": "Delivered", "40": 305 } });
    let site = MGAGE.site_with(&codes, &[]).await;
    for (code, status) in [("777", "Delivered"), ("40", "Failed")] {
        let id = site.send("codes").await;
        site.tenant.wait_for_status(&id, "Sent").await;
        receipt(&site, &format!("mgage-{id}"), code).await;
        assert_eq!(site.tenant.message(&id).await["status"], status);
    }
}

#[tokio::test]
async fn a_receipt_that_comes_before_the_answer_and_twice_is_kept_as_it_came() {
    let site = MGAGE.site().await;
    let slow = Rule::new(Answer::accept_as("early")).delayed(Duration::from_millis(500));
    site.provider.answer_with([slow]);
    let id = site.send("slow answer").await;
    site.provider.wait_for(1).await;
    for _ in 0..2 {
        assert_eq!(receipt(&site, "early", "40").await.status, 200);
    }
    let message = site.tenant.wait_for_status(&id, "Delivered").await;
    let history = message["history"].as_array().unwrap();
    let delivered = history
        .iter()
        .filter(|entry| entry["status"] == "Delivered");
    assert_eq!(delivered.count(), 2, "{message}");
    assert_eq!(receipt(&site, "early", "5").await.status, 200);
    assert_eq!(site.tenant.message(&id).await["status"], "Delivered");
}

#[tokio::test]
async fn a_text_of_a_consumer_is_received_once_and_answered_through_mgage() {
    let site = MGAGE.site().await;
    let first = says(&site, "mo-1", "Is it open today?").await;
    assert_eq!(first.status, 200, "{first:?}");
    let again = says(&site, "mo-1", "Is it open today?").await;
    assert_eq!(again.json(), first.json(), "the same id changes nothing");
    let otherwise = says(&site, "mo-1", "Something else").await;
    assert_eq!(
        (otherwise.status, &otherwise.json()["data"]),
        (200, &Value::Null)
    );

    let events = site.tenant.events("message.received", 1).await;
    assert_eq!(events.len(), 1, "{events:?}");
    let data = &events[0]["data"];
    assert_eq!(data["text"], "Is it open today?");
    assert_eq!(data["channel"]["from"]["id"], CONSUMER);
    let conversation = data["conversationId"].as_str().unwrap();
    let path = format!("/nexus/v3/conversations/{conversation}/messages");
    let replied = site
        .tenant
        .post(&path, &json!({ "type": "Text", "text": "Until six" }))
        .await;
    assert_eq!(replied.status, 202, "{replied:?}");
    let [reply] = site.provider.wait_for(1).await.try_into().unwrap();
    assert!(
        reply
            .form()
            .contains(&("body".to_owned(), "Until six".to_owned()))
    );
}

#[tokio::test]
async fn who_writes_stop_gets_nothing_more() {
    let site = MGAGE.site().await;
    assert_eq!(says(&site, "mo-1", " Stop! ").await.status, 200);
    let refused = site.submit("are you still there?").await;
    assert_eq!(refused.json()["data"]["results"][0]["error"]["code"], 350);
    assert_eq!(says(&site, "mo-2", "START").await.status, 200);
    let id = site.send("welcome back").await;
    site.tenant.wait_for_status(&id, "Sent").await;
}

#[tokio::test]
async fn what_cannot_be_taken_is_named_and_changes_nothing() {
    let site = MGAGE.site().await;
    let client = client(&site).await;
    let unknown = client
        .text("mo-1", (CONSUMER, "99999"), "Hi")
        .await
        .unwrap();
    assert_eq!(unknown.status, 400);
    assert_eq!(
        unknown.json()["status"]["code"],
        530,
        "{:?}",
        unknown.json()
    );
    let nothing = client.post(&[]).await.unwrap();
    assert_eq!(nothing.status, 400);
    let details = nothing.json()["status"]["details"].to_string();
    assert!(
        details.contains("/message_id") && details.contains("/status_code"),
        "{details}"
    );
    assert!(site.tenant.events("message.received", 0).await.is_empty());
}

#[tokio::test]
async fn an_address_is_renewed_and_the_one_before_lives_for_a_day() {
    let site = MGAGE.site().await;
    let before = client(&site).await;
    let service = site.service().await;
    let saved = site
        .save_service((site.carrier.service.1)(), service["url"].as_str().unwrap())
        .await;
    assert_eq!(
        saved.json()["data"]["callbackUrl"],
        service["callbackUrl"],
        "it stays"
    );

    let path = format!(
        "/nexus/v3/provisioning/services/{}/mGageSMS/callback-token",
        site.tenant.ccid
    );
    let renewed = site.tenant.post(&path, &json!({})).await;
    assert_eq!(renewed.status, 200, "{renewed:?}");
    assert_ne!(
        renewed.json()["data"]["callbackUrl"],
        service["callbackUrl"]
    );
    let after = client(&site).await;
    for client in [&before, &after] {
        let said = client.receipt("of nothing", "5", CONSUMER).await.unwrap();
        assert_eq!(said.status, 200);
    }
    site.gateway.clock.advance(Duration::from_hours(24));
    let late = before.receipt("of nothing", "5", CONSUMER).await.unwrap();
    assert_eq!(late.status, 404);
    let said = after.receipt("of nothing", "5", CONSUMER).await.unwrap();
    assert_eq!(said.status, 200);

    let audit = site
        .tenant
        .get("/nexus/v3/audit?action=service.callback-token-renewed")
        .await;
    let records = audit.json()["data"]["items"].as_array().unwrap().clone();
    assert_eq!(records.len(), 1, "{audit:?}");
    assert!(!audit.json().to_string().contains("/callbacks/"));
}

#[tokio::test]
async fn nobody_finds_an_address_out() {
    let site = MGAGE.site().await;
    let url = site.callback_url().await;
    let reader = site.tenant.limited_to(&["nexus:provisioning:read"]).await;
    let path = format!(
        "/nexus/v3/provisioning/services/{}/mGageSMS",
        site.tenant.ccid
    );
    let shown = reader.get(&path).await;
    assert_eq!(shown.status, 200);
    assert_eq!(shown.json()["data"].get("callbackUrl"), None);
    let listed = reader
        .get(&format!(
            "/nexus/v3/provisioning/services/{}",
            site.tenant.ccid
        ))
        .await;
    assert!(!listed.json().to_string().contains("callbackUrl"));

    let (address, token) = url.rsplit_once('/').unwrap();
    let mut answers = Vec::new();
    for wrong in [
        format!("{address}/{}", &token[1..]),
        format!("{address}/{token}A"),
        format!("{address}/{}", "A".repeat(43)),
        url.replace(
            &site.tenant.ccid.to_string(),
            "0ff723ff-6c6f-44e0-9ce3-ce579337eadd",
        ),
        url.replace(&site.tenant.ccid.to_string(), "no-tenant"),
    ] {
        let said = MGageClient::new(wrong)
            .unwrap()
            .receipt("1", "40", CONSUMER)
            .await
            .unwrap();
        assert_eq!(said.status, 404);
        answers.push(said.json());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "they are told apart: {answers:?}");

    let renewed = site
        .tenant
        .post(
            &format!(
                "/nexus/v3/provisioning/services/{}/Async/callback-token",
                site.tenant.ccid
            ),
            &json!({}),
        )
        .await;
    assert_eq!(renewed.status, 409, "{renewed:?}");
}
