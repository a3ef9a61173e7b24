//! mGage's DirectTEXT: the form it is given, what its answers mean, and what it does not carry.

use nexus_gateway::simulator::{Answer, Rule, Signature};
use serde_json::json;

use super::carrier::MGAGE;
use crate::harness::tenant::CONSUMER;

#[tokio::test]
async fn a_text_goes_out_as_a_form_and_is_sent_under_the_providers_id() {
    let site = MGAGE.site().await;
    let id = site.send("Your parcel is here: 50 % & more 😀").await;
    let message = site.tenant.wait_for_status(&id, "Sent").await;
    assert_eq!(message["provider"], "mGage");
    assert_eq!(
        message["providerMessageIds"],
        json!([format!("mgage-{id}")])
    );

    let [request] = site.provider.wait_for(1).await.try_into().unwrap();
    assert_eq!(request.signature, Signature::Good);
    assert_eq!(request.uri.path(), "/a2w_preRouter/httpApiRouter");
    let expected = [
        ("reply_to", "87767"),
        ("recipient", CONSUMER),
        ("body", "Your parcel is here: 50 % & more 😀"),
        ("reporting_key1", &id),
    ];
    assert_eq!(
        request.form(),
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[tokio::test]
async fn a_text_that_is_refused_by_its_code_is_a_dead_letter() {
    let site = MGAGE.site().await;
    let text = "<httpApiResponse><code>994</code><description>Invalid short code</description></httpApiResponse>";
    site.provider.answer_with([Rule::new(Answer::Body {
        text: text.to_owned(),
    })]);
    let id = site.send("from nobody").await;
    let message = site.tenant.wait_for_status(&id, "Failed").await;
    let failed = &message["history"].as_array().unwrap().last().unwrap()["reasons"][0];
    assert_eq!(failed["code"], 500, "{message}");
    let attempts = site.attempts(&id, 1).await;
    assert_eq!(attempts[0]["error"], "provider_994");
    let dead = site.tenant.get("/nexus/v3/messages?deadLetter=true").await;
    assert_eq!(dead.json()["data"]["items"][0]["id"], id);
}

#[tokio::test]
async fn what_it_does_not_carry_is_refused_at_once() {
    let site = MGAGE.site().await;
    let item = json!({
        "channel": { "from": { "id": "87767" }, "to": { "id": CONSUMER } },
        "type": "RichMedia",
        "content": [{ "type": "image", "url": "https://company.com/a.png" }],
    });
    let reply = site
        .tenant
        .post("/nexus/v3/messages", &json!({ "messages": [item] }))
        .await;
    assert_eq!(
        reply.json()["data"]["results"][0]["error"]["code"],
        510,
        "{:?}",
        reply.json()
    );
}

#[tokio::test]
async fn a_sender_without_the_service_cannot_send() {
    let site = MGAGE.site().await;
    let path = format!(
        "/nexus/v3/provisioning/services/{}/mGageSMS",
        site.tenant.ccid
    );
    assert_eq!(site.tenant.delete(&path).await.status, 200);
    let reply = site.submit("Hello").await;
    let error = &reply.json()["data"]["results"][0]["error"];
    assert_eq!(error["code"], 422);
    assert!(
        error["message"].as_str().unwrap().contains("mGageSMS"),
        "{error}"
    );
}

#[tokio::test]
async fn a_text_that_waits_for_credentials_is_sent_by_whoever_owns_its_lane_then() {
    let site = MGAGE.site().await;
    let wrong = (site.carrier.wrong_secret)();
    assert_eq!(site.save_secret(wrong).await.status, 200);
    let id = site.send("patience").await;
    site.attempts(&id, 1).await;
    let site = site.moved().await;
    assert_eq!(site.tenant.message(&id).await["status"], "Queued");
    let right = site.carrier.right_secret();
    assert_eq!(site.save_secret(right).await.status, 200);
    site.tenant.wait_for_status(&id, "Sent").await;
    assert_eq!(site.provider.count(), 2);
}
