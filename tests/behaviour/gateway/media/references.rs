//! Which files a message may refer to.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{picture, png, submit, upload};
use crate::harness::TestGateway;
use crate::harness::tenant::{CONSUMER, PHONE, Tenant};

/// Why the only message of a submission is refused.
async fn refusal(tenant: &Tenant, message: &Value) -> Value {
    let reply = submit(tenant, message).await;
    assert_eq!(reply.status, 422, "{:?}", reply.json());
    reply.json()["data"]["results"][0]["error"].clone()
}

#[tokio::test]
async fn a_message_refers_only_to_files_of_its_tenant_and_the_place_is_named() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let (own, others) = (upload(&tenant, 100).await, upload(&neighbour, 100).await);
    let never = format!("genesys://nexus/{}", Uuid::now_v7());
    let ids = [
        others["url"].clone(),
        json!(never),
        json!("genesys://nexus/bb4a9f86-dbbb-4464-a669-650da94fbad6"),
    ];
    for url in ids {
        let mut message = picture(&own["url"]);
        let parts = message["content"].as_array_mut().unwrap();
        parts.push(json!({ "type": "file", "url": "https://company.com/terms.pdf" }));
        parts.push(json!({ "type": "image", "url": url }));
        let error = refusal(&tenant, &message).await;
        assert_eq!(error["code"], 520, "{error}");
        let place = &error["details"][0];
        assert_eq!(place["path"], "/messages/0/content/2/url");
        assert_eq!(
            place["message"],
            "is not a reference to a file of this tenant"
        );
    }
}

#[tokio::test]
async fn a_message_with_a_bad_reference_does_not_refuse_the_others() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let data = upload(&tenant, 100).await;
    let unknown = json!(format!("genesys://nexus/{}", Uuid::now_v7()));
    let messages =
        json!({ "messages": [picture(&unknown), picture(&data["url"]), picture(&unknown)] });

    let reply = tenant.post("/nexus/v3/messages", &messages).await;

    assert_eq!(reply.status, 202);
    let results = reply.json()["data"]["results"].clone();
    assert!(results[1]["id"].is_string());
    for place in [0, 2] {
        assert_eq!(results[place]["error"]["code"], 520, "{results}");
    }
}

#[tokio::test]
async fn a_file_whose_link_would_outlive_it_cannot_be_sent() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let data = upload(&tenant, 100).await;
    gateway.clock.advance(Duration::from_hours(24) * 41);
    let error = refusal(&tenant, &picture(&data["url"])).await;
    assert!(
        error["message"].as_str().unwrap().contains("too old"),
        "{error}"
    );
}

#[tokio::test]
async fn without_an_address_for_links_a_stored_file_cannot_be_sent_but_be_taken_and_read() {
    let gateway = TestGateway::start_with(&[("SERVER__PUBLIC_URL", "")]).await;
    let tenant = gateway.tenant().await;
    let data = upload(&tenant, 100).await;
    let path = format!("/nexus/v3/media/{}", data["mediaId"].as_str().unwrap());
    assert_eq!(tenant.get(&path).await.body, png(100));
    let error = refusal(&tenant, &picture(&data["url"])).await;
    assert_eq!(error["code"], 350);
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("server.public_url"),
        "{error}"
    );
    let elsewhere = json!("https://company.com/photo.png");
    assert_eq!(submit(&tenant, &picture(&elsewhere)).await.status, 202);
}

#[tokio::test]
async fn a_consumer_s_picture_is_read_by_an_agent_through_its_reference() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let data = upload(&tenant, 100).await;
    let mut message = picture(&data["url"]);
    message["channel"] =
        json!({ "from": { "id": CONSUMER }, "to": { "id": PHONE }, "messageId": "m-1" });

    let reply = tenant.third_party.send(&[message]).await.unwrap();

    let id = reply.json()["data"]["ids"][0].as_str().unwrap().to_owned();
    let url = tenant.message(&id).await["content"][0]["url"].clone();
    assert_eq!(url, data["url"]);
    let id = url
        .as_str()
        .unwrap()
        .strip_prefix("genesys://nexus/")
        .unwrap()
        .to_owned();
    assert_eq!(
        tenant.get(&format!("/nexus/v3/media/{id}")).await.body,
        png(100)
    );
}
