//! SparkPost: the transmission it is given, what its limits do, and what it does not carry.

use nexus_gateway::simulator::{Answer, Rule, Signature};
use serde_json::json;

use super::carrier::{SPARKPOST, Site};
use crate::harness::eventually::eventually;
use crate::harness::tenant::SOON;

#[tokio::test]
async fn a_mail_goes_out_as_a_transmission_and_is_sent_under_the_providers_id() {
    let site = SPARKPOST.site().await;
    let id = site.send("It is here.").await;
    let message = site.tenant.wait_for_status(&id, "Sent").await;
    assert_eq!(message["provider"], "SparkPost");
    let provider_id = format!("sparkpost-{id}");
    assert_eq!(message["providerMessageIds"], json!([provider_id]));

    let [request] = site.provider.wait_for(1).await.try_into().unwrap();
    assert_eq!(request.signature, Signature::Good);
    assert_eq!(request.uri.path(), "/api/v1/transmissions");
    assert_eq!(request.header("content-type"), Some("application/json"));
    let body = request.json();
    assert_eq!(body["recipients"][0]["metadata"]["messageId"], id);
    assert_eq!(body["content"]["text"], "It is here.");
    assert_eq!(body["options"]["transactional"], json!(true));
}

#[tokio::test]
async fn a_mail_in_bulk_is_no_transaction() {
    let site = SPARKPOST.site().await;
    let mut item = site.item((site.carrier.says)("News"));
    item["priority"] = json!("bulk");
    let sent = site
        .tenant
        .post("/nexus/v3/messages", &json!({ "messages": [item] }))
        .await;
    assert_eq!(sent.status, 202, "{sent:?}");
    let [request] = site.provider.wait_for(1).await.try_into().unwrap();
    assert_eq!(request.json()["options"]["transactional"], json!(false));
}

#[tokio::test]
async fn an_uploaded_file_is_attached_and_a_link_is_refused() {
    let site = SPARKPOST.site().await;
    let upload =
        site.tenant
            .third_party
            .upload("terms.pdf", "application/pdf", b"%PDF-1.7 and the rest");
    let upload = upload.await.unwrap().json();
    let url = upload["data"]["url"].as_str().unwrap();
    let attached = |url: &str| {
        let parts = [
            json!({ "type": "text", "text": "Attached" }),
            json!({ "type": "attachment", "url": url }),
        ];
        site.item(json!({ "type": "Email", "subject": "Terms", "content": parts }))
    };
    let body = json!({ "messages": [attached(url), attached("https://company.com/terms.pdf")] });
    let sent = site.tenant.post("/nexus/v3/messages", &body).await.json();
    let results = &sent["data"]["results"];
    assert_eq!(results[1]["error"]["code"], 510, "{sent}");

    let [request] = site.provider.wait_for(1).await.try_into().unwrap();
    assert_eq!(
        request.json()["content"]["attachments"],
        json!([{ "name": "terms.pdf", "type": "application/pdf", "data": "JVBERi0xLjcgYW5kIHRoZSByZXN0" }])
    );
}

/// An error as SparkPost writes it.
fn error(status: u16, code: &str) -> Answer {
    let body = json!({ "errors": [{ "message": "as documented", "code": code }] });
    Answer::Json {
        status,
        text: body.to_string(),
    }
}

#[tokio::test]
async fn a_used_up_limit_stops_the_channel_and_no_mail() {
    let site = SPARKPOST.site().await;
    site.provider
        .answer_with([Rule::new(error(420, "2102")).times(1)]);
    let id = site.send("one too many").await;
    let endpoint = parked(&site).await;
    assert_eq!(endpoint["lastError"], "quota", "{endpoint}");
    assert_eq!(site.tenant.message(&id).await["status"], "Queued");
    let events = site.tenant.events("endpoint.paused", 1).await;
    let reason = events[0]["data"]["reason"].as_str().unwrap();
    assert!(reason.contains("limit"), "{reason}");

    let path = format!(
        "/nexus/v3/endpoints/{}/resume",
        endpoint["id"].as_str().unwrap()
    );
    let resumed = site.tenant.post(&path, &json!({})).await;
    assert_eq!(resumed.status, 200, "{resumed:?}");
    site.tenant.wait_for_status(&id, "Sent").await;
}

async fn parked(site: &Site) -> serde_json::Value {
    eventually("the endpoint is parked", SOON, async || {
        let endpoint = site.endpoint().await;
        (endpoint["state"] == "parked").then_some(endpoint)
    })
    .await
}

#[tokio::test]
async fn a_domain_that_is_not_verified_is_told_by_its_code() {
    let site = SPARKPOST.site().await;
    site.provider.answer_with([error(400, "7001")]);
    let id = site.send("from nowhere").await;
    site.tenant.wait_for_status(&id, "Failed").await;
    let attempts = site.attempts(&id, 1).await;
    assert_eq!(attempts[0]["error"], "provider_7001", "{attempts:?}");
}

#[tokio::test]
async fn texts_are_not_its_business() {
    let site = SPARKPOST.site().await;
    let item = site.item(json!({ "type": "Text", "text": "Hello" }));
    let reply = site
        .tenant
        .post("/nexus/v3/messages", &json!({ "messages": [item] }))
        .await;
    assert_eq!(reply.json()["data"]["results"][0]["error"]["code"], 510);
}
